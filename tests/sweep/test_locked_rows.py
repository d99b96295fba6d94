"""Another transaction holds one job's row for as long as a sweep lasts: that job waits, alone.

Only Postgres lets one row be held: with SQLite whoever writes holds the whole file.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import psycopg2
import pytest

from gocron.core.checkin import CheckIn
from gocron.core.job import Status
from gocron.core.own_outage import Knock
from gocron.errors import GocronError
from gocron.store import checkins, job_row, jobs
from gocron.store.schema import open_store
from tests.sweep.conftest import HOUR, NOON, Gocron
from tests.sweep.test_clocks import hear, jump, run_on
from tests.sweep.test_journal import append, line
from tests.sweep.test_own_outages import MINUTE, Front

pytestmark = pytest.mark.parametrize("database", ["postgres"])

OFFICE, ELSEWHERE = "192.0.2.1", "198.51.100.7"

Hold = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def no_page(gocron: Gocron) -> None:
    gocron.set(status_dir="")


@pytest.fixture
def front(gocron: Gocron) -> Front:
    return Front(gocron)


@pytest.fixture(params=["a lock", "a check-in that is not done"])
def hold(request: pytest.FixtureRequest, gocron: Gocron, database_url: str) -> Hold:
    """Hold a job's row: by whoever only locks it, or by a front that stopped before its commit."""

    @contextmanager
    def locked(cronname: str) -> Iterator[None]:
        with _other(database_url) as other, other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM job WHERE cronname = %s FOR UPDATE", (cronname,))
            yield

    @contextmanager
    def being_heard(cronname: str) -> Iterator[None]:
        one = gocron.job(cronname)
        come = CheckIn(
            *(one.account, one.cronname, one.email, one.frequency_s, None, None, ELSEWHERE),
            max(one.last_seen_at, one.due_at) + 1,
            network=ELSEWHERE,
        )
        front = open_store(database_url)
        with front.connected(), front.undone() as tx:
            checkins.record(tx, [come])
            yield

    return locked if request.param == "a lock" else being_heard


@contextmanager
def _other(url: str) -> Iterator[psycopg2.extensions.connection]:
    connection = psycopg2.connect(url)
    try:
        yield connection
    finally:
        # The server sees a closed connection only after a while, and holds its locks until then.
        connection.rollback()
        connection.close()


@contextmanager
def impatient(gocron: Gocron) -> Iterator[None]:
    """Wait for no lock for as long as people have to."""
    with gocron.store.connected():
        gocron.store.db.execute_sql("SET lock_timeout = '100ms'")
        yield


def sweep_well(gocron: Gocron, at: int) -> None:
    assert gocron.sweep(at).complaints == []


def silent(gocron: Gocron, name: str, since: int, **more: object) -> None:
    """Let a job be heard for the last time, from where no site is."""
    gocron.hear(name, since, address=ELSEWHERE, email=f"{name}@example.com", **more)


def told(gocron: Gocron) -> list[str]:
    return sorted(to.partition("@")[0] for to in gocron.mail.recipients)


def missing(gocron: Gocron) -> list[str]:
    """The jobs of which a mail of their own tells that they are missing."""
    ends = " (web-01) has not checked in"
    found = [one for one in gocron.mail.subjects if one.endswith(ends)]
    return [one.removeprefix("[gocron] ").removesuffix(ends) for one in found]


def site(gocron: Gocron, at: int, email: str = "office@example.com") -> None:
    gocron.hear("office", at, email, site=True, frequency_s=5 * MINUTE, address=OFFICE)


def go_down(gocron: Gocron) -> int:
    """Let a site go down that `camera` and `lamp` are behind; return when a sweep knows."""
    site(gocron, NOON)
    for name in ("camera", "lamp"):
        gocron.hear(name, NOON, f"{name}@example.com", frequency_s=4 * MINUTE, address=OFFICE)
    for at in range(NOON + MINUTE, NOON + 10 * MINUTE, MINUTE):
        sweep_well(gocron, at)
    assert told(gocron) == ["office"]
    assert gocron.job("camera").spared is Status.SUPPRESSED
    gocron.mail.received.clear()
    return NOON + 10 * MINUTE


def test_who_is_silent_is_told_of(gocron: Gocron, hold: Hold) -> None:
    for name in ("a", "locked", "z"):
        silent(gocron, name, NOON)
    with hold("locked"):
        sweep_well(gocron, NOON + HOUR + 1)
        assert told(gocron) == ["a", "z"]
    sweep_well(gocron, NOON + HOUR + 61)
    assert told(gocron) == ["a", "locked", "z"]


