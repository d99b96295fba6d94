"""From an older gocron to this one and back again, host by host, while jobs check in."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gocron.core.job import Status
from gocron.errors import ExitStatus
from tests.history import CHECKOUT, unpack
from tests.peers import mail_peer
from tests.service.fleet import ANEW, BACK, HOUR, MISSING, NOT_REACHED, Fleet, Host, Stream

pytestmark = pytest.mark.timeout(300)

# The last version with a clock for each host, and with an outbox for episodes alone.
BEFORE = "c63ed6b66f0184cbc3fa890db4ce90c7e2cebbdc"

OPERATOR = "operator"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The older gocron."""
    return unpack(BEFORE, tmp_path_factory.mktemp("before"))


@pytest.fixture
def fleet(empty_database_url: str, before: Path, tmp_path: Path) -> Iterator[Fleet]:
    """Two hosts that run the older gocron."""
    with ExitStack() as stack:
        mail = stack.enter_context(mail_peer())
        hosts = [Host(tmp_path, empty_database_url, mail.port) for _ in range(2)]
        for host in hosts:
            stack.callback(host.stop)
            host.install(before)
        streams = [stack.enter_context(Stream(host)) for host in hosts]
        yield Fleet(empty_database_url, hosts, streams, mail)


class Site:
    """A gateway, and two jobs that check in from the same network, twice as often."""

    def __init__(self, fleet: Fleet, name: str, address: str) -> None:
        self.gateway = f"{name}-gateway"
        self.behind = f"{name}-backup", f"{name}-report"
        self.all = self.gateway, *self.behind
        self._fleet = fleet
        self._address = address

    def hear_gateway(self) -> None:
        self._fleet.hear(self.gateway, address=self._address, site=1)

    def hear_behind(self) -> None:
        self._fleet.hear(*self.behind, address=self._address, frequency="30m")


class Turn:
    """All that can be open while a host changes its version, and how it ends after.

    The jobs of each turn bear its number. What those of a site are spared for is seen on the way.
    """

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet = fleet
        self._number = number
        names = ("opened", "back", "queued", "unsure", "anew")
        named = (f"{name}-{number}" for name in names)
        self._opened, self._back, self._queued, self._unsure, self._anew = named
        self._held = Site(fleet, f"held-{number}", f"198.51.100.{number}")
        self._down = Site(fleet, f"down-{number}", f"203.0.113.{number}")

    def jobs_go_missing(self) -> None:
        fleet = self._fleet
        fleet.hear(self._opened, self._back, self._unsure, self._anew)
        self._hear_queued()
        for site in (self._held, self._down):
            site.hear_gateway()
            site.hear_behind()
        fleet.be_silent(2 * HOUR, self._opened, self._back, self._unsure, *self._down.all)
        # Whether this one was taken nobody knows: it is told again, under the same id.
        fleet.mail.takes_and_breaks_off = {self._unsure}
        fleet.sweep()
        fleet.mail.takes_and_breaks_off = set()
        fleet.expect(MISSING, self._opened, self._back, self._unsure, self._down.gateway)
        assert fleet.told == fleet.to_be_told

    def news_waits(self) -> None:
        fleet = self._fleet
        fleet.mail.stop()
        fleet.hear(self._back)
        fleet.be_silent(2 * HOUR, self._queued)
        fleet.be_silent(HOUR // 2 + 60, *self._held.all)
        fleet.sweep()
        self.jobs_are_spared()

    def gocron_was_away(self) -> None:
        self._fleet.was_not_reached(hours_ago=20 - self._number)
        self._fleet.expect(NOT_REACHED, OPERATOR)

    def a_job_is_declared_anew(self) -> str:
        self._fleet.hear(self._anew, frequency="2h")
        return self._anew

    def jobs_are_spared(self) -> None:
        assert self._fleet.spared(*self._held.behind) == {Status.HELD.value}
        assert self._fleet.spared(*self._down.behind) == {Status.SUPPRESSED.value}

    def news_leaves(self) -> None:
        fleet = self._fleet
        fleet.hear(self._opened)
        fleet.be_silent(2 * HOUR, *self._held.all)
        fleet.mail_is_back()
        # What follows other news may be left to the next sweep.
        for _ in range(2):
            fleet.sweep()
        fleet.expect(MISSING, self._queued, OPERATOR, self._held.gateway, self._unsure)
        fleet.expect(BACK, self._back, self._opened)
        assert fleet.told == fleet.to_be_told
        assert len(fleet.ids(self._unsure)) == 1
        behind = *self._held.behind, *self._down.behind
        assert fleet.spared(*behind) == {Status.SUPPRESSED.value}

    def all_come_back(self, *waiting: str) -> None:
        """Let all be well again, and nobody but those `waiting` be left to be told of anything."""
        fleet = self._fleet
        self._hear_queued()
        fleet.hear(self._unsure)
        for site in (self._held, self._down):
            site.hear_gateway()
        fleet.sweep()
        fleet.expect(BACK, self._queued, OPERATOR, self._unsure)
        fleet.expect(BACK, self._held.gateway, self._down.gateway)
        behind = *self._held.behind, *self._down.behind
        assert fleet.spared(*behind) == {Status.EXCUSED.value}
        for site in (self._held, self._down):
            site.hear_behind()
        status = ExitStatus.UNDELIVERED if waiting else ExitStatus.OK
        assert fleet.sweep() == [status, status]
        assert fleet.told == fleet.to_be_told
        assert fleet.waiting == [f"{name}@example.com" for name in waiting]
        assert fleet.lost() == []

    def _hear_queued(self) -> None:
        addresses = (f"{name}@example.com" for name in (self._queued, OPERATOR))
        self._fleet.hear(self._queued, email=", ".join(addresses))


def test_nothing_is_lost_or_told_twice_while_hosts_are_upgraded_and_taken_back(
    fleet: Fleet, before: Path
) -> None:
    left, right = fleet.hosts
    changes = ((left, CHECKOUT), (right, CHECKOUT), (left, before))
    for number, (host, version) in enumerate(changes):
        turn = Turn(fleet, number)
        turn.jobs_go_missing()
        turn.gocron_was_away()
        turn.news_waits()
        host.install(version)
        fleet.expect(ANEW, turn.a_job_is_declared_anew())
        fleet.sweep()
        turn.jobs_are_spared()
        turn.news_leaves()
        turn.all_come_back()

    # Soon no host tells of anything but episodes. Other news leaves before, or waits.
    turn = Turn(fleet, len(changes))
    turn.jobs_go_missing()
    turn.gocron_was_away()
    fleet.sweep()
    turn.news_waits()
    anew = turn.a_job_is_declared_anew()
    fleet.sweep()
    right.install(before)
    fleet.sweep()
    turn.jobs_are_spared()
    turn.news_leaves()
    turn.all_come_back(anew)
    right.install(CHECKOUT)
    fleet.sweep()
    fleet.expect(ANEW, anew)
    assert fleet.told == fleet.to_be_told
    assert fleet.waiting == []
    assert fleet.lost() == []
