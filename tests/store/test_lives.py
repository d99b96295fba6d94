"""Signs of life: a front that keeps check-ins gives them, a front that can't does not."""

import time

from gocron.core.own_outage import SHUT_AFTER_S
from gocron.store import lives
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns, of_fronts
from tests.store.conftest import HOUR, NOON, checkin, record


def give_signs(store: Store, *moments: int) -> None:
    """Have one front give a sign at each of these moments, by its clock."""
    told: list[int] = []
    life_signs = LifeSigns(store, lambda: told[-1], "front-01")
    with store.connected():
        for at in moments:
            told.append(at)
            life_signs.give()


def lives_of(store: Store) -> list[tuple[int, int]]:
    with store.connected():
        found = of_fronts(store, 0, "front-01")
    return sorted((life.began_at, life.until_at) for life in found)


def test_signs_in_a_row_are_one_life(store: Store) -> None:
    give_signs(store, *range(NOON, NOON + 100, 10))
    assert lives_of(store) == [(NOON, NOON + 90)]


def test_what_comes_after_a_pause_is_another_life(store: Store) -> None:
    give_signs(store, NOON, NOON + 10, NOON + 10 + SHUT_AFTER_S, NOON + 20 + SHUT_AFTER_S)
    assert lives_of(store) == [(NOON, NOON + 10), (NOON + 40, NOON + 50)]


def test_a_clock_that_is_set_back_begins_another_life(store: Store) -> None:
    give_signs(store, NOON, NOON - 5000)
    assert lives_of(store) == [(NOON - 5000, NOON - 5000), (NOON, NOON)]


def test_a_life_goes_on_by_a_clock_that_is_put_back_a_little(store: Store) -> None:
    """Its last minutes are lived anew: did they stand still, an outage in them would be hidden."""
    give_signs(store, NOON, NOON + 10, NOON + 20, NOON + 12)
    assert lives_of(store) == [(NOON, NOON + 12)]
    give_signs(store, NOON + 1000, NOON + 900)
    assert (NOON + 900, NOON + 900) in lives_of(store), "it would end before it began"


def test_a_clock_that_jumps_forth_is_told_from_time_that_passed(store: Store) -> None:
    """After ten seconds it jumps by an hour, and then an hour passes without a sign."""
    moments = [
        (NOON, 5),
        (NOON + 10, 15),
        (NOON + 20 + HOUR, 25),
        (NOON + 20 + 2 * HOUR, 25 + HOUR),
    ]
    told: list[tuple[int, int]] = []
    life_signs = LifeSigns(store, lambda: told[-1][0], "front-01", lambda: told[-1][1])
    with store.connected():
        for moment in moments:
            told.append(moment)
            life_signs.give()
        found = sorted((life.began_at, life.jumped_s) for life in of_fronts(store, 0, "front-01"))
    assert found == [(NOON, 0), (NOON + 20 + HOUR, HOUR), (NOON + 20 + 2 * HOUR, 0)]


def test_a_host_knows_its_own_fronts(store: Store) -> None:
    with store.connected():
        LifeSigns(store, lambda: NOON, "front-01").give()
        LifeSigns(store, lambda: NOON, "front-02").give()
        told = {life.is_here for life in of_fronts(store, 0, "front-01")}
    assert told == {True, False}


def test_only_the_last_life_before_is_looked_back_to(store: Store) -> None:
    with store.connected():
        for at in (NOON, NOON + 1000, NOON + 2000):
            LifeSigns(store, lambda at=at: at, "front-01").give()
        found = sorted(life.began_at for life in of_fronts(store, NOON + 1500, "front-01"))
    assert found == [NOON + 1000, NOON + 2000]


class BrokenPulse(LifeSigns):
    """One whose signs fail in a way that nobody thought of."""

    def give(self) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "as a server in another language says it")


def test_check_ins_are_kept_whatever_is_wrong_with_the_signs(store: Store) -> None:
    group_commit = GroupCommit(store, life_signs=BrokenPulse(store, time.time, "front-01"))
    assert isinstance(record(group_commit, checkin("job")), int)


def test_the_thread_that_keeps_check_ins_gives_the_signs(store: Store) -> None:
    group_commit = GroupCommit(store, life_signs=LifeSigns(store, time.time, "front-01"))
    began_at = int(time.time())
    assert isinstance(record(group_commit, checkin("job")), int)
    assert group_commit.is_keeping
    with store.connected():
        (life,) = of_fronts(store, 0, "front-01")
        assert life.began_at >= began_at - 1
        assert store.write(lives.known_until) is None, "a front settles nothing"