def test_who_is_back_is_told_of(gocron: Gocron, hold: Hold) -> None:
    for name in ("a", "locked", "z"):
        silent(gocron, name, NOON)
    sweep_well(gocron, NOON + HOUR + 1)
    gocron.mail.received.clear()
    for name in ("a", "locked", "z"):
        silent(gocron, name, NOON + HOUR + 2)
    with hold("locked"):
        assert gocron.sweep(NOON + HOUR + 60).ended == 2
        assert told(gocron) == ["a", "z"]
    sweep_well(gocron, NOON + HOUR + 120)
    assert told(gocron) == ["a", "locked", "z"]


@pytest.mark.parametrize("which", ["camera", "office"])
def test_news_of_a_gateway_is_given_up_and_who_waited_is_told_of(
    gocron: Gocron, hold: Hold, which: str
) -> None:
    gocron.mail.answers["office@example.com"] = "550 5.1.1 no such user"
    site(gocron, NOON)
    for name in ("camera", "lamp"):
        gocron.hear(name, NOON, f"{name}@example.com", frequency_s=4 * MINUTE, address=OFFICE)
    silent(gocron, "a", NOON - HOUR + 5 * MINUTE)
    with hold(which) if which == "camera" else nullcontext():
        sweep_well(gocron, NOON + 5 * MINUTE + 1)
    with hold(which):
        gocron.sweep(NOON + 6 * MINUTE)
        assert set(told(gocron)) >= {"a", "lamp"}
    gocron.sweep(NOON + 7 * MINUTE)
    assert set(told(gocron)) >= {"a", "lamp", "camera"}


@pytest.mark.parametrize("which", ["camera", "office"])
def test_a_site_comes_back(gocron: Gocron, hold: Hold, which: str) -> None:
    at = go_down(gocron)
    silent(gocron, "a", at + 10 * MINUTE - HOUR)
    site(gocron, at + 10 * MINUTE)
    with hold(which):
        sweep_well(gocron, at + 10 * MINUTE + 1)
        assert "a" in told(gocron)
        assert gocron.job("lamp").spared is not Status.SUPPRESSED
    sweep_well(gocron, at + 11 * MINUTE)
    assert gocron.job("camera").spared is Status.EXCUSED
    assert sorted(set(told(gocron))) == ["a", "office"]


def test_a_site_comes_back_of_which_no_sweep_knew_that_it_was_away(
    gocron: Gocron, hold: Hold
) -> None:
    site(gocron, NOON)
    gocron.hear("camera", NOON, "camera@example.com", frequency_s=4 * MINUTE, address=OFFICE)
    silent(gocron, "a", NOON - 40 * MINUTE)
    back = NOON + 20 * MINUTE
    site(gocron, back)
    with hold("office"):
        sweep_well(gocron, back + 1)
        assert told(gocron) == ["a"]
    sweep_well(gocron, back + MINUTE)
    assert [row["ended_at"] for row in gocron.rows("outage")] == [back]
    assert gocron.rows("silence") == []
    assert gocron.job("camera").spared is Status.EXCUSED


@pytest.mark.parametrize("which", ["camera", "office"])
def test_a_site_is_heard_for_a_moment_and_gone_again(
    gocron: Gocron, hold: Hold, which: str
) -> None:
    at = go_down(gocron)
    gocron.hear("lamp", at, "lamp@example.com", frequency_s=4 * MINUTE, address=OFFICE)
    sweep_well(gocron, at + 1)
    assert [row["ended_at"] for row in gocron.rows("outage")] == [at]
    gone = at + 12 * MINUTE
    silent(gocron, "a", gone - HOUR)
    with hold(which):
        sweep_well(gocron, gone + 1)
        assert "a" in told(gocron)
    sweep_well(gocron, gone + MINUTE)
    assert [row["ended_at"] for row in gocron.rows("outage")] == [at, None]


