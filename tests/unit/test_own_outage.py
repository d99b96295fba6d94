"""What knocks and signs of life tell of gocron's own front door."""

import pytest

from gocron.core.outage import Outage
from gocron.core.own_outage import SHUT_AFTER_S, Knock, Life, Reached, Signs, look

NOW = 1_800_000_000
BEFORE = NOW - 60


def life(began_at: int, until_at: int = NOW, heard_at: int = 0, is_here: bool = True) -> Life:
    return Life(began_at, until_at, heard_at, is_here)


def seen(
    knock: Knock,
    *fronts: Life,
    public: bool = False,
    open_at: int = BEFORE,
    since: int | None = None,
) -> Reached:
    outage = None if since is None else Outage(1, None, since, None)
    return look(Signs(knock, public, fronts, open_at, outage), NOW)


@pytest.mark.parametrize("public", [False, True])
def test_a_door_that_is_open_stays_open(public: bool) -> None:
    assert seen(Knock.KEPT, life(NOW - 9999), public=public) == Reached(NOW)


def test_where_no_front_was_ever_seen_nothing_is_wrong() -> None:
    assert seen(Knock.FAILED) == Reached(NOW)
    assert seen(Knock.KEPT) == Reached(NOW)


def test_a_host_without_a_front_believes_the_signs_of_life_of_others() -> None:
    assert seen(Knock.FAILED, life(NOW - 9999, is_here=False)) == Reached(NOW)
    assert seen(Knock.FAILED, life(NOW - 9999, NOW - 40, is_here=False)) == Reached(NOW)


def test_a_front_of_ones_own_that_does_not_answer_is_gone_however_young_its_last_sign() -> None:
    assert seen(Knock.FAILED, life(NOW - 9999, NOW - 5)).since == NOW - 5


def test_a_knock_that_failed_by_itself_is_no_outage() -> None:
    assert seen(Knock.KEPT, life(NOW - 9999), since=NOW - 60) == Reached(NOW)


def test_a_clock_that_jumps_by_less_than_a_minute_makes_no_outage() -> None:
    assert seen(Knock.KEPT, life(NOW - 9999, NOW - 55)) == Reached(NOW)


def test_a_front_without_signs_of_life_is_gone_since_the_last_one() -> None:
    gone = seen(Knock.FAILED, life(NOW - 9999, NOW - 40))
    assert gone == Reached(NOW - 40, since=NOW - 40)


def test_a_public_door_that_fails_is_shut_though_fronts_are_alive() -> None:
    assert seen(Knock.FAILED, life(NOW - 9999), public=True) == Reached(BEFORE, since=BEFORE)
    assert seen(Knock.JOURNALLED, life(NOW - 9999), public=True) == Reached(BEFORE, since=BEFORE)


def test_of_several_fronts_the_one_that_is_alive_tells_that_the_way_is_shut() -> None:
    """The last sign of one that ended before says nothing of when it was shut."""
    fronts = life(NOW - 9999, NOW - 40), life(NOW - 9999)
    assert seen(Knock.FAILED, *fronts, public=True) == Reached(BEFORE, since=BEFORE)


def test_a_front_that_came_to_life_for_a_while_ends_one_outage_and_begins_the_next() -> None:
    gone = seen(Knock.FAILED, life(NOW - 400, NOW - 200), open_at=NOW - 1000, since=NOW - 1000)
    assert gone == Reached(NOW - 200, ((NOW - 1000, NOW - 400),), NOW - 200)


def test_whoever_checked_in_shows_that_the_door_was_open_then() -> None:
    assert seen(Knock.FAILED, life(NOW - 9999, heard_at=NOW - 20), public=True).since == NOW - 20


@pytest.mark.parametrize("later_s", [0, 1])
def test_whoever_checked_in_long_after_the_way_was_shut_shows_that_it_was_open(
    later_s: int,
) -> None:
    since, heard_at = NOW - 500, NOW - 500 + SHUT_AFTER_S + later_s
    shut = seen(Knock.FAILED, life(NOW - 9999, heard_at=heard_at), public=True, since=since)
    if later_s:
        assert shut == Reached(BEFORE, ((since, heard_at),), heard_at)
    else:
        assert shut == Reached(BEFORE, (), since)


def test_an_outage_ends_where_a_front_came_to_life() -> None:
    ended = seen(Knock.KEPT, life(NOW - 9999, NOW - 500), life(NOW - 100), since=NOW - 500)
    assert ended == Reached(NOW, ((NOW - 500, NOW - 100),))


def test_an_outage_of_the_way_to_living_fronts_ends_now() -> None:
    ended = seen(Knock.KEPT, life(NOW - 9999), public=True, since=NOW - 500)
    assert ended == Reached(NOW, ((NOW - 500, NOW),))


def test_a_gap_between_two_lives_is_found_afterwards_unless_it_was_short() -> None:
    lives = (life(NOW - 9999, NOW - 900), life(NOW - 600, NOW - 300), life(NOW - 290))
    assert seen(Knock.KEPT, *lives, open_at=NOW - 3600) == Reached(NOW, ((NOW - 900, NOW - 600),))
    short = (life(NOW - 9999, NOW - 900), life(NOW - 900 + SHUT_AFTER_S))
    assert seen(Knock.KEPT, *short, open_at=NOW - 3600) == Reached(NOW)


def test_a_front_that_has_just_come_to_life_ends_an_outage() -> None:
    lives = (life(NOW - 9999, NOW - 500), life(NOW - 5))
    assert seen(Knock.KEPT, *lives, open_at=NOW - 3600) == Reached(NOW, ((NOW - 500, NOW - 5),))


def test_a_gap_of_the_sweeps_alone_is_no_outage() -> None:
    assert seen(Knock.KEPT, life(NOW - 99_999), open_at=NOW - 9999) == Reached(NOW)


@pytest.mark.parametrize("by_s", [601, 18_000, -601, -18_000])
def test_nobody_is_judged_by_a_clock_that_jumped_since_the_sign_of_a_front_that_answers(
    by_s: int,
) -> None:
    assert seen(Knock.KEPT, life(NOW - 99_999, NOW - by_s)).since is not None


@pytest.mark.parametrize("public", [False, True])
def test_a_front_that_is_too_busy_for_a_knock_is_no_outage_while_it_gives_signs(
    public: bool,
) -> None:
    assert seen(Knock.SLOW, life(NOW - 9999, NOW - SHUT_AFTER_S), public=public) == Reached(NOW)
    hanging = seen(Knock.SLOW, life(NOW - 9999, NOW - SHUT_AFTER_S - 1), public=public)
    assert hanging == Reached(NOW - SHUT_AFTER_S - 1, since=NOW - SHUT_AFTER_S - 1)


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize(
    "fronts", [(), (life(NOW - 9999),), (life(NOW - 9999, heard_at=NOW, is_here=False),)]
)
def test_a_front_that_keeps_check_ins_elsewhere_is_an_outage_whoever_is_alive_here(
    public: bool, fronts: tuple[Life, ...]
) -> None:
    assert seen(Knock.ELSEWHERE, *fronts, public=public).since is not None


def test_the_outage_by_a_front_that_keeps_check_ins_elsewhere_ends_when_it_keeps_them_here() -> (
    None
):
    ended = seen(Knock.KEPT, life(NOW - 9999, NOW - 500), life(NOW - 20), since=NOW - 500)
    assert ended == Reached(NOW, ((NOW - 500, NOW - 20),))
