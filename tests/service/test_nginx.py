"""What nginx lets through to the front, and of whom how much."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.service.webserver import nginx

pytestmark = pytest.mark.nginx


class Front:
    """A front that takes all, and remembers for what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@contextmanager
def running() -> Iterator[Front]:
    front = Front()
    threading.Thread(target=front.server.serve_forever, daemon=True).start()
    try:
        yield front
    finally:
        front.server.shutdown()
        front.server.server_close()


INSIDE = ("cron", "cron/", "cron/missed", "cron/web-01", "version")
DETOURS = (
    "/{}",
    "//{}",
    "/./{}",
    "/x/../{}",
    "/%2e/{}",
    "/x/%2e%2e/{}",
    "/healthcheck/../{}",
    "/healthcheck/%2E%2e/{}",
    "/status/../{}",
    "/status/%2e%2e/{}",
    "/{}/..",
    "/{}/../",
    "/{}/%2e%2e",
    "/{}/%2e%2e/%2e",
    "/{}/..//",
    "/{}/../?account=x",
    "/{}/../healthcheck",
    "/{}/%2e%2e/healthcheck",
    "/{}%2f..",
    "/{}?/../..",
    "/{}#/../..",
    "/{};/..",
    "/?/../{}",
    "http://gocron.example.com/{}/..",
    "http://gocron.example.com/{}",
    "/ping/../{}",
    "/ping/%2e%2e/{}",
    "/ping/a/../../{}",
    "/ping/a/%2e%2e/%2e%2e/{}",
    "/ping/a/..%2f..%2f{}",
    "/{}/../ping/a/b",
    "/{}/%2e%2e/ping/a/b",
    "/{}/..//ping/a/b",
    "/{}%2f../ping/a/b",
)


def test_no_way_through_nginx_leads_to_the_read_api(tmp_path: Path) -> None:
    with running() as front, nginx(tmp_path, front.port) as server:
        for detour in DETOURS:
            for inside in INSIDE:
                target = detour.format(inside)
                server.send(
                    f"GET {target} HTTP/1.1\r\nHost: gocron.example.com\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
        asked = {path.partition("?")[0] for path in front.asked}
        assert {path for path in asked if not path.startswith("/ping/a/")} == {"/", "/healthcheck"}


def test_what_is_asked_reaches_the_front_as_it_was_asked(tmp_path: Path) -> None:
    query = "account=a%2Fb&cronname=%25%20+x;y&email=a@example.com&frequency=1d&frequency=%00"
    with running() as front, nginx(tmp_path, front.port) as server:
        assert server.check_in(query) == 201
        assert front.asked == [f"/?{query}"]


def test_a_ping_reaches_the_front_as_it_was_asked_and_another_path_does_not(
    tmp_path: Path,
) -> None:
    pings = (
        "/ping/web-01/backup",
        "/ping/web-01/backup/",
        "/ping/web-01/DB%20dump/fail?rid=a%2Fb&msg=%25+x",
        "/ping/caf%C3%A9/caf\u00e9/3",
        "/ping/web-01/a%2Fb",
        "/ping/web-01/a;b/TERM?",
    )
    others = (
        "/ping/",
        "/ping/checks",
        "/ping/web-01/",
        "/ping//backup",
        "//ping/web-01/backup",
        "/ping/web-01/backup//",
        "/ping/web-01/backup/start/x",
        "/ping/web-01/./backup",
        "/x/../ping/web-01/backup",
        "/ping/web-01/backup#x",
    )
    with running() as front, nginx(tmp_path, front.port) as server:
        for path in pings:
            assert server.send(get(path)) == 201
        assert front.asked == [path.encode().decode("latin-1") for path in pings]
        for path in others:
            assert server.send(get(path)) == 404, path
        for path in ("/ping/web-01/<b>", "/ping/web-01/`b`", "/ping/web-01/b?<x>"):
            assert server.send(get(path)) == 400, path
        for path in ("/ping/web-01/b%00", "/ping/web-01/%zz", "/ping/../../cron"):
            assert server.send(get(path)) == 400, path
        assert server.send(get(pings[0], "Origin: https://evil.example")) == 403
        assert len(front.asked) == len(pings)


def get(path: str, *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: gocron", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode()


# (who checks in, what the answer is), in this order, where each client may check in once.
CLIENTS = (
    ("203.0.113.9", 201),
    ("203.0.113.9", 429),
    ("203.0.113.10", 201),
    ("2001:db8:0:1::1", 201),
    ("2001:db8:0:1::2", 429),
    ("2001:db8:0:1:ffff:ffff:ffff:ffff", 429),
    ("2001:db8:0:2::1", 201),
    ("2001:db8:a0a:a0a:a0a:a0a:a0a:a0a", 201),
    ("2001:db8:a0a:a0a::", 429),
    ("::ffff:198.51.100.1", 201),
    ("::ffff:198.51.100.2", 201),
)


def test_a_client_is_limited_by_its_ipv4_address_or_its_ipv6_network(tmp_path: Path) -> None:
    with running() as front, nginx(tmp_path, front.port, strict=True) as server:
        for client, status in CLIENTS:
            assert server.check_in("x", client=client) == status, client
