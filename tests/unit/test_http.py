"""What answers a POST that matters, and what nobody may read of its URL."""

import gzip
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gocron.config import load_config
from gocron.notify import DeliveryFailed, Lease, LeaseOver, TooLarge, Unwanted
from gocron.notify.http import NoAnswer, fetch
from gocron.notify.slack import Slack
from gocron.sweep.world import WatchdogAway, report_well
from tests.peers import scripted_server, slack_peer

SECRET = "T0AB/B0CD/s3cr%65tT0ken"
PAGE = b"<!DOCTYPE html><html><body>Please log in. ok</body></html>"


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


@contextmanager
def hook(answered: bytes) -> Iterator[str]:
    with scripted_server(answered) as port:
        yield f"http://127.0.0.1:{port}/services/{SECRET}"


def post(url: str, message: dict[str, str], lease: Lease | None = None) -> None:
    Slack(replace(load_config(environment={}), slack_hook_url=url)).send(message, "", lease)


def redirects() -> list[bytes]:
    return [
        answer(f"{status} Elsewhere", b"ok", f"Location: {where}")
        for status in (300, 301, 302, 303, 307, 308)
        for where in ("http://127.0.0.1:9/", "/login", "ftp://127.0.0.1/", "file:///etc/passwd")
    ]


# What is no success for anybody.
NOT_TAKEN = [
    *redirects(),
    answer("304 Not Modified"),
    answer("200 OK", b"ok", "Refresh: 0; url=http://127.0.0.1:9/"),
    answer("200 OK", PAGE, "Content-Type: text/html"),
    answer("200 OK", PAGE),
    answer("200 OK", b"\xef\xbb\xbf \n" + PAGE),
    answer("200 OK", PAGE.decode().encode("utf-16")),
    answer("200 OK", b"ok<META http-equiv=refresh content='0; url=/login'>"),
    answer("200 OK", b'<?xml version="1.0"?><error/>'),
    answer("200 OK", gzip.compress(PAGE), "Content-Encoding: gzip"),
    answer("200 OK", b'{"ok": false, "msg": "no such monitor"}', "Content-Type: application/json"),
    answer("200 OK", b"OK (not found)"),
    answer("203 Non-Authoritative", b"ok"),
    answer("205 Reset"),
    answer("206 Partial", b"ok"),
    answer("299 Odd", b"ok"),
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok",
    chunked(b"2\r\nok\r\n"),
    chunked(b"zz\r\nok\r\n0\r\n\r\n"),
    b"ok",
    b"ok\r\n\r\n",
    b"HTTP/0.9 ok\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\nok",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\nok",
    b"",
    answer("404 Not Found", b"no_service"),
    answer("407 Proxy Authentication Required"),
    answer("500 Oh", b"ok"),
    answer("511 Network Authentication Required", PAGE),
]


@pytest.mark.parametrize("answered", NOT_TAKEN)
def test_only_what_the_receiver_itself_took_is_taken(answered: bytes) -> None:
    with hook(answered) as url, pytest.raises(DeliveryFailed) as refused:
        post(url, {"text": "a is missing"})
    with hook(answered) as url, pytest.raises(WatchdogAway) as away:
        report_well(url)
    for said in (str(refused.value), str(away.value)):
        assert "\n" not in said
        assert not any(part in said for part in ("T0AB", "B0CD", "s3cr", "T0ken", "services"))


@pytest.mark.parametrize("answered", [answer("200 OK", b"ok"), chunked(b"2\r\nok\r\n0\r\n\r\n")])
def test_slack_took_what_it_says_ok_to(answered: bytes) -> None:
    with hook(answered) as url:
        post(url, {"text": "a is missing"})


@pytest.mark.parametrize("body", [b"", b"OK", b"okay", b'{"ok":true}', b"invalid_token"])
def test_slack_took_nothing_that_it_says_anything_else_to(body: bytes) -> None:
    with hook(answer("200 OK", body)) as url, pytest.raises(DeliveryFailed):
        post(url, {})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("400 Bad", b"invalid_blocks", Unwanted),
        ("422 Bad", b"", Unwanted),
        ("413 Large", b"", TooLarge),
        ("403 No", b"action_prohibited", DeliveryFailed),
        ("410 Gone", b"channel_is_archived", DeliveryFailed),
        ("429 Often", b"rate_limited", DeliveryFailed),
        ("302 Found", b"", DeliveryFailed),
    ],
)
def test_what_slack_objects_to_in_a_post_is_told_from_what_it_objects_to_at_all(
    status: str, body: bytes, kind: type
) -> None:
    with hook(answer(status, body)) as url, pytest.raises(DeliveryFailed) as refused:
        post(url, {})
    assert type(refused.value) is kind
    assert body.decode() in str(refused.value)


