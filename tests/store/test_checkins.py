"""The store contract of a check-in, the same on both databases."""

from itertools import product

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.odd import notes
from gocron.store import checkins, declarations, jobs, late_checkins
from gocron.store.checkins import DueOfSeveral
from gocron.store.database import Store
from tests.store.conftest import HOUR, NOON, checkin


def record(store: Store, *some: CheckIn) -> list[int | None]:
    with store.connected():
        return store.write(lambda tx: checkins.record(tx, some))


def job(store: Store, cronname: str = "backup"):
    with store.connected():
        return jobs.find(store, "web-01", cronname)


def test_the_first_check_in_declares_the_job(store: Store) -> None:
    assert record(store, checkin(grace_s=600)) == [NOON + HOUR + 600]
    declared = job(store)
    assert (declared.email, declared.frequency_s, declared.grace_s) == (
        "ops@example.com",
        HOUR,
        600,
    )
    assert (declared.created_at, declared.last_seen_at) == (NOON, NOON)
    assert not declared.site


def test_what_is_sent_again_replaces_what_is_stored_and_the_rest_stays(store: Store) -> None:
    record(store, checkin(grace_s=600, site=True))
    again = checkin(seen_at=NOON + 60, frequency_s=60, email="dev@example.com", address="::1")
    assert record(store, again) == [NOON + 60 + 60 + 600]
    changed = job(store)
    assert (changed.email, changed.frequency_s, changed.address) == ("dev@example.com", 60, "::1")
    assert (changed.grace_s, changed.site, changed.created_at) == (600, True, NOON)


DAY = 86_400


def test_whatever_has_a_note_is_found_and_nothing_else(store: Store) -> None:
    frequencies = (1, 59, 60, 299, 300, 3_599, 3_600, 3_601, DAY)
    every = product(frequencies, (None, 0, 1, 59, 60), (False, True, None))
    for told in every:
        frequency_s, grace_s, site = told
        record(store, checkin(str(told), frequency_s=frequency_s, grace_s=grace_s, site=site))
    with store.connected():
        known = list(jobs.every_job(store))
        for interval_s in (60, 300):
            odd = [job for job in known if notes(job, interval_s, NOON)]
            assert jobs.odd(store, interval_s, NOON, limit=1_000) == (odd, len(odd))
            assert jobs.odd(store, interval_s, NOON, limit=2) == (odd[:2], len(odd))


def takes_turns(store: Store, *addresses: str, each_s: int = DAY) -> bool:
    """Check in from each of `addresses` in turn; tell whether several hosts are seen in it."""
    due: list[int | None] = []
    for turn, address in enumerate(addresses):
        due = record(store, checkin(address=address, seen_at=NOON + turn * each_s))
    with store.connected():
        odd, count = jobs.odd(store, 60, NOON + (len(addresses) - 1) * each_s, limit=10)
    assert len(odd) == count
    assert isinstance(due[0], DueOfSeveral) == bool(odd)
    return bool(odd)


V6 = "2001:db8:ffff:ffff:ffff:ffff:ffff:%d"


@pytest.mark.parametrize(
    "addresses",
    [
        ["a", "b"] * 3,
        ["a", "a", "b"] * 3,
        ["a", "b", "c"] * 2,
        [*"abcd"] * 2,
        [V6 % 1, V6 % 2, V6 % 3] * 2,
        ["192.0.2.1", "192.0.2.11"] * 3,
    ],
)
def test_hosts_that_take_turns_under_one_name_are_seen(store: Store, addresses: list[str]) -> None:
    assert takes_turns(store, *addresses)


@pytest.mark.parametrize(
    "addresses",
    [
        ["a"] * 9,
        ["a", "b", "b", "b", "b"],
        ["a", "b", "a", "a"],
        ["a", "b", "a", "b"],
        [*"abcdefghi"],
        ["192.0.2.1", "192.0.2.11", "192.0.2.111", "92.0.2.1", "2.1"],
    ],
    ids=["stays", "moved", "moved and back", "twice", "another each time", "parts of another"],
)
def test_a_host_that_moves_is_no_more_than_one(store: Store, addresses: list[str]) -> None:
    assert not takes_turns(store, *addresses)


