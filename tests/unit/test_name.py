"""A name is what it looks like."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.name import has_visible_character, misleading, normal

COMPOSED, DECOMPOSED = "café", "cafe\u0301"


def test_a_name_has_one_spelling() -> None:
    assert normal(DECOMPOSED) == normal(COMPOSED) == COMPOSED
    assert normal("\u212bngstr\u00f6m") == "\u00c5ngstr\u00f6m"
    assert normal("\u1112\u1161\u11ab") == "\ud55c"
    assert normal("\u00a0 web-01\t") == "web-01"


@given(st.text())
def test_a_spelling_is_final(name: str) -> None:
    assert normal(normal(name)) == normal(name)


@given(st.text(), st.text())
def test_two_spellings_of_one_name_are_one_name_and_case_makes_two(one: str, other: str) -> None:
    assert normal(unicodedata.normalize("NFD", one)) == normal(unicodedata.normalize("NFC", one))
    if one != other and one.isascii() and other.isascii():
        assert (normal(one) == normal(other)) == (one.strip() == other.strip())


@pytest.mark.parametrize(
    ("char", "why"),
    [
        ("\u00ad", "can't be seen"),  # soft hyphen
        ("\u034f", "can't be seen"),  # combining grapheme joiner
        ("\u061c", "can't be seen"),
        ("\u115f", "can't be seen"),
        ("\u1160", "can't be seen"),
        ("\u17b4", "can't be seen"),
        ("\u180b", "can't be seen"),
        ("\u180e", "can't be seen"),
        ("\u200b", "can't be seen"),
        ("\u200c", "can't be seen"),
        ("\u200d", "can't be seen"),
        ("\u200e", "can't be seen"),
        ("\u202e", "can't be seen"),
        ("\u2060", "can't be seen"),
        ("\u2066", "can't be seen"),
        ("\u2800", "can't be seen"),
        ("\u3164", "can't be seen"),
        ("\ufe0f", "can't be seen"),
        ("\ufeff", "can't be seen"),
        ("\uffa0", "can't be seen"),
        ("\ufffc", "can't be seen"),
        ("\U0001d173", "can't be seen"),
        ("\U000e0041", "can't be seen"),
        ("\U000e0100", "can't be seen"),
        ("\u00a0", "looks like a space"),
        ("\u2003", "looks like a space"),
        ("\u202f", "looks like a space"),
        ("\u3000", "looks like a space"),
        ("\ue000", "looks different everywhere"),
        ("\uffff", "looks different everywhere"),
        ("\U0010fffd", "looks different everywhere"),
        ("\U000e0fff", "looks different everywhere"),
    ],
)
def test_what_could_make_a_name_look_like_another_is_named_by_its_code(char: str, why: str) -> None:
    said = misleading(f"back{char}up")
    assert said.startswith(f"has U+{ord(char):04X}")
    assert why in said
    assert said.isascii()
    assert said.isprintable()


@pytest.mark.parametrize("name", ["\u0301a", "a \u0301b", "\u20dd", "(a) \u0903", "\u0e31"])
def test_a_mark_stands_on_a_letter(name: str) -> None:
    assert "on no letter" in misleading(name)


def test_marks_are_not_heaped_up() -> None:
    assert misleading("x" + "\u0316\u0317\u0318\u0319") == ""
    assert "more than 4 marks on one letter" in misleading("x" + "\u0316" * 5)


LANGUAGES = (
    *("backup", "100 % <b>", "1/2", "日本語 ✓", "한국어", "नमस्ते", "ภาษาไทยที่นี่", "ཀྲུང", "שָׁלוֹם"),
    *("العربية", "Việt Nam", "Ωμέγα", "x\u0336y", "\u1ea1\u0302"),
    *("\U0001f4be ☃", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea"),
)


@pytest.mark.parametrize("name", LANGUAGES)
def test_names_of_all_languages_are_what_they_look_like(name: str) -> None:
    assert misleading(normal(name)) == ""
    assert has_visible_character(normal(name))


@pytest.mark.parametrize("name", ["\u200b", "\u0301", "\u2060\u202e", "\u3164", "\u2800\u115f"])
def test_a_name_without_anything_to_see_is_known_as_such(name: str) -> None:
    assert not has_visible_character(name)


@given(st.text(min_size=1))
def test_whatever_a_name_holds_what_is_said_of_it_is_one_line(name: str) -> None:
    assert misleading(name).isprintable()
    assert len(misleading(name)) < 200
    if not misleading(name):
        assert not {unicodedata.category(char) for char in name} & {"Cf", "Co", "Cn", "Cs"}


def test_what_is_much_too_long_for_a_name_is_not_spelled_anew() -> None:
    # To order so many marks would take seconds.
    long = "x" + "\u0301\u0316" * 16_000
    assert normal(long) == long
    assert normal("e" + "\u0301" + "x" * 198) == "\u00e9" + "x" * 198
