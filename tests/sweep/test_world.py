"""What a sweep learns from its own front door and from the watchdog, whatever answers there."""

import socket
from contextlib import ExitStack

import pytest

from gocron.config import load_config
from gocron.core.own_outage import Knock, Knocked
from gocron.sweep.world import WatchdogAway, knock, open_world, report_well
from tests.peers import scripted_server


def answer(status: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def knocked_at(port: int) -> Knocked:
    return knock(f"http://127.0.0.1:{port}/?token=secret", "gocron", is_here=True)


@pytest.mark.parametrize(
    ("answered", "found"),
    [
        (answer("201 Created"), Knock.KEPT),
        (answer("202 Accepted"), Knock.JOURNALLED),
        (answer("200 OK"), Knock.FAILED),
        (answer("400 Bad Request", b"account is missing"), Knock.FAILED),
        (b"220 this is a mail server\r\n\r\n", Knock.FAILED),
        (b"", Knock.FAILED),
    ],
)
def test_only_201_is_a_check_in_that_was_kept(answered: bytes, found: Knock) -> None:
    with scripted_server(answered) as port:
        assert knocked_at(port).knock is found


@pytest.mark.parametrize("is_here", [True, False])
def test_a_server_that_takes_the_connection_and_says_nothing_is_slow_and_not_away(
    monkeypatch: pytest.MonkeyPatch, is_here: bool
) -> None:
    monkeypatch.setattr("gocron.sweep.world.TRY_LIMIT_S", 0.4)
    monkeypatch.setattr("gocron.sweep.world.PAUSES_S", ())
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        knocked = knock(f"http://127.0.0.1:{nobody.getsockname()[1]}/", "gocron", is_here)
    assert knocked.knock is Knock.SLOW
    assert "no answer within" in knocked.why


def test_an_answer_names_the_sign_on_which_it_rests_and_how_the_front_is_configured() -> None:
    head = b"HTTP/1.1 201 Created\r\nGocron-Sign: 7-ab-9\r\nGocron-Configured: cd\r\n"
    with scripted_server(head + b"Content-Length: 0\r\n\r\n") as port:
        assert knocked_at(port) == Knocked(Knock.KEPT, "", "7-ab-9", "cd")


def test_what_is_said_of_a_shut_door_names_the_server_and_its_answer_and_no_secret() -> None:
    with scripted_server(answer("503 Away", b"database is away;\n try again")) as port:
        why = knocked_at(port).why
    assert why == f"127.0.0.1:{port}: answered 503 database is away; try again"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 500 Oh\r\nContent-Length: 9999\r\n\r\n"])
def test_a_door_that_answers_by_drops_does_not_hold_the_sweep(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr("gocron.sweep.world.TRY_LIMIT_S", 1)
    with scripted_server(head, *[b"x"] * 150, pause_s=0.05) as port:
        assert knocked_at(port) == Knocked(Knock.FAILED, f"127.0.0.1:{port}: not done within 1 s")


def test_a_front_that_starts_while_the_sweep_tries_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted_server() as port:
        pass
    front = ExitStack()

    def start(pause_s: float) -> None:
        if pause_s == 2:
            front.enter_context(scripted_server(answer("201 Created"), port=port))

    monkeypatch.setattr("gocron.sweep.world.sleep", start)
    with front:
        assert knock(f"http://127.0.0.1:{port}/", "gocron") == Knocked(Knock.KEPT)


def test_a_front_on_this_host_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server() as nobody:
        pass
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{nobody}")
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted_server(answer("201 Created")) as port:
        config = load_config(None, {"GC_LISTEN_HOST": "127.0.0.1", "GC_LISTEN_PORT": str(port)})
        assert open_world(config).knock("gocron") == Knocked(Knock.KEPT)


def test_a_knock_goes_where_a_redirect_leads_as_the_curl_of_a_crontab_does() -> None:
    with scripted_server(answer("201 Created")) as front:
        moved = answer("301 Moved").replace(
            b"\r\n\r\n", f"\r\nLocation: http://127.0.0.1:{front}/\r\n\r\n".encode()
        )
        with scripted_server(moved) as port:
            assert knocked_at(port) == Knocked(Knock.KEPT)


@pytest.mark.parametrize("where", ["ftp://127.0.0.1/", "file:///etc/passwd", "data:,x", "/?again"])
def test_a_redirect_leads_a_knock_to_no_file_and_round_no_circle(where: str) -> None:
    moved = answer("301 Moved").replace(b"\r\n\r\n", f"\r\nLocation: {where}\r\n\r\n".encode())
    with scripted_server(moved) as port:
        assert knocked_at(port).knock in (Knock.FAILED, Knock.SLOW)


def test_a_watchdog_that_does_not_take_the_report_is_named_without_its_secret() -> None:
    with (
        scripted_server(answer("404 Not Found", b"no such check")) as port,
        pytest.raises(WatchdogAway) as raised,
    ):
        report_well(f"http://127.0.0.1:{port}/ping/secret")
    assert str(raised.value) == "watchdog at 127.0.0.1: answered 404 no such check"


def test_without_a_watchdog_nobody_is_asked() -> None:
    report_well("")