def test_hosts_that_take_turns_no_more_are_forgotten_after_a_week(store: Store) -> None:
    assert not takes_turns(store, *["a", "b"] * 5, *["a"] * 9)


def test_a_host_that_moves_back_now_and_then_is_no_more_than_one(store: Store) -> None:
    assert not takes_turns(store, *["a", "b"] * 5, each_s=8 * DAY)


def test_a_job_that_was_only_declared_comes_from_nowhere_yet(store: Store) -> None:
    with store.connected():
        declarations.declare(store, checkin(address=""))
    record(store, checkin(address="a", seen_at=NOON + 1))
    assert job(store).came_from == ","


@pytest.mark.parametrize("left_out", ["email", "frequency_s", "both"])
def test_a_known_job_may_leave_out_what_is_stored(store: Store, left_out: str) -> None:
    record(store, checkin(grace_s=60))
    names = ("email", "frequency_s") if left_out == "both" else (left_out,)
    later = checkin(seen_at=NOON + 10, **dict.fromkeys(names))
    assert record(store, later) == [NOON + 10 + HOUR + 60]
    assert job(store).email == "ops@example.com"


def test_an_unknown_job_that_leaves_out_something_is_not_kept_and_costs_nobody_else(
    store: Store,
) -> None:
    due = record(store, checkin("a"), checkin("b", email=None), checkin("c"))
    assert due == [NOON + HOUR, None, NOON + HOUR]
    with store.connected():
        assert [job.cronname for job in jobs.every_job(store)] == ["a", "c"]


def test_a_job_that_checks_in_twice_in_one_group_is_kept_once_with_the_last_word(
    store: Store,
) -> None:
    due = record(
        store,
        checkin(seen_at=NOON),
        checkin(seen_at=NOON + 1, grace_s=60),
        checkin("other"),
        checkin(seen_at=NOON + 2, email=None, frequency_s=None),
    )
    assert due == [NOON + HOUR, NOON + 1 + HOUR + 60, NOON + HOUR, NOON + 2 + HOUR + 60]
    assert job(store).last_seen_at == NOON + 2


def test_the_newest_arrival_counts_whatever_the_clock_said_before(store: Store) -> None:
    record(store, checkin(seen_at=NOON + 5 * HOUR))
    record(store, checkin(seen_at=NOON))
    assert job(store).due_at == NOON + HOUR


def test_times_beyond_2038_are_kept(store: Store) -> None:
    late = 4_000_000_000
    assert record(store, checkin(seen_at=late, frequency_s=366 * 86_400)) == [late + 366 * 86_400]


def test_names_that_differ_in_case_or_account_are_different_jobs(store: Store) -> None:
    record(store, checkin("Backup"), checkin("backup"), checkin("backup", account="web-02"))
    with store.connected():
        assert len(list(jobs.every_job(store))) == 3


@pytest.mark.parametrize("name", ["'; DROP TABLE job; --", "日本語 ✓", "%s ? :1", "\\", '"'])
def test_a_name_is_data(store: Store, name: str) -> None:
    record(store, checkin(name))
    assert job(store, name).cronname == name


def test_a_database_that_returns_nothing_from_an_upsert_is_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite before 3.35, which Enterprise Linux 9 has, knows no RETURNING."""
    monkeypatch.setattr(checkins, "_SQLITE_RETURNS", False)
    assert record(store, checkin("a", grace_s=5), checkin("b")) == [NOON + HOUR + 5, NOON + HOUR]
    assert record(store, checkin("a", seen_at=NOON + 1)) == [NOON + 1 + HOUR + 5]


def test_a_replayed_check_in_that_the_database_can_not_hold_costs_nobody_else(
    store: Store,
) -> None:
    late = [checkin("good"), checkin("huge", seen_at=10**30), checkin("better")]
    with store.connected():
        assert late_checkins.keep(store, late, lambda _: True) == [late[1]]
        assert {job.cronname for job in jobs.every_job(store)} == {"good", "better"}
