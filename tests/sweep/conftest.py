"""A whole gocron without its processes: a store, a mail server, and a clock that is a number."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gocron.config import Config, load_config
from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.network import network_of
from gocron.core.own_outage import Knock, Knocked
from gocron.core.signal import WORKED
from gocron.store import checkins, jobs
from gocron.store.database import Store
from gocron.sweep import Swept, sweep
from gocron.sweep.world import World, open_world
from tests.peers import MailPeer, SlackPeer, mail_peer, slack_peer

NOON = 1_790_000_000
HOUR = 3600


def quiet_world(config: Config, knock: Knock = Knock.KEPT, sign: str = "") -> World:
    """The real one, but for the front: a sweep's own check-in goes as `knock` says."""
    return replace(open_world(config), knock=lambda _: Knocked(knock, sign=sign))


@dataclass
class Gocron:
    """What the tests speak to: jobs check in, sweeps run, mails arrive."""

    store: Store
    config: Config
    mail: MailPeer
    knock: Knock = Knock.KEPT
    sign: str = ""

    def hear(
        self, cronname: str, at: int, email: str | None = "ops@example.com", **more: object
    ) -> None:
        told = CheckIn(
            account=str(more.pop("account", "web-01")),
            cronname=cronname,
            email=email,
            frequency_s=more.pop("frequency_s", HOUR),
            grace_s=more.pop("grace_s", None),
            site=more.pop("site", None),
            gateway=more.pop("gateway", None),
            address=(address := str(more.pop("address", "203.0.113.9"))),
            network=network_of(address, self.config.trusted_proxies, 64),
            seen_at=at,
            signal=more.pop("signal", WORKED),
        )
        with self.store.connected():
            self.store.write(lambda tx: checkins.record(tx, [told]))

    def sweep(self, at: int) -> Swept:
        with self.store.connected():
            world = quiet_world(self.config, self.knock, self.sign)
            return sweep(self.store, self.config, lambda: at, world)

    def job(self, cronname: str, account: str = "web-01") -> Job:
        with self.store.connected():
            return jobs.find(self.store, account, cronname)

    def rows(self, table: str) -> list[dict]:
        with self.store.connected():
            return list(getattr(self.store.tables, table).select())

    def empty(self, table: str) -> None:
        with self.store.connected():
            self.store.write(lambda tx: getattr(self.store.tables, table).delete().execute())

    def set(self, **options: object) -> None:
        self.config = replace(self.config, **options)


@pytest.fixture
def mail() -> Iterator[MailPeer]:
    with mail_peer() as peer:
        yield peer


@pytest.fixture
def slack() -> Iterator[SlackPeer]:
    with slack_peer() as peer:
        yield peer


@pytest.fixture
def gocron(store: Store, database_url: str, mail: MailPeer, tmp_path: Path) -> Gocron:
    config = load_config(
        environment={
            "GC_DATABASE_URL": database_url,
            "GC_SMTPSERVER": "127.0.0.1",
            "GC_SMTPPORT": str(mail.port),
            "GC_MAIL_FROM": "gocron@example.com",
            "GC_STATUS_DIR": str(tmp_path / "status"),
            "GC_SMTP_TIMEOUT": "20",
        }
    )
    return Gocron(store, config, mail)


@pytest.fixture
def put_off(gocron: Gocron) -> Gocron:
    """A gocron at two hours past noon: the mail server has put off the news of job `a`."""
    gocron.mail.answers["DATA"] = "451 later"
    gocron.hear("a", NOON)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.mail.answers.clear()
    gocron.mail.received.clear()
    return gocron
