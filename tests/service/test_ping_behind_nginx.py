"""`/ping/` behind a real nginx: output of any length, and outages in which only output is lost."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from gocron.promise import PERIOD_S, renew_promise_of
from tests.service.processes import until
from tests.service.test_outages import Gocron, new_gocron
from tests.service.webserver import Nginx, nginx

pytestmark = [pytest.mark.nginx, pytest.mark.timeout(240)]

NEW = "email=ops@example.com&frequency=1d"
OK = (200, b"OK")


@pytest.fixture
def gocron(tmp_path: Path) -> Iterator[Gocron]:
    with new_gocron(tmp_path / "gocron") as one:
        yield one


@pytest.fixture
def web(gocron: Gocron, tmp_path: Path) -> Iterator[Nginx]:
    with nginx(tmp_path / "nginx", gocron.port) as server:
        gocron.configure(self_url=f"http://127.0.0.1:{server.port}/", journal=server.journal)
        yield server


def ping(
    web: Nginx, path: str, body: bytes = b"", method: str = "POST", *headers: str
) -> tuple[int, bytes]:
    """Ask for `/ping/acme/` + `path` as Healthchecks' clients do; return status and body."""
    length = [] if "Transfer-Encoding: chunked" in headers else [f"Content-Length: {len(body)}"]
    lines = [f"{method} /ping/acme/{path} HTTP/1.1", "Host: gocron", "Connection: close"]
    head = "\r\n".join([*lines, *length, *headers, "", ""]).encode()
    came = b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as connection:
        with suppress(ConnectionError):
            connection.sendall(head + body)
        while chunk := connection.recv(65_536):
            came += chunk
    head, _, said = came.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 200"):
        assert b"\r\nping-body-limit: 10000" in head.lower()
    return int(head.split()[1]), said


def test_output_of_any_length_passes_nginx(gocron: Gocron, web: Nginx) -> None:
    with gocron.front():
        assert ping(web, f"backup?{NEW}") == OK
        assert ping(web, "backup/fail", method="HEAD") == (200, b"")
        for size in (1, 16_385, 2**20, 2**20 + 1, 8 * 2**20):
            assert ping(web, "backup/fail", b"x" * size) == OK
        chunk = b"%x\r\n" % 100_000 + b"x" * 100_000 + b"\r\n"
        chunked = "Transfer-Encoding: chunked"
        assert ping(web, "backup", chunk * 30 + b"0\r\n\r\n", "POST", chunked) == OK
    assert gocron.names() == {"backup"}


def test_output_that_never_ends_is_answered(gocron: Gocron, web: Nginx) -> None:
    with gocron.front():
        endless = b"x" * (40 * 2**20)
        assert ping(web, f"endless?{NEW}", endless) == OK
    assert gocron.names() == {"endless"}


NAMES = ("plain", "DB dump 100%", "räksmörgås 🥪", 'say "hi" \\ \' bye', "a;b&c=d", '{"at":"1')


def test_a_journal_keeps_each_ping_answers_200_and_loses_output_alone(
    gocron: Gocron, web: Nginx
) -> None:
    with gocron.front():
        gocron.heard_at(int(time.time()) - 60, "known")
        assert gocron.sweep() == (0, "")

    began_at = int(time.time())
    for number, name in enumerate(NAMES):
        for tail in ("", "/start", "/fail", "/TERM", "/3/"):
            assert ping(web, f"{quote(name)}{tail}?{NEW}&rid={number}", b"secret output") == OK
    assert ping(web, f"raw-\u65e5?{NEW}") == OK
    assert ping(web, f"got?{NEW}", method="GET") == OK
    assert ping(web, f"head?{NEW}", method="HEAD") == (200, b"")
    assert ping(web, f"long?{NEW}", b"x" * 2**20) == OK
    assert ping(web, "known/complete") == OK
    assert ping(web, "known", method="PUT")[0] == 405
    ended_at = int(time.time())
    assert web.check_in(f"account=acme&cronname=at-root&{NEW}") == 202

    until(lambda: b"at-root" in web.journal.read_bytes())
    lines = [json.loads(line) for line in web.journal.read_bytes().splitlines()]
    assert {line["body"] for line in lines} == {""}
    assert b"secret" not in web.journal.read_bytes()
    assert (lines[0]["path"], lines[0]["query"]) == ("/ping/acme/plain", f"{NEW}&rid=0")
    assert (lines[-1]["path"], lines[-1]["method"]) == ("", "GET")

    status, complaint = gocron.sweep()
    assert "can't be kept" not in complaint, complaint
    assert status == 6
    names = {*NAMES, "raw-\u65e5", "got", "head", "long", "known"}
    assert gocron.names() == names | {"at-root"}
    for name in names:
        job = gocron.job(name)
        assert began_at <= job.last_seen_at <= ended_at
        assert (job.address, job.network) == ("127.0.0.1", "")


def test_what_is_no_ping_is_not_kept_in_the_journal(gocron: Gocron, web: Nginx) -> None:
    gocron.sweep()
    for path in ("", "a/start/b", "a/../..", "a#b"):
        assert ping(web, path)[0] == 404
    assert ping(web, "..")[0] == 404
    assert ping(web, "a", b"", "GET", "Origin: https://evil.example")[0] == 403
    assert b"/ping/" not in web.journal.read_bytes()
    # Skipped with one warning, as at /.
    assert ping(web, "a/banana") == OK
    assert ping(web, "a%ff") == OK
    assert ping(web, "unknown") == OK
    assert (
        "journal: 3 check-ins can't be kept; the first: path: '/ping/acme/a/banana'"
        in (gocron.sweep()[1])
    )


def test_nginx_promises_a_ping_nothing_where_nobody_reads_the_journal(
    gocron: Gocron, web: Nginx
) -> None:
    gocron.sweep()
    renew_promise_of(web.journal, int(time.time()) - 2 * PERIOD_S)
    assert ping(web, f"backup?{NEW}", b"output")[0] == 503
    assert b"/ping/" not in web.journal.read_bytes()


def test_a_front_without_a_database_has_nginx_keep_the_ping(gocron: Gocron, web: Nginx) -> None:
    with gocron.front():
        assert gocron.sweep() == (0, "")
        hidden = gocron.folder / "hidden.db"
        (gocron.folder / "gocron.db").rename(hidden)
        assert ping(web, f"backup?{NEW}", b"x" * 100_000) == OK
        hidden.rename(gocron.folder / "gocron.db")
        # Written once the client has gone.
        until(lambda: b"/ping/acme/backup" in web.journal.read_bytes())
        gocron.sweep()
    assert gocron.names() == {"backup"}


def test_a_flood_is_turned_away_as_at_root(gocron: Gocron, tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx", gocron.port, strict=True) as web, gocron.front():
        assert ping(web, f"backup?{NEW}") == OK
        assert ping(web, "backup")[0] == 429


def test_curl_posts_a_large_file_through_nginx_whether_or_not_a_front_answers(
    gocron: Gocron, web: Nginx, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    output.write_bytes(b"x" * (4 * 2**20))
    curl = ["curl", "-fsS", "-m", "30", "--data-binary", f"@{output}"]
    url = f"http://127.0.0.1:{web.port}/ping/acme/curl?{NEW}"
    with gocron.front():
        assert gocron.sweep() == (0, "")
        assert subprocess.run([*curl, url], capture_output=True, check=True).stdout == b"OK"
    assert subprocess.run([*curl, url], capture_output=True, check=True).stdout == b"OK"
    until(lambda: b"/ping/acme/curl" in web.journal.read_bytes())
