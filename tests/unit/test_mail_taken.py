"""Whether a mail was taken, was surely not taken, or may have been, whatever ends its delivery."""

from dataclasses import replace
from email.message import EmailMessage

import pytest

from gocron.config import load_config
from gocron.notify import Deferred, DeliveryFailed, Unsure
from gocron.notify.mail import Mail
from tests.peers import scripted_server

UP_TO_RCPT = (b"220 mail\r\n", b"250 mail\r\n", b"250 OK\r\n", b"250 OK\r\n")
UP_TO_DATA = (*UP_TO_RCPT, b"354 go on\r\n")


def mail(lines: int = 1) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "gocron@example.com"
    made.set_content(("x" * 70 + "\n") * lines)
    return made


def opened(port: int, smtp_timeout: float = 20) -> Mail:
    options = {"GC_SMTPSERVER": "127.0.0.1", "GC_SMTPPORT": str(port)}
    return Mail(replace(load_config(environment=options), smtp_timeout=smtp_timeout))


def send(port: int, message: EmailMessage, smtp_timeout: float = 20) -> None:
    with opened(port, smtp_timeout) as server:
        server.send(message, "ops@example.com")


def failure(*said: bytes, message: EmailMessage | None = None, smtp_timeout: float = 20) -> type:
    with scripted_server(*said) as port, pytest.raises(DeliveryFailed) as failed:
        send(port, message or mail(), smtp_timeout)
    return failed.type


@pytest.mark.parametrize("answer", [b"250 OK\r\n", b"251 forwarded\r\n", b"200 so be it\r\n"])
def test_a_mail_is_taken_whatever_kind_of_yes_a_server_says(answer: bytes) -> None:
    with scripted_server(*UP_TO_DATA, answer) as port:
        send(port, mail())


@pytest.mark.parametrize("answer", [b"421 closing\r\n", b"450 later\r\n", b"550 5.7.1 relay\r\n"])
def test_a_no_after_the_whole_message_is_one(answer: bytes) -> None:
    assert failure(*UP_TO_DATA, answer) is Deferred


@pytest.mark.parametrize("answer", [b"garbage\r\n", b"354 go on\r\n", b"x" * 9000, b"999 ?\r\n"])
def test_an_answer_that_tells_nothing_leaves_it_open_whether_a_mail_was_taken(
    answer: bytes,
) -> None:
    assert failure(*UP_TO_DATA, answer) is Unsure


def test_a_hang_up_after_the_whole_message_leaves_it_open_whether_it_was_taken() -> None:
    assert failure(*UP_TO_DATA) is Unsure


def test_silence_after_the_whole_message_leaves_it_open_whether_it_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert failure(*UP_TO_DATA, b"", smtp_timeout=0.2) is Unsure
    monkeypatch.setattr("gocron.notify.mail.DELIVERY_LIMIT_S", 0.2)
    assert failure(*UP_TO_DATA, b"") is Unsure


def test_a_hang_up_within_a_message_says_that_it_was_not_taken() -> None:
    assert failure(*UP_TO_DATA, message=mail(lines=100_000)) is Deferred


@pytest.mark.parametrize("said", [UP_TO_RCPT[:-1], UP_TO_RCPT, (*UP_TO_RCPT, b"421 closing\r\n")])
def test_what_ends_before_a_message_says_nothing_of_it(said: tuple[bytes, ...]) -> None:
    assert failure(*said) is DeliveryFailed


def test_a_mail_that_was_taken_says_nothing_of_the_next_one() -> None:
    with scripted_server(*UP_TO_DATA, b"250 OK\r\n", b"250 OK\r\n") as port, opened(port) as server:
        server.send(mail(), "ops@example.com")
        with pytest.raises(DeliveryFailed) as failed:
            server.send(mail(), "dev@example.com")
    assert failed.type is DeliveryFailed
