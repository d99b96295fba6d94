"""What the Go program's own checks ask of it from outside, asked of ours."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import MailPeer, free_port, mail_peer
from tests.service.processes import front, program, until

FIELDS = "cronname=mycronjob&account=myaccount&email=myemail@gmail.com"


class Service:
    """A front and a back that sweeps every second, as the original runs them."""

    def __init__(self, port: int, mail: MailPeer, config: Path) -> None:
        self.port = port
        self.mail = mail
        self.config = config

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", body) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    port, config = free_port(), tmp_path / "config.yml"
    with mail_peer() as mail:
        config.write_text(
            f"database_url: '{database_url}'\nlisten_host: 127.0.0.1\nlisten_port: {port}\n"
            f"interval: 1\nstatus_dir: '{tmp_path}/status'\n"
            f"smtpserver: 127.0.0.1\nsmtpport: {mail.port}\nmail_from: gocron@example.com\n"
        )
        with front(config, port), program("back", "--config", config):
            yield Service(port, mail, config)


def test_the_originals_own_checks_hold(service: Service) -> None:
    assert service.ask("/healthcheck")[0] == 200
    assert service.ask("/")[0] == 404
    assert service.ask(f"/?{FIELDS}&frequency=1") == (201, "")
    posted = {"cronname": "posted", "account": "myaccount", "email": "a@b.c", "frequency": 3600}
    assert service.ask("/", json.dumps(posted).encode()) == (201, "")

    until(lambda: service.mail.mails)
    assert service.mail.subjects == ["[gocron] mycronjob (myaccount) has not checked in"]
    missed = json.loads(service.ask("/cron/missed")[1])
    assert (missed["Count"], missed["Crons"][0]["Cronname"]) == (1, "mycronjob")
    assert missed["Crons"][0]["Alerted"] is True

    assert service.ask(f"/?{FIELDS}&frequency=3600") == (201, "")
    # That it may be silent for longer from now on is news, too.
    until(lambda: len(service.mail.mails) == 3)
    assert "mycronjob (myaccount) is back" in " ".join(service.mail.subjects[1:])
    swept_at = json.loads(service.ask("/healthcheck")[1])["last_sweep"]
    until(lambda: json.loads(service.ask("/healthcheck")[1])["last_sweep"] > swept_at)
    assert len(service.mail.mails) == 3

    version = json.loads(service.ask("/version")[1])
    assert set(version) == {"version", "database"}
    every = json.loads(service.ask("/cron")[1])
    assert every["Count"] == len(every["Crons"]) == 2
    account = json.loads(service.ask("/cron/myaccount")[1])
    assert (account["Account"], account["Count"]) == ("myaccount", 2)
    assert set(account["Crons"][0]) == {
        "Cronname",
        "Account",
        "Email",
        "Frequency",
        "Site",
        "Ipaddress",
        "Lastruntime",
        "Alerted",
    }


def test_the_back_ends_at_a_signal_and_leaves_the_page(database_url: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"database_url: '{database_url}'\nstatus_dir: '{tmp_path}/status'\n")
    with program("back", "--config", config) as back:
        until((tmp_path / "status/index.html").exists)
        back.terminate()
        assert back.wait(10) == 0
