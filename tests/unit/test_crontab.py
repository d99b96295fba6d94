"""The crontab line: written in one place, the same everywhere, and it loses nothing."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from urllib.parse import parse_qsl, urlsplit

import pytest

from gocron.core.checkin import first_time_needs, read_checkin
from gocron.core.own_outage import SHUT_AFTER_S, SIGN_EVERY_S
from gocron.front.request import retry_later
from gocron.render.crontab import (
    CURL,
    CURL_POST,
    SAMPLE,
    check_in,
    crontab_line,
    reporting_line,
)

ROOT = Path(__file__).parents[2]
TRIES = 1 + int(re.search(r"--retry (\d+) ", CURL)[1])
BRIDGED_S = SHUT_AFTER_S + SIGN_EVERY_S


@dataclass
class Door:
    """A web server that answers one way, and notes what came and when."""

    answers: dict[str, tuple[int, dict[str, str]]]
    port: int = 0
    came: list[tuple[str, str, bytes]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def door(**answers: tuple[int, dict[str, str]]) -> Iterator[Door]:
    opened = Door(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            opened.at.append(monotonic())
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            opened.came.append((self.command, self.path, body))
            path = urlsplit(self.path).path.strip("/")
            status, headers = opened.answers.get(path, (201, {}))
            if not status:
                return  # the connection breaks off
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        opened.port = server.server_address[1]
        Thread(target=server.serve_forever, daemon=True).start()
        yield opened
        server.shutdown()


def run(command: str, **options: str) -> int:
    """Run the line with a few of curl's numbers made smaller, so that nobody waits a minute."""
    words = shlex.split(command)
    for name, value in options.items():
        words[words.index(f"--{name}") + 1] = value
    return subprocess.run(words, check=False, capture_output=True).returncode


# One place


