"""Slots are when cron and systemd run a job, on days too on which clocks are changed."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from gocron.core.slots import Cron, latest_at_or_before, next_after, read_schedule, slots_between

MINUTE = 60
DAY = 86_400

# Days on which clocks are changed, forward and back.
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    # By half an hour.
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05"),
    # At midnight, to the day before in autumn.
    "America/Sao_Paulo": ("2018-11-04", "2018-02-18"),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "Africa/Cairo": ("2026-04-24", "2026-10-30"),
    # A whole day was left out.
    "Pacific/Apia": ("2011-12-30", "2011-04-02"),
    "Asia/Kolkata": ("2026-03-29", "2026-10-25"),
    "UTC": ("2026-03-29", "2026-10-25"),
}

EXPRESSIONS = (
    *("30 2 * * *", "*/30 2 * * *", "0 */2 * * *", "* * * * *", "* 2 * * *", "0 2-4 * * *"),
    *("*/15 1,2,3 * * *", "15,45 0-3 * * *", "0,30 0 * * *", "*/20 0 * * *", "0-59 0-23 * * *"),
    *("30 0 * * *", "30 23 * * *", "*/10 23 * * *", "10 * * * *", "0 3 * * *", "5 1-23/2 * * *"),
    *("*/20 0 * * 0", "30 0 * * 0,5", "0 */3 * * 0,5", "59 23 * * 4-6"),
)


def numbers(field: str, count: int) -> set[int]:
    """The numbers of one field, read by nobody's parser but this one."""
    found: set[int] = set()
    for part in field.split(","):
        term, _, step = part.partition("/")
        first, _, last = (f"0-{count - 1}" if term == "*" else term).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def walls(zone: str, start: int, end: int) -> list[tuple[int, datetime]]:
    """What clocks in `zone` show at each minute."""
    clock = ZoneInfo(zone)
    return [
        (at, datetime.fromtimestamp(at, clock).replace(tzinfo=None, fold=0))
        for at in range(start, end + 1, MINUTE)
    ]


def debian_runs(expression: str, shown: list[tuple[int, datetime]]) -> Iterator[int]:
    """When Debian's cron starts a job: each minute it looks at the clock, as its cron.c does.

    Jobs with a star go by what it shows. For others it goes through the minutes that it has left
    out, and waits where it was put back.
    """
    minute, hour, _, _, weekday = expression.split()
    minutes, hours, weekdays = numbers(minute, 60), numbers(hour, 24), numbers(weekday, 7)
    star = minute.startswith("*") or hour.startswith("*")
    virtual = shown[0][1]
    for at, wall in shown[1:]:
        passed = []
        if star:
            passed = [wall]
        while virtual < wall:
            virtual += timedelta(minutes=1)
            passed += [] if star else [virtual]
        if any(
            time.minute in minutes and time.hour in hours and time.isoweekday() % 7 in weekdays
            for time in passed
        ):
            yield at


def around(day: str) -> tuple[int, int]:
    noon = int(datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp()) + DAY // 2
    return noon - 2 * DAY, noon + 2 * DAY


