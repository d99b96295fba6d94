"""What looks odd is taken, and noted in one line."""

import pytest

from gocron.core.job import Job
from gocron.core.odd import SEVERAL_HOSTS, declared, notes
from gocron.render.terminal import details

DAY = 86_400
ONCE_A_MINUTE = "checked once a minute only; did you mean "


@pytest.mark.parametrize(
    ("frequency_s", "meant"),
    [(1, "1d?"), (5, "5m or 5d?"), (30, "30m or 30d?"), (59, "59m or 59d?")],
)
def test_a_frequency_below_the_interval_asks_for_its_unit(frequency_s: int, meant: str) -> None:
    assert list(declared(frequency_s, None, None, 60)) == [ONCE_A_MINUTE + meant]


def test_how_often_sweeps_look_is_said_as_it_is() -> None:
    (note,) = declared(120, None, None, 300)
    assert note == "checked every 5 min only"


@pytest.mark.parametrize(
    "told",
    [
        (60, None, None),
        (60, 30, False),
        (3_600, 0, False),
        (3_600, None, True),
        (DAY, 7_200, False),
        (None, 1, True),
        (300, 60, True),
        (300, 5, False),
    ],
)
def test_what_is_usual_has_no_note(told: tuple[int | None, int | None, bool | None]) -> None:
    assert list(declared(*told, 60)) == []


def test_a_grace_without_a_unit_that_is_next_to_none_is_asked_for_its_unit() -> None:
    assert list(declared(DAY, 2, None, 60)) == [
        "a grace of 2 s is next to none; did you mean 2m or 2h?"
    ]


def test_a_site_that_is_seldom_heard_says_too_late_that_its_gateway_is_away() -> None:
    (note,) = declared(DAY, 7_200, True, 60)
    assert note.startswith("a site that checks in every 1 d says too late")


def test_hosts_that_take_turns_are_named() -> None:
    job = Job(
        *(1, "acme", "backup", "a@b.c", DAY, 7_200, False, "192.0.2.1", 0, 900, 900),
        came_from=",192.0.2.2,192.0.2.1,192.0.2.2,192.0.",
        returns=3,
        returned_at=900,
    )
    assert notes(job, 60, 1_000) == [f"{SEVERAL_HOSTS} 192.0.2.1, 192.0.2.2"]


def test_where_a_job_comes_from_now_is_none_of_the_addresses_before() -> None:
    job = Job(
        *(1, "acme", "backup", "a@b.c", DAY, 7_200, False, "192.0.2.1", 0, 900, 900),
        came_from=",192.0.2.2,192.0.2.1,",
    )
    (before,) = [
        line for line in details(job, [], 1_000).splitlines() if line.startswith("before:")
    ]
    assert before.split()[1:] == ["192.0.2.2"]


def test_a_note_is_fit_for_a_header() -> None:
    for note in declared(1, 1, True, 86_400):
        assert note.isascii()
        assert note.isprintable()
