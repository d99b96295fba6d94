"""Logins at the mail server, of any letters, and none of these in what anybody may read."""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from gocron.config import Config, load_config
from gocron.notify import DeliveryFailed, Unreachable
from gocron.notify.mail import Mail
from gocron.render.mail import trial_mail
from tests.peers import MailPeer, mail_peer, scripted_server

USER = "straße"
PASSWORDS = ["s3cret", "pässwörd", "пароль", "密码🔑", "a b\tc", "pa%ss\\w\"ord'"]
MECHANISMS = [("PLAIN",), ("LOGIN",), ("CRAM-MD5",), ("PLAIN", "LOGIN", "CRAM-MD5")]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


def config_of(port: int, user: str, password: str) -> Config:
    options = {"SMTPPORT": str(port), "SMTPADDRESS": user, "SMTPPASSWORD": password}
    options |= {"SMTPSERVER": "127.0.0.1", "MAIL_FROM": "gocron@example.com"}
    options |= {"SMTP_SECURITY": "none"}
    return load_config(None, {f"GC_{name}": value for name, value in options.items()})


@pytest.fixture
def mail() -> Iterator[MailPeer]:
    with mail_peer() as peer:
        yield peer


def knows(mail: MailPeer, password: str, mechanisms: tuple[str, ...]) -> None:
    """Let `mail` be a server that knows one login and speaks these mechanisms."""
    mail.stop()
    mail.logins = {USER.encode(): password.encode()}
    mail.mechanisms = mechanisms
    mail.start()


def send(config: Config) -> None:
    message = trial_mail("gocron@example.com", "ops@example.com", 0)
    with Mail(config) as server:
        server.send(message, "ops@example.com")


@pytest.mark.parametrize("mechanisms", MECHANISMS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_login_in_any_letters_is_a_login(
    mail: MailPeer, password: str, mechanisms: tuple[str, ...]
) -> None:
    knows(mail, password, mechanisms)
    send(config_of(mail.port, USER, password))
    assert mail.recipients == ["ops@example.com"]


@pytest.mark.parametrize("password", [*PASSWORDS, "ab\udcfcc", "ab\ud800c"])
@pytest.mark.parametrize("mechanisms", MECHANISMS)
def test_a_refused_login_tells_no_letter_of_the_password(
    mail: MailPeer, password: str, mechanisms: tuple[str, ...]
) -> None:
    knows(mail, "another", mechanisms)
    with pytest.raises(Unreachable) as refused:
        send(config_of(mail.port, USER, password))
    why = "not possible: not UTF-8" if password == "ab\ud800c" else "refused: 535 5.7.8"
    assert str(refused.value) == f"127.0.0.1:{mail.port}: login as {USER} {why}"


def test_a_login_that_a_server_speaks_of_later_is_not_told_either() -> None:
    told = b64encode(b"\0ops\0s3cret")
    lines = (b"220 hi", b"250-x\r\n250 AUTH PLAIN", b"235 ok", b"500 what is " + told)
    with (
        scripted_server(*(line + b"\r\n" for line in lines), b"250 ok\r\n") as port,
        pytest.raises(DeliveryFailed) as refused,
    ):
        send(config_of(port, "ops", "s3cret"))
    assert str(refused.value) == "sender gocron@example.com refused: 500"


def test_a_server_without_logins_is_named_as_such(mail: MailPeer) -> None:
    with pytest.raises(Unreachable, match="as ops not possible: SMTP AUTH extension not supported"):
        send(config_of(mail.port, "ops", "s3cret"))