@pytest.mark.parametrize(
    ("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days]
)
def test_slots_are_when_debians_cron_runs_the_job(zone: str, day: str) -> None:
    start, end = around(day)
    shown = walls(zone, start, end)
    for expression in EXPRESSIONS:
        runs = list(debian_runs(expression, shown))
        schedule = Cron(expression, zone)
        assert slots_between(schedule, start, end, 10_000) == runs, expression
        before = start
        for run in runs:
            assert next_after(schedule, before) == next_after(schedule, run - 1) == run
            assert latest_at_or_before(schedule, run) == run
            if before != start:
                assert latest_at_or_before(schedule, run - 1) == before
            before = run


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize(
    "expression",
    [*EXPRESSIONS, "0 0 */2 * 1", "0 0 1,15 * 1", "0 4 L * *", "0 4 LW * *", "0 4 * * 5L"]
    + ["0 4 * * MON#2", "30 2 29 2 *", "*/7 * * 2-12/5 7", "0 9 * JAN-MAR SUN,WED"],
)
def test_slots_are_those_of_cronsim_where_clocks_are_changed_by_an_hour_at_night(
    expression: str, zone: str
) -> None:
    start = 1_772_323_200
    schedule = Cron(expression, zone)
    peer = CronSim(expression, datetime.fromtimestamp(start, ZoneInfo(zone)))
    slots = slots_between(schedule, start, start + 3 * 366 * DAY, 400)
    assert slots == [int(next(peer).timestamp()) for _ in slots]


@pytest.mark.parametrize(
    ("expression", "day", "zone", "said"),
    [
        ("30 2 * * *", "2026-03-29", "Europe/Berlin", ["03:00"]),
        ("30 2 * * *", "2026-10-25", "Europe/Berlin", ["02:30"]),
        ("*/30 2 * * *", "2026-03-29", "Europe/Berlin", []),
        ("*/30 2 * * *", "2026-10-25", "Europe/Berlin", ["02:00", "02:30", "02:00", "02:30"]),
        ("0 0-5/2 * * *", "2026-03-29", "Europe/Berlin", ["00:00", "03:00", "04:00"]),
        (
            "0 */4 * * *",
            "2026-04-05",
            "Australia/Lord_Howe",
            [f"{h:02}:00" for h in range(0, 24, 4)],
        ),
        ("0,15,30 2 * * *", "2026-10-04", "Australia/Lord_Howe", ["02:30"]),
        ("calendar:02:30", "2026-03-29", "Europe/Berlin", []),
        ("calendar:02:30", "2026-10-25", "Europe/Berlin", ["02:30"]),
        ("calendar:1..3:00", "2026-10-25", "Europe/Berlin", ["01:00", "02:00", "03:00"]),
    ],
)
def test_a_day_on_which_clocks_are_changed(
    expression: str, day: str, zone: str, said: list[str]
) -> None:
    clock = ZoneInfo(zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=clock)
    start = int(midnight.timestamp())
    end = int((midnight + timedelta(days=1)).timestamp())
    slots = slots_between(read_schedule(expression, zone), start - 1, end - 1, 100)
    assert [f"{datetime.fromtimestamp(slot, clock):%H:%M}" for slot in slots] == said


# What `systemd-analyze calendar --base-time="2026-01-01 00:00 UTC"` of systemd 252 says.
CALENDARS = {
    "Mon..Fri 03:00": ("01-01 03:00", "01-02 03:00", "01-05 03:00", "01-06 03:00"),
    "mon-Fri 3:0": ("01-01 03:00", "01-02 03:00", "01-05 03:00", "01-06 03:00"),
    "Monday, 3:00": ("01-05 03:00", "01-12 03:00", "01-19 03:00", "01-26 03:00"),
    "daily": ("01-02 00:00", "01-03 00:00", "01-04 00:00", "01-05 00:00"),
    "hourly": ("01-01 01:00", "01-01 02:00", "01-01 03:00", "01-01 04:00"),
    "quarterly": ("04-01 00:00", "07-01 00:00", "10-01 00:00"),
    "Mon": ("01-05 00:00", "01-12 00:00", "01-19 00:00", "01-26 00:00"),
    "Sat,Thu,Mon..Wed,Sat..Sun": ("01-03 00:00", "01-04 00:00", "01-05 00:00", "01-06 00:00"),
    "Wed *-1": ("04-01 00:00", "07-01 00:00"),
    "*-*~1": ("01-31 00:00", "02-28 00:00", "03-31 00:00", "04-30 00:00"),
    "*-02~03": ("02-26 00:00",),
    "*-*~7/1": ("01-25 00:00", "01-26 00:00", "01-27 00:00", "01-28 00:00"),
    "*-*~1..3": ("01-29 00:00", "01-30 00:00", "01-31 00:00", "02-26 00:00"),
    "*-*~1,3/2": ("01-29 00:00", "01-31 00:00", "02-26 00:00", "02-28 00:00"),
    "*:0/15": ("01-01 00:15", "01-01 00:30", "01-01 00:45", "01-01 01:00"),
    "*-*-1..7/2 18:00": ("01-01 18:00", "01-03 18:00", "01-05 18:00", "01-07 18:00"),
    "*-1/3-1": ("04-01 00:00", "07-01 00:00", "10-01 00:00"),
    "1..5/2-1 00:00": ("03-01 00:00", "05-01 00:00"),
    "03-05 08:05:40": ("03-05 08:05:40",),
    "08:05": ("01-01 08:05", "01-02 08:05", "01-03 08:05", "01-04 08:05"),
}


@pytest.mark.parametrize(("calendar", "said"), CALENDARS.items())
def test_a_calendar_means_what_it_means_to_systemd(calendar: str, said: tuple[str, ...]) -> None:
    slots = slots_between(
        read_schedule(f"calendar:{calendar}"), 1_767_225_600, 1_798_761_599, len(said)
    )
    told = [datetime.fromtimestamp(slot, timezone.utc) for slot in slots]
    assert tuple(f"{at:%m-%d %H:%M:%S}".removesuffix(":00") for at in told) == said