@pytest.mark.parametrize(
    "answered",
    [
        answer("201 Created"),
        answer("202 Accepted"),
        answer("200 OK", b"OK"),
        answer("200 OK", b"OK", "Content-Type: text/html"),
        answer("200 OK", b'{"ok": true}', "Content-Type: application/json"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nOK",
    ],
)
def test_a_watchdog_took_what_it_answers_itself(answered: bytes) -> None:
    with hook(answered) as url:
        report_well(url)


@pytest.mark.parametrize(
    "quoted",
    [
        f"no hook /services/{SECRET}",
        "no hook s3cretT0ken",
        "NO HOOK S3CRETT0KEN",
        "no hook s3cr%65tT0ken",
        "no hook s3cr&#101;tT0ken",
        "no hook s3cr%2565tT0ken",
        "user: bob, password: l0ngpassword",
        "Authorization: Basic Ym9iOmwwbmdwYXNzd29yZA==",
    ],
)
def test_a_server_that_sends_a_url_back_is_not_quoted(quoted: str) -> None:
    with scripted_server(answer("404 Not Found", quoted.encode())) as port:
        url = f"http://bob:l0ngpassword@127.0.0.1:{port}/services/{SECRET}"
        with pytest.raises(WatchdogAway) as away:
            report_well(url)
    assert str(away.value) == "watchdog at 127.0.0.1: answered 404"


@pytest.mark.parametrize(
    "url",
    [
        f"http://bob:l0ngpassword@127.0.0.1:9/{SECRET}",
        f"http://127.0.0.1:9/{SECRET}\u00e9",
        f"http://127.0.0.1:9/{SECRET} x",
        f"http://127.0.0.1:9/{SECRET}\r\nx: y",
        f"http://bob:{SECRET}",
        f"http://127.0.0.1:{SECRET}/",
        f"http://[::1/{SECRET}",
        f"http://{'a' * 300}.example.com/{SECRET}",
        f"gopher://127.0.0.1/{SECRET}",
        f"file:///{SECRET}",
    ],
)
def test_a_url_that_can_not_be_used_is_not_quoted(url: str) -> None:
    with pytest.raises(NoAnswer) as refused:
        fetch(url, 5)
    said = str(refused.value)
    assert said and "\n" not in said
    for part in ("T0AB", "B0CD", "s3cr", "T0ken", "l0ngpassword", "bob"):
        assert part not in said


def test_a_login_in_a_url_is_sent_as_curl_does() -> None:
    with slack_peer() as peer:
        post(peer.url.replace("//", "//bob:s%3Ac@"), {"text": "a is missing"})
    assert peer.asked[0]["Authorization"] == f"Basic {b64encode(b'bob:s:c').decode()}"
    assert "bob" not in peer.asked[0]["Host"]


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    drops = [b"x: y\r\n"] * 200
    with (
        scripted_server(answer("200 OK")[:-2], *drops, pause_s=0.05) as port,
        pytest.raises(NoAnswer, match="not done within 1 s"),
    ):
        fetch(f"http://127.0.0.1:{port}/", 1)


def test_of_an_answer_that_is_too_long_only_its_beginning_is_read() -> None:
    with hook(answer("200 OK", b"ok" * 1_000_000)) as url, pytest.raises(DeliveryFailed):
        post(url, {})


def test_a_claim_that_ended_before_a_connection_stood_hands_nothing_over() -> None:
    with scripted_server(answer("200 OK", b"ok")) as port, pytest.raises(LeaseOver):
        post(f"http://127.0.0.1:{port}/", {}, Lease(300, lambda: 301.0))


def test_a_proxy_that_the_environment_names_is_asked_only_where_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted_server(answer("200 OK", PAGE)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        with pytest.raises(DeliveryFailed, match="a web page"):
            post(f"http://127.0.0.1:9/services/{SECRET}", {})
        with pytest.raises(NoAnswer):
            fetch("http://127.0.0.1:9/", 5, direct=True)
