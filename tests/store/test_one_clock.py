"""One clock, the database's: what a host's own clock says changes nothing."""

import time

import pytest

from gocron.host import uptime
from gocron.store import jobs
from gocron.store.clocks import Clock
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns, of_fronts
from gocron.store.schema import open_store
from tests.conftest import PostgresClock
from tests.store.conftest import HOUR, checkin, record

FAR = pytest.mark.parametrize("ahead_s", [5 * HOUR, -5 * HOUR, 400 * 24 * HOUR])


def unstamped(cronname: str = "backup"):
    return checkin(cronname, seen_at=0)


def test_the_time_is_the_databases(store: Store) -> None:
    with store.connected():
        assert abs(store.now() - time.time()) < HOUR


@FAR
def test_a_database_with_another_clock_than_the_host_is_believed(
    postgres_clock: PostgresClock, ahead_s: int
) -> None:
    postgres_clock.set(ahead_s)
    store = Store(postgres_clock.url)
    with store.connected():
        began_at = store.now()
        assert abs(began_at - time.time() - ahead_s) < HOUR
    clock = Clock(store)
    group_commit = GroupCommit(store, life_signs=LifeSigns(store, clock.measure, "front-01"))
    group_commit.clock = clock
    due_at = record(group_commit, unstamped())
    with store.connected():
        (job,) = jobs.every_job(store)
        ended_at = store.now()
        (life,) = of_fronts(store, 0, "front-01")
    assert began_at <= job.last_seen_at <= ended_at
    assert due_at == job.last_seen_at + HOUR
    assert began_at <= life.began_at <= ended_at


def test_a_check_in_that_says_when_it_came_keeps_its_time(store: Store) -> None:
    group_commit = GroupCommit(store)
    assert record(group_commit, checkin(seen_at=1_234_567_890)) == 1_234_567_890 + HOUR


def test_between_two_measures_a_front_knows_the_time_by_its_uptime(
    postgres_clock: PostgresClock,
) -> None:
    """Neither a host's clock nor the database has a part, which may be away."""
    store = Store(postgres_clock.url)
    slept_s = [0]
    clock = Clock(store, lambda: uptime() + slept_s[0])
    with store.connected():
        measured_at = clock.measure()
        postgres_clock.set(5 * HOUR)
    slept_s[0] = HOUR
    assert 0 <= clock() - measured_at - HOUR < 60
    with store.connected():
        clock.measure()
        assert abs(clock() - store.now()) <= 1


def test_a_front_that_never_reached_its_database_has_the_time_from_it_when_it_does(
    postgres_clock: PostgresClock,
) -> None:
    postgres_clock.set(5 * HOUR)
    store = Store(postgres_clock.url)
    clock = Clock(store)
    with store.connected():
        assert abs(clock() - store.now()) <= 1


def test_a_clock_that_jumps_is_seen_by_each_front_and_by_none_that_only_slept(
    postgres_clock: PostgresClock,
) -> None:
    store = open_store(postgres_clock.url)
    slept_s = [0]
    life_signs = LifeSigns(store, Clock(store).measure, "front-01", lambda: uptime() + slept_s[0])
    with store.connected():
        life_signs.give()
        postgres_clock.set(5 * HOUR)
        life_signs.give()
        postgres_clock.set(7 * HOUR)
        slept_s[0] = 2 * HOUR
        life_signs.give()
        lives = sorted(of_fronts(store, 0, "front-01"), key=lambda life: life.began_at)
    jumped_s = [life.jumped_s for life in lives]
    assert jumped_s[0] == jumped_s[2] == 0
    assert abs(jumped_s[1] - 5 * HOUR) < 60
