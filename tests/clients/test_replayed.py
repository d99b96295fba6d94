"""Requests of clients that aren't run here, written after their sources, and curl as it is.

Method, path, query, type and body are what the clients' own code makes. The other headers are what
their HTTP libraries usually add; no client was recorded. Each takes only certain answers for good:
these are its own conditions, not the protocol's.
"""

import json
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

import pytest

from gocron.core.signal import FAIL, LOG, OK, START, Signal
from tests.clients.conftest import Ear
from tests.front.test_served import Served

JOB = "/ping/web-01/backup"
RUN = "3f1c3c5e-8a8e-4d0b-9d0c-2f2a4f0d9b11"


@contextmanager
def answered(port: int, raw: bytes, method: str = "POST") -> Iterator[HTTPResponse]:
    """Send `raw` over a connection that stays open, and read as far as the answer says."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw)
        response = HTTPResponse(connection, method=method)
        response.begin()
        yield response
        response.close()


def sent(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def runitor(tail: str, body: bytes = b"") -> bytes:
    """What Go's HTTP client sends for it."""
    return sent(
        "POST",
        f"{JOB}{tail}?rid={RUN}",
        "User-Agent: runitor/v1.4.1 (+https://bdd.fi/x/runitor)",
        f"Content-Length: {len(body)}",
        "Content-Type: text/plain",
        "Accept-Encoding: gzip",
        body=body,
    )


@pytest.mark.parametrize("tail", ["/start", "", "/0", "/1", "/255", "/fail", "/log"])
def test_runitor_takes_200_and_201_alone_and_may_be_told_how_much_to_send(
    front: Served, tail: str
) -> None:
    with answered(front.port, runitor(tail, b"x" * 10_000)) as answer:
        assert answer.status in (200, 201)
        assert 0 < int(answer.getheader("Ping-Body-Limit", "")) <= 10_000_000
        assert answer.read() == b"OK"


def test_runitor_s_start_end_and_output_are_understood(ear: Ear) -> None:
    for tail, body in (("/start", b""), ("/3", b"tar: no space\n"), ("", b"done")):
        with answered(ear.port, runitor(tail, body)) as answer:
            assert answer.status == 200
    assert ear.heard() == [
        Signal(START),
        Signal(FAIL, "3", output="tar: no space\n"),
        Signal(OK, output="done"),
    ]


def backrest(tail: str, body: bytes) -> bytes:
    """Go tells the length of a body that it has in memory."""
    return sent(
        "POST",
        f"{JOB}{tail}",
        "User-Agent: Go-http-client/1.1",
        f"Content-Length: {len(body)}",
        "Content-Type: text/plain",
        "Accept-Encoding: gzip",
        body=body,
    )


@pytest.mark.parametrize(
    ("tail", "kind"), [("/start", START), ("/fail", FAIL), ("/log", LOG), ("", OK)]
)
def test_backrest_takes_200_and_204_alone(front: Served, ear: Ear, tail: str, kind: str) -> None:
    body = b"Backrest Notification\nTask: backup"
    for port in (front.port, ear.port):
        with answered(port, backrest(tail, body)) as answer:
            assert answer.status in (200, 204)
    assert ear.heard() == [Signal(kind, output=body.decode())]


def ansible(method: str, path: str, body: bytes = b"") -> bytes:
    """What Ansible's fetch_url sends, which is made of Python's urllib."""
    form = "Content-Type: application/x-www-form-urlencoded"
    return sent(
        method,
        path,
        "Accept-Encoding: identity",
        *((form, f"Content-Length: {len(body)}") if body else ()),
        "User-Agent: ansible-httpget",
        "X-Api-Key: unknown",
        "Connection: close",
        body=body,
    )


@pytest.mark.parametrize(
    ("tail", "heard"),
    [
        ("", Signal(OK)),
        ("/start", Signal(START)),
        ("/fail", Signal(FAIL)),
        ("/7", Signal(FAIL, "7")),
    ],
)
def test_ansible_s_ping_asks_for_checks_which_must_not_be_401_and_takes_200_of_head_alone(
    front: Served, ear: Ear, tail: str, heard: Signal
) -> None:
    for port in (front.port, ear.port):
        # By which base is up to who configures it; the body is its word for no data.
        for checks in ("/ping/checks", "/ping/checks/", "/api/v1/checks"):
            with answered(port, ansible("GET", checks, b"null"), "GET") as answer:
                assert answer.status == 404
        with answered(port, ansible("HEAD", JOB + tail), "HEAD") as answer:
            assert answer.status == 200
    assert ear.heard() == [heard]


WATCHDOG = {
    "receiver": "gocron",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Watchdog", "severity": "none"},
            "annotations": {"summary": "Ensure the entire alerting pipeline is functional"},
            "startsAt": "2026-11-26T18:00:00.000Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=vector%281%29",
            "fingerprint": "e1749c7bf4b1f2d3",
        }
    ],
    "groupLabels": {"alertname": "Watchdog"},
    "commonLabels": {"alertname": "Watchdog", "severity": "none"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "version": "4",
    "groupKey": '{}/{alertname="Watchdog"}:{alertname="Watchdog"}',
    "truncatedAlerts": 0,
}


def test_alertmanager_s_watchdog_is_a_check_in(front: Served) -> None:
    body = json.dumps(WATCHDOG).encode()
    raw = sent(
        "POST",
        "/ping/monitoring/watchdog",
        "User-Agent: Alertmanager/0.27.0",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        body=body,
    )
    with answered(front.port, raw) as answer:
        assert 200 <= answer.status < 300


# As Healthchecks' documentation, autorestic and many scripts have it; {} is the URL.
RECIPES = (
    ("curl -m 10 --retry 5 {}", [Signal()]),
    ("curl -fsS -m 10 --retry 5 -o /dev/null {}", [Signal()]),
    ("curl -fsS -m 10 --retry 5 -o /dev/null {}/start && false; curl -fsS {}/$?",
     [Signal(START), Signal(FAIL, "1")]),
    ("m=$(echo backup done 2>&1); curl -fsS -m 10 --data-raw \"$m\" {}/$?",
     [Signal(OK, output="backup done")]),
    ("seq 100 | curl -fsS --data-binary @- {}/log", [Signal(LOG, output="".join(
        f"{number}\n" for number in range(1, 101)))]),
    ("curl -fsSI {}", [Signal()]),
    ("EXIT_STATUS=TERM; curl -fsS -m 10 {}/${{EXIT_STATUS}}", [Signal(FAIL, "TERM")]),
    ("curl -fsS '{}?exit=3&duration=12'", [Signal(FAIL, "3", 12)]),
)  # fmt: skip


@pytest.mark.parametrize(("recipe", "heard"), RECIPES, ids=[recipe for recipe, _ in RECIPES])
def test_a_line_of_a_crontab_or_a_script_is_understood(
    ear: Ear, recipe: str, heard: list[Signal]
) -> None:
    line = recipe.format(*[ear.url] * recipe.count("{}"))
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("curl:")) == (0, 0), shlex.quote(line)
    assert ear.heard() == heard
