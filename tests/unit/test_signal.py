"""What a check-in says of its run: state, exit status, output, however hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gocron.core.checkin import read_checkin
from gocron.core.refused import Refused
from gocron.core.signal import FAIL, LOG, OK, OUTPUT_LIMIT_B, START, WORKED, Signal, kept_output

NAMED = [("account", "web-01"), ("cronname", "backup")]


def said(**told: str) -> Signal:
    return read_checkin([*NAMED, *told.items()], "192.0.2.1").signal


def refused(**told: str) -> str:
    with pytest.raises(Refused) as error:
        said(**told)
    return str(error.value)


def test_a_check_in_that_says_nothing_more_worked() -> None:
    assert said() is WORKED
    assert Signal(OK, "", None, None) == WORKED


@pytest.mark.parametrize(
    ("state", "kind"),
    [("ok", OK), ("fail", FAIL), ("start", START), ("log", LOG), (" FAIL ", FAIL)],
)
def test_a_state_is_said_by_its_name(state: str, kind: str) -> None:
    assert said(state=state).kind == kind


@pytest.mark.parametrize(
    ("status", "kind", "kept"),
    [
        ("0", OK, ""),
        ("000", OK, ""),
        ("1", FAIL, "1"),
        ("255", FAIL, "255"),
        ("007", FAIL, "7"),
        ("TERM", FAIL, "TERM"),
        ("sigkill", FAIL, "KILL"),
        ("RTMIN+3", FAIL, "RTMIN+3"),
    ],
)
def test_an_exit_status_says_whether_it_worked(status: str, kind: str, kept: str) -> None:
    assert (said(exit=status).kind, said(exit=status).exit_status) == (kind, kept)


@pytest.mark.parametrize(
    "status", ["", " ", "256", "-1", "1.5", "1e2", "SIG", "FOO", "$?", "\u0663", "0x1"]
)
def test_what_is_no_exit_status_is_never_taken_for_one_that_worked(status: str) -> None:
    assert refused(exit=status).startswith("exit: ")


def test_state_and_exit_status_may_not_contradict() -> None:
    assert said(state="fail", exit="3") == Signal(FAIL, "3")
    assert said(state="ok", exit="0").kind == OK
    assert "contradict" in refused(state="ok", exit="3")
    assert "contradict" in refused(state="fail", exit="0")
    assert "end of a run" in refused(state="start", exit="0")
    assert "end of a run" in refused(state="log", exit="1")


@pytest.mark.parametrize("state", ["", "up", "okay", "0", "OK\x07"])
def test_another_state_is_refused_and_told_which_there_are(state: str) -> None:
    assert refused(state=state).startswith("state: ")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("12", 12), ("12.9", 12), ("0.001", 0), ("2h", 7200)]
)
def test_a_duration_is_seconds_or_a_length(text: str, seconds: int) -> None:
    assert said(duration=text).duration_s == seconds


@pytest.mark.parametrize("text", ["", "-1", "1e3", "nan", "400d", "1.2.3", "\u0661"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert refused(duration=text).startswith("duration: ")


def test_the_output_keeps_its_lines_and_shows_what_a_terminal_would_obey() -> None:
    assert said(msg="a\r\nb\tc\n").output == "a\nb\tc\n"
    assert said(msg="\x1b[31mred\x00\x7f\r\x9b").output == "␛[31mred␀␡␍\ufffd"
    assert said(msg="").output is None


def test_of_long_output_the_end_is_kept() -> None:
    printed = b"x" * 5 + b"y" * OUTPUT_LIMIT_B
    assert kept_output(printed) == "y" * OUTPUT_LIMIT_B
    assert (
        kept_output("ä".encode() * OUTPUT_LIMIT_B + b"z") == "ä" * (OUTPUT_LIMIT_B // 2 - 1) + "z"
    )


@given(some.binary(max_size=300))
def test_any_bytes_become_text_that_can_be_kept_and_shown(printed: bytes) -> None:
    shown = kept_output(printed)
    shown.encode("utf-8")
    assert all(char.isprintable() or char in "\n\t" or not char.isascii() for char in shown)
    assert "\x00" not in shown


def test_the_output_of_a_run_may_hold_what_no_other_field_may() -> None:
    with pytest.raises(Refused, match="control character"):
        read_checkin([("account", "a\x07"), ("cronname", "b"), ("msg", "\x07")], "192.0.2.1")
    assert said(msg="\x07\u2028").output == "␇\u2028"