def copies() -> Iterator[tuple[str, str]]:
    """Every place in docs, examples and roles where a check-in by curl is written."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split():
        if name.startswith("tests/") or name == "gocron/render/crontab.py":
            continue
        text = (ROOT / name).read_text("utf-8", "replace")
        for found in re.findall(r"curl -fsS .*", text):
            if "/healthcheck" not in found:
                yield name, found


def test_every_copy_of_the_line_is_the_one_line() -> None:
    found = list(copies())
    assert {name for name, _ in found} >= {
        "README.md",
        "docs/check-in.md",
        "docs/sites.md",
        "contrib/cron/crontab.example",
        "ansible/roles/gocron_job/vars/main.yml",
    }
    for name, line in found:
        assert line.startswith(CURL), name
        if " -d " in line:
            assert line.startswith(f"{CURL_POST} "), name


def test_nobody_writes_a_line_of_his_own() -> None:
    """Shell, templates and programs get it from the one place."""
    writers = {name for name, _ in copies() if not name.endswith((".md", ".example"))}
    assert writers == {"ansible/roles/gocron_job/vars/main.yml"}


def test_the_readme_shows_the_sample() -> None:
    line = crontab_line(
        "17 3 * * *", "/usr/local/bin/backup", "http://gocron.example.com:8080/", SAMPLE
    )
    assert f"\n    {line}\n" in (ROOT / "README.md").read_text("utf-8")


def test_readme_and_example_show_the_line_that_reports_failures() -> None:
    told = ("17 3 * * *", "/usr/local/bin/backup", "http://gocron.example.com:8080/", SAMPLE)
    assert f"\n    {reporting_line(*told)}\n" in (ROOT / "README.md").read_text("utf-8")
    example = (ROOT / "contrib/cron/crontab.example").read_text("utf-8")
    assert '&grace=2h&exit=$?"\n' in example


@pytest.mark.parametrize(
    ("command", "exit_status"),
    [("true", "0"), ("false", "1"), ("(exit 3)", "3"), ("kill -9 $$", None), ("true | false", "1")],
)
def test_a_line_that_reports_tells_how_the_command_ended(
    tmp_path: Path, command: str, exit_status: str | None
) -> None:
    with door() as opened:
        line = reporting_line("", command, opened.url, SAMPLE).strip()
        subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True)
    told = [dict(parse_qsl(urlsplit(path).query)) for _, path, _ in opened.came]
    # A shell that is killed itself reports nothing: then the silence is told.
    assert told == ([] if exit_status is None else [{**SAMPLE, "exit": exit_status}])


def test_the_documented_line_with_output_tells_the_exit_status_and_the_end_of_it() -> None:
    docs = (ROOT / "docs/check-in.md").read_text("utf-8").splitlines()
    (line,) = (line.strip() for line in docs if line.strip().startswith("out=$("))
    assert "%" not in line, "cron ends the command at a %"
    with door() as opened:
        line = line.replace("http://gocron.example.com:8080", opened.url)
        line = line.replace("/usr/local/bin/backup", "sh -c 'seq 9999; echo \"a&b %\" >&2; exit 3'")
        subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True)
    ((method, path, body),) = opened.came
    assert method == "POST"
    assert dict(parse_qsl(urlsplit(path).query)) == {**SAMPLE, "exit": "3"}
    ((name, printed),) = parse_qsl(body.decode())
    assert name == "msg"
    assert printed.endswith("9999\na&b %")
    assert len(body) < 16_384, "as much as nginx takes"


def test_every_line_of_an_example_has_a_grace() -> None:
    for name, line in copies():
        if "frequency" in line:
            assert "grace" in line, f"{name}: {line}"


def test_the_sample_declares_a_job() -> None:
    url = shlex.split(check_in("http://gocron.example.com", SAMPLE))[-1]
    checkin = read_checkin(parse_qsl(urlsplit(url).query), "192.0.2.1", 0)
    assert first_time_needs(checkin) is None
    assert checkin.grace_s


def test_names_of_any_kind_survive_shell_and_crontab() -> None:
    fields = {**SAMPLE, "cronname": "100 % `ls` $HOME \"'&日", "email": "ops+web@example.com"}
    line = crontab_line("@daily", "true", "https://gocron.example.com/", fields)
    assert not re.search(r"(?<!\\)%", line), "cron ends the command at a %"
    words = shlex.split(line.replace("\\%", "%"))
    assert dict(parse_qsl(urlsplit(words[-1]).query)) == fields


# It loses nothing


def test_what_curl_bridges_is_longer_than_the_shortest_outage_that_is_seen_and_a_sign() -> None:
    told = {int(dict(retry_later("").headers)["Retry-After"]) for _ in range(500)}
    assert told == set(range(8, 13)), "a fleet must not come back in step"
    retries = TRIES - 1
    assert retries * min(told) > BRIDGED_S
    # Where nobody answers curl doubles its pause, from one second on.
    assert sum(2**pause for pause in range(retries)) > BRIDGED_S


def test_curl_comes_back_when_it_is_told_to_and_as_often_as_it_says() -> None:
    with door(away=(503, {"Retry-After": "1"})) as opened:
        assert run(check_in(f"{opened.url}/away", SAMPLE)) == 22
        pauses = [later - at for at, later in zip(opened.at, opened.at[1:], strict=False)]
    assert len(opened.at) == TRIES
    # By itself it would have doubled them.
    assert all(1 <= pause < 2 for pause in pauses[2:]), pauses


def test_a_connection_that_breaks_off_is_tried_again() -> None:
    with door(breaks=(0, {})) as opened:
        assert run(check_in(f"{opened.url}/breaks", SAMPLE), retry="1") == 52
        assert len(opened.came) == 2


def test_a_check_in_goes_where_a_redirect_leads() -> None:
    for status in (301, 302, 303, 307, 308):
        with door() as opened:
            opened.answers[""] = (status, {"Location": "/moved?a=b"})
            assert run(check_in(opened.url, SAMPLE)) == 0
            assert opened.came[-1][:2] == ("GET", "/moved?a=b")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_check_in_by_post_stays_one_where_a_redirect_leads(status: int) -> None:
    with door() as opened:
        opened.answers[""] = (status, {"Location": "/moved"})
        assert run(f"{CURL_POST} -d cronname=backup {opened.url}/") == 0
        assert opened.came[-1] == ("POST", "/moved", b"cronname=backup")
