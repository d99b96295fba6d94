"""Which slot a check-in satisfies, and by when the next one is due."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.refused import Refused
from gocron.core.schedule import due_at
from gocron.core.slots import (
    Cron,
    Every,
    due_after,
    ends_episode,
    gap_before_s,
    in_words,
    latest_at_or_before,
    next_after,
    opens_at,
    read_schedule,
    satisfied,
    slots_between,
    smallest_gap_s,
)

BERLIN = "Europe/Berlin"
NIGHTLY = Cron("17 3 * * *", BERLIN)
MINUTE, HOUR, DAY = 60, 3600, 86_400


def at(text: str, zone: str = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


SLOT = at("2026-11-26 03:17")
EXPRESSIONS = (
    *("17 3 * * *", "*/5 * * * *", "* * * * *", "0 8-17 * * 1-5", "30 2 * * *", "0 0 1 * *"),
    *("0,1 3 * * *", "@hourly", "0 4 29 2 *", "calendar:Mon..Fri 03:00:30", "calendar:*:0/7"),
)
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata", "UTC")
schedules = st.builds(read_schedule, st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES))
earlies = st.none() | st.integers(0, 2 * DAY)
graces = st.integers(0, 2 * DAY)
moments = st.integers(at("2026-01-01"), at("2029-01-01")) | st.integers(
    at("2026-10-24"), at("2026-10-26")
)


def test_a_check_in_satisfies_the_slot_that_has_begun() -> None:
    assert satisfied(NIGHTLY, None, SLOT - DAY, SLOT) == SLOT
    assert satisfied(NIGHTLY, None, SLOT - DAY, SLOT + 5 * HOUR) == SLOT


def test_a_check_in_that_comes_a_little_early_satisfies_the_slot_to_come() -> None:
    assert satisfied(NIGHTLY, None, SLOT - DAY, SLOT - 300) == SLOT
    assert satisfied(NIGHTLY, None, SLOT - DAY, SLOT - 301) is None
    assert satisfied(NIGHTLY, HOUR, SLOT - DAY, SLOT - HOUR) == SLOT


def test_how_early_is_a_tenth_of_the_gap_and_never_more_than_half_of_it() -> None:
    often = Cron("*/10 * * * *")
    noon = at("2026-11-26 12:00")
    assert noon - opens_at(often, None, noon) == 60
    assert noon - opens_at(often, HOUR, noon) == 300
    assert noon - opens_at(often, 0, noon) == 0
    assert noon - opens_at(Cron("* * * * *"), None, noon) == 6


def test_a_run_by_hand_at_noon_satisfies_nothing_and_moves_nothing() -> None:
    noon = at("2026-11-26 12:00")
    assert satisfied(NIGHTLY, None, SLOT, noon) is None
    assert due_after(NIGHTLY, SLOT, 600) == SLOT + DAY + 600


def test_nobody_is_missing_for_what_lies_before_the_first_check_in() -> None:
    noon = at("2026-11-26 12:00")
    first = satisfied(NIGHTLY, None, None, noon)
    assert first == SLOT
    assert due_after(NIGHTLY, first, 600) == SLOT + DAY + 600
    assert satisfied(NIGHTLY, None, None, SLOT - 60) == SLOT, "that was the run of tonight"


def test_a_job_that_was_declared_and_never_heard_is_due_at_the_slot_to_come() -> None:
    assert due_after(NIGHTLY, SLOT - 60, 600) == SLOT + 600


def test_only_what_comes_for_the_missed_slot_or_after_it_ends_a_silence() -> None:
    assert ends_episode(SLOT, SLOT, SLOT - 200)
    assert ends_episode(SLOT, SLOT, SLOT + 5 * HOUR)
    assert ends_episode(SLOT, None, SLOT + 5 * HOUR)
    assert not ends_episode(SLOT, None, SLOT - HOUR)
    assert not ends_episode(SLOT, SLOT - DAY, SLOT - 5 * HOUR), "a late report of the night before"


@given(st.integers(1, 400 * DAY), graces, moments)
def test_with_a_frequency_each_check_in_is_its_own_slot(
    frequency_s: int, grace_s: int, now: int
) -> None:
    every = Every(frequency_s)
    assert satisfied(every, None, None, now) == satisfied(every, 600, now - 1, now) == now
    assert satisfied(every, None, now, now) is None
    assert due_after(every, now, grace_s) == due_at(now, frequency_s, grace_s)
    assert opens_at(every, 600, now) == now
    assert gap_before_s(every, now) == smallest_gap_s(every) == frequency_s


@given(schedules, moments)
def test_between_two_slots_is_none(schedule: Cron, now: int) -> None:
    before, after = latest_at_or_before(schedule, now), next_after(schedule, now)
    assert before <= now < after
    assert next_after(schedule, before) == next_after(schedule, after - 1) == after
    assert latest_at_or_before(schedule, after - 1) == before
    assert latest_at_or_before(schedule, after) == after
    assert gap_before_s(schedule, after) == after - before
    assert slots_between(schedule, before, after, 9) == [after]
    assert slots_between(schedule, before - 1, after, 1) == [before]


@given(schedules, earlies, moments)
def test_windows_follow_one_another(schedule: Cron, early_s: int | None, now: int) -> None:
    slots = slots_between(schedule, now, now + 3000 * DAY, 4)
    for before, after in pairwise(slots):
        middle = before + (after - before) // 2
        assert opens_at(schedule, early_s, before) <= before <= middle
        assert middle <= opens_at(schedule, early_s, after) <= after


@given(schedules, earlies, graces, moments, st.lists(st.integers(-2 * DAY, 2 * DAY), min_size=1))
def test_each_slot_is_satisfied_once_and_nothing_goes_back(
    schedule: Cron, early_s: int | None, grace_s: int, start: int, gaps: list[int]
) -> None:
    """Check-ins at any times, reported late too."""
    slots: list[int] = []
    dues: list[int] = []
    now = start
    for gap in gaps:
        now += gap
        slot = satisfied(schedule, early_s, slots[-1] if slots else None, now)
        if slot is None:
            assert slots, "the first one always satisfies a slot"
            continue
        slots.append(slot)
        dues.append(due_after(schedule, slot, grace_s))
        assert dues[-1] > now
    assert all(before < after for before, after in pairwise(slots))
    assert all(before < after for before, after in pairwise(dues))


@given(schedules, earlies, graces, moments, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_no_job_that_comes_in_the_windows_of_its_slots_is_ever_missing(
    schedule: Cron, early_s: int | None, grace_s: int, start: int, places: list[float]
) -> None:
    last, due = None, None
    slots = slots_between(schedule, start, start + 30_000 * DAY, len(places))
    for slot, place in zip(slots, places, strict=False):
        opens = opens_at(schedule, early_s, slot)
        now = opens + round(place * (slot + grace_s - opens))
        assert due is None or now <= due
        last = satisfied(schedule, early_s, last, now) or last
        due = due_after(schedule, last, grace_s)


@pytest.mark.parametrize(
    ("text", "gap_s"),
    [
        ("17 3 * * *", DAY),
        ("17 3 * * 1-5", DAY),
        ("17 3 * * 1,4", 3 * DAY),
        ("0 0 1 * *", 28 * DAY),
        ("*/7 * * * *", 4 * MINUTE),
        ("0 23,0 * * *", HOUR),
        ("0 23,0 * * 1", 23 * HOUR),
        ("0 4 29 2 *", 1461 * DAY),
        ("59 23 31 12 *", 365 * DAY),
        ("calendar:*-*~1 23:59", 28 * DAY),
        ("calendar:Mon *-02-29 04:00", 28 * 366 * DAY),
    ],
)
def test_the_smallest_gap_of_a_schedule(text: str, gap_s: int) -> None:
    assert smallest_gap_s(read_schedule(text, BERLIN)) == gap_s


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("17 3 * * 1-5", "At 03:17 on Monday through Friday, Europe/Berlin"),
        ("@hourly", "At the start of every hour, Europe/Berlin"),
        (
            "0 0 21,22,31 * *",
            "At 00:00 on the 21st, the 22nd, and the 31st day of month, Europe/Berlin",
        ),
        ("*/2 3 11-13 * *", None),
        ("0 0 L,LW * 5L,MON#2,2/3", None),
        ("calendar:Mon..Fri 3:00", "Calendar Mon..Fri *-*-* 03:00:00, Europe/Berlin"),
    ],
)
def test_a_schedule_is_said_in_words(text: str, words: str | None) -> None:
    said = in_words(read_schedule(text, BERLIN))
    assert said == words if words else said.endswith(", Europe/Berlin")


def test_a_frequency_is_said_in_words() -> None:
    assert in_words(Every(5400)) == "Every 1 h 30 min"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("17+3+*+*+1-5", "17 3 * * 1-5"),
        ("  17 3  * * mon-Fri ", "17 3 * * MON-FRI"),
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("0 3 * MAR THU", "0 3 * MAR THU"),
        ("calendar:Mon..Fri+03:00", "calendar:Mon..Fri *-*-* 03:00:00"),
        ("Calendar: monday-FRI 3:0:7", "calendar:Mon..Fri *-*-* 03:00:07"),
        ("calendar:semi-annually", "calendar:*-01,07-01 00:00:00"),
        ("calendar:*-2~3", "calendar:*-02~03 00:00:00"),
    ],
)
def test_a_schedule_is_kept_in_its_canonical_form(text: str, expression: str) -> None:
    schedule = read_schedule(text, BERLIN)
    assert schedule == Cron(expression, BERLIN)
    assert read_schedule(schedule.expression, schedule.zone) == schedule


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("@reboot", "frequency="),
        ("@every 5m", "frequency="),
        ("@fortnightly", "@weekly"),
        ("", "17 3 * * 1-5"),
        ("17", "17 3 * * 1-5"),
        ("17 3 * *", "too few fields"),
        ("0 17 3 * * *", "without seconds"),
        ("0 0 3 ? * MON", "five fields"),
        ("17 3 * * * /usr/local/bin/backup", "without seconds and command"),
        ("CRON_TZ=Europe/Berlin 17 3 * * *", "tz=Europe/Berlin"),
        ("TZ=UTC 17 3 * * *", "tz="),
        ("0~59 3 * * *", "grace="),
        ("H 3 * * *", "Jenkins"),
        ("H/15 3 * * *", "Jenkins"),
        ("H(0-29) 3 * * *", "Jenkins"),
        ("0 3 ? * 1", "send *"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("* * */20 * 1L", "never comes"),
        ("60 3 * * *", "bad minute"),
        ("0 24 * * *", "bad hour"),
        ("0 0 32 * *", "bad day-of-month"),
        ("0 0 * 13 *", "bad month"),
        ("0 0 * * 8", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("9-0 * * * *", "bad minute"),
        ("1-2-3 * * * *", "bad minute"),
        ("1, * * * *", "bad minute"),
        ("-1 * * * *", "bad minute"),
        ("1.5 * * * *", "bad minute"),
        (f"{'1,' * 80}1 * * * MONDAY", "bad day-of-week"),
        (f"0-{'9' * 99} * * * *", "bad minute"),
        (f"{'* ' * 150}", "at most 200"),
        ("\uff117 3 * * *", "plain ASCII"),
        ("\u0661\u0667 3 * * *", "plain ASCII"),
        ("17\t3 * * *", "plain ASCII"),
        ("17 3 * * *\x00", "plain ASCII"),
        ("calendar:", "Mon..Fri 03:00"),
        ("calendar:nonsense", "bad weekday"),
        ("calendar:,", "bad weekday"),
        ("calendar:Mon,, 03:00", "bad weekday"),
        ("calendar:Fri..Mon 03:00", "bad weekday"),
        ("calendar:24:00", "bad hour"),
        ("calendar:*/2:00", "bad hour"),
        ("calendar:03:60", "bad minute"),
        ("calendar:03:00:00.5", "bad second"),
        ("calendar:*:*:0/10", "send one"),
        ("calendar:*-13-01", "bad month"),
        ("calendar:*-*-31/5", "bad day"),
        ("calendar:*-*~29", "bad day"),
        ("calendar:*-*~5..1", "bad day"),
        ("calendar:*-*-~1", "no weekday"),
        ("calendar:03:00/0", "bad minute"),
        ("calendar:8", "no weekday"),
        ("calendar:*-02-30", "never comes"),
        ("calendar:2027-01-01 03:00", "names a year"),
        ("calendar:Mon 03:00 Europe/Berlin", "tz="),
        ("calendar:1:2:3:4", "no weekday"),
    ],
)
def test_what_is_no_schedule_is_refused_in_a_sentence_that_says_what_to_send(
    text: str, instead: str
) -> None:
    with pytest.raises(Refused) as refused:
        read_schedule(text, BERLIN)
    assert refused.value.field == "schedule"
    said = str(refused.value)
    assert instead in said
    assert "; " in said
    assert said.isprintable()
    assert len(said) < 250


@given(
    st.text(max_size=220)
    | st.text("0123456789*/,-#LW?~H@ +:.", max_size=40)
    | st.lists(st.text("0123456789*/,-#LW", min_size=1, max_size=9), min_size=5, max_size=5).map(
        " ".join
    )
    | st.text("0123456789*/,-:.~ MonFri", max_size=40).map("calendar:".__add__),
    st.just("UTC") | st.text(max_size=80),
)
def test_whatever_comes_is_a_schedule_with_slots_or_refused(text: str, tz: str) -> None:
    try:
        schedule = read_schedule(text, tz)
    except Refused as refused:
        assert str(refused).isprintable()
        return
    assert read_schedule(schedule.expression, schedule.zone) == schedule
    assert next_after(schedule, SLOT) > latest_at_or_before(schedule, SLOT)
    assert smallest_gap_s(schedule) > 0
    assert in_words(schedule).endswith(schedule.zone)


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/BERLIN", "Europe/Berlin"),
        (" Europe/Berlin ", "Europe/Berlin"),
        ("US/Central", "America/Chicago"),
        ("us/eastern", "America/New_York"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("GB", "Europe/London"),
        ("America/New York", "America/New_York"),
        ("Etc/GMT 5", "Etc/GMT+5"),
        ("Europe/Oslo", "Europe/Oslo"),
        ("Etc/UTC", "UTC"),
        ("zulu", "UTC"),
        ("utc", "UTC"),
    ],
)
def test_a_zone_is_called_as_its_place_is_called_today(told: str, zone: str) -> None:
    assert read_schedule("17 3 * * *", told).zone == zone


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ("", "Europe/Berlin"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("CEST", "such as Europe/Berlin"),
        ("+01:00", "such as Europe/Berlin"),
        ("Factory", "such as Europe/Berlin"),
        ("localtime", "such as Europe/Berlin"),
        ("posixrules", "such as Europe/Berlin"),
        ("../../etc/passwd", "such as Europe/Berlin"),
        ("/usr/share/zoneinfo/UTC", "such as Europe/Berlin"),
        ("Europe", "such as Europe/Berlin"),
        ("UTC\x00", "such as Europe/Berlin"),
        (f"UTC{' ' * 80}x", "such as Europe/Berlin"),
        ("\uff25urope/Berlin", "did you mean Europe/Berlin?"),
        ("x" * 5000, "such as Europe/Berlin"),
    ],
)
def test_what_is_no_zone_is_refused(told: str, instead: str) -> None:
    with pytest.raises(Refused) as refused:
        read_schedule("17 3 * * *", told)
    assert refused.value.field == "tz"
    assert instead in str(refused.value)
    assert str(refused.value).isprintable()