def test_gocron_itself_can_be_reached_again(gocron: Gocron, hold: Hold, front: Front) -> None:
    front.live(NOON - 60, NOON)
    for name in ("a", "locked", "z"):
        silent(gocron, name, NOON - HOUR + 5 * MINUTE)
    gocron.sweep(NOON)
    gocron.knock = Knock.FAILED
    for at in range(NOON + 2 * MINUTE, NOON + 30 * MINUTE, MINUTE):
        gocron.sweep(at)
    assert {gocron.job(name).spared for name in ("a", "locked", "z")} == {Status.HELD}
    gocron.knock = Knock.KEPT
    back = NOON + 30 * MINUTE
    front.live(back, back + 10)
    with hold("locked"):
        sweep_well(gocron, back + 10)
        assert {gocron.job(name).spared for name in ("a", "z")} == {Status.EXCUSED}
    front.live(back + 20, back + 60)
    sweep_well(gocron, back + 60)
    assert gocron.job("locked").spared is Status.EXCUSED
    assert told(gocron) == []


@pytest.mark.parametrize("which", ["camera", "office"])
def test_a_gateway_is_forgotten(gocron: Gocron, hold: Hold, which: str) -> None:
    at = go_down(gocron)
    # Whoever asks for the very job that is held is told that it could not be had.
    refused = pytest.raises(GocronError) if which == "office" else nullcontext()
    with hold(which), refused, impatient(gocron):
        job_row.forget(gocron.store, "web-01", "office")
    with hold("camera"):
        sweep_well(gocron, at)
        assert ("lamp" in told(gocron)) == (which == "camera")


def test_an_account_is_forgotten_but_for_the_one_that_is_held(gocron: Gocron, hold: Hold) -> None:
    go_down(gocron)
    with hold("camera"), pytest.raises(GocronError), impatient(gocron):
        job_row.forget_account(gocron.store, "web-01")
    with gocron.store.connected():
        # A gateway goes last: nobody who was behind it is told of meanwhile.
        assert [one.cronname for one in jobs.every_job(gocron.store)] == ["camera", "office"]
        assert job_row.forget_account(gocron.store, "web-01") == 2


WRONG_AT = NOON + 12 * MINUTE


@pytest.mark.parametrize("by", [2 * 24 * HOUR, -2 * HOUR])
def test_a_clock_that_was_wrong_is_right_again(
    gocron: Gocron, hold: Hold, front: Front, by: int
) -> None:
    run_on(gocron, front, NOON, WRONG_AT, "a", "dead", "locked", "z")
    jump(front, WRONG_AT + 5, WRONG_AT + by)
    for name in ("a", "locked", "z"):
        hear(gocron, WRONG_AT + by, name)
    right_at = WRONG_AT + 15
    with hold("locked"):
        run_on(gocron, front, right_at, WRONG_AT + 10 * MINUTE)
        assert gocron.mail.told_names() == ["dead"]
        assert {gocron.job(name).last_seen_at for name in ("a", "z")} == {right_at}
    run_on(gocron, front, WRONG_AT + 10 * MINUTE, WRONG_AT + 11 * MINUTE)
    assert gocron.job("locked").last_seen_at == right_at
    run_on(gocron, front, WRONG_AT + 11 * MINUTE, WRONG_AT + 14 * MINUTE)
    assert sorted(gocron.mail.told_names()) == ["a", "dead", "locked", "z"]


def test_what_nginx_took_is_kept(gocron: Gocron, hold: Hold, tmp_path: Path) -> None:
    for name in ("a", "locked", "z", "dead"):
        silent(gocron, name, NOON)
    journal = tmp_path / "journal.log"
    late = NOON + HOUR - MINUTE
    append(journal, *(line(name, late) for name in ("a", "locked", "z")))
    gocron.set(journal=str(journal))
    with hold("locked"):
        (complaint,) = gocron.sweep(NOON + HOUR + 1).complaints
        assert "another transaction holds" in complaint
        assert missing(gocron) == ["dead"]
        assert {gocron.job(name).last_seen_at for name in ("a", "z")} == {late}
    sweep_well(gocron, NOON + HOUR + MINUTE)
    assert gocron.job("locked").last_seen_at == late
    assert missing(gocron) == ["dead"]


def test_a_job_is_declared_anew(gocron: Gocron, hold: Hold) -> None:
    for name in ("a", "locked", "z"):
        silent(gocron, name, NOON)
        gocron.hear(name, NOON + MINUTE, "eve@example.net", address=ELSEWHERE)
    with hold("locked"):
        sweep_well(gocron, NOON + 2 * MINUTE)
        assert {"a", "z"} <= set(told(gocron))
    sweep_well(gocron, NOON + 3 * MINUTE)
    assert told(gocron) == ["a", "locked", "z"]
