"""Lengths of time as people write and read them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.duration import UNITS, parse_duration, say_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", 3600),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("90m", 5400),
        ("1d", 86_400),
        ("1h30m", 5400),
        ("2w", 1_209_600),
        ("45s", 45),
        (" 36H ", 129_600),
    ],
)
def test_a_length_of_time_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "h",
        "1 h",
        "1.5h",
        "1e3",
        "0x10",
        "10y",
        "1h30",
        "-1h",
        "\uff11\uff12",
        "1_000",
        "9" * 19,
    ],
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_whole_number_of_seconds_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_duration(text), int)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(sorted(UNITS))), min_size=1))
def test_parts_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{count}{unit}" for count, unit in parts)
    assert parse_duration(text) == sum(count * UNITS[unit] for count, unit in parts)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (3_661, "1 h 1 min"),
        (3_605, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (40 * 86_400, "40 d"),
    ],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert say_duration(seconds) == said
