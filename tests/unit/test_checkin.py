"""Fields to a check-in, or a refusal that names the field."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.checkin import (
    FIELDS,
    FREQUENCY_LIMIT_S,
    CheckIn,
    Refused,
    first_time_needs,
    read_checkin,
)
from gocron.core.job import Job
from gocron.core.mailbox import is_address
from gocron.core.name import NAME_LIMIT, normal

WHOLE = {
    "cronname": "backup",
    "account": "web-01",
    "email": "ops@example.com",
    "frequency": "3600",
}
NAMES = ("cronname", "account")
ANY_FIELD = st.tuples(st.sampled_from(FIELDS) | st.text(max_size=12), st.text(max_size=300))


def read(**changed: str | None) -> CheckIn:
    """The check-in of WHOLE with some fields changed, or left out where None."""
    told = {name: value for name, value in {**WHOLE, **changed}.items() if value is not None}
    return read_checkin(told.items(), "192.0.2.1", 1_800_000_000)


def refusal(**changed: str | None) -> Refused:
    with pytest.raises(Refused) as caught:
        read(**changed)
    assert str(caught.value).isprintable(), "a refusal is one line"
    return caught.value


def test_a_whole_check_in_is_read_field_by_field() -> None:
    assert read(site="1", grace="10m") == CheckIn(
        account="web-01",
        cronname="backup",
        email="ops@example.com",
        frequency_s=3600,
        grace_s=600,
        site=True,
        address="192.0.2.1",
        seen_at=1_800_000_000,
    )


def test_a_field_that_is_not_sent_is_none_so_that_what_is_stored_stays() -> None:
    told = read(email=None, frequency=None)
    assert (told.email, told.frequency_s, told.grace_s, told.site) == (None,) * 4


@pytest.mark.parametrize("field", NAMES)
def test_a_missing_name_is_refused_by_its_field(field: str) -> None:
    for nothing in (None, "", "   ", "\u00a0"):
        refused = refusal(**{field: nothing})
        assert refused.field == field
        assert "missing" in str(refused)


@pytest.mark.parametrize("field", NAMES)
def test_names_are_one_to_two_hundred_characters_after_trimming(field: str) -> None:
    for fit in ("x", "x" * NAME_LIMIT, f"  {'日' * NAME_LIMIT}  "):
        assert getattr(read(**{field: fit}), field) == fit.strip()
    assert refusal(**{field: "x" * (NAME_LIMIT + 1)}).field == field


@pytest.mark.parametrize("field", NAMES)
def test_a_name_that_nobody_can_see_is_refused(field: str) -> None:
    for nothing in ("\u200b", "\u0301", "\u2060\u202e"):
        assert str(refusal(**{field: nothing})) == f"{field}: has no character that can be seen"


@pytest.mark.parametrize("field", [*NAMES, "gateway"])
def test_a_name_is_stored_in_one_spelling(field: str) -> None:
    assert getattr(read(**{field: " cafe\u0301 "}), field) == "caf\u00e9"


@pytest.mark.parametrize("field", NAMES)
def test_no_new_job_gets_a_name_that_looks_like_another(field: str) -> None:
    told = read(**{field: "back\u200bup"})
    refused = first_time_needs(told)
    assert not told.declares
    assert (refused.field, str(refused)) == (
        field,
        f"{field}: has U+200B (ZERO WIDTH SPACE), which can't be seen; leave it out",
    )


def test_no_gateway_is_named_so_that_it_looks_like_another() -> None:
    assert str(refusal(gateway="off\u00adice")).startswith("gateway: has U+00AD (SOFT HYPHEN)")


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "'; DROP TABLE job; --", '"', "日本語 ✓", "100%"],
)
def test_whatever_else_a_name_holds_is_data(name: str) -> None:
    assert read(cronname=name, account=name).key == (name, name)


@pytest.mark.parametrize("field", [name for name in FIELDS if name != "msg"])
@pytest.mark.parametrize(
    "char", ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"]
)
def test_a_control_character_is_refused_in_any_field_but_the_output(field: str, char: str) -> None:
    for value in (f"1{char}", f"{char}1", f"a{char}b@c.d"):
        refused = refusal(**{field: value})
        assert refused.field == field
        assert "control character" in str(refused)


def test_field_names_are_matched_without_regard_to_case() -> None:
    told = [(name.upper(), value) for name, value in WHOLE.items()]
    assert read_checkin(told, "192.0.2.1", 1_800_000_000) == read()


def test_a_field_sent_twice_is_refused_even_in_another_case() -> None:
    for again in ("account", "Account"):
        with pytest.raises(Refused, match="account: given more than once"):
            read_checkin([*WHOLE.items(), (again, "other")], "", 0)


def test_an_unknown_field_is_refused_with_the_nearest_known_one() -> None:
    assert "did you mean frequency?" in str(refusal(frequencey="60"))
    assert "known are cronname, account" in str(refusal(zzz="1"))


@pytest.mark.parametrize("name", ["", "x" * 10_000, "a\nb", "\ud800", "<b>"])
def test_an_unknown_field_with_a_hostile_name_is_refused_in_one_short_line(name: str) -> None:
    assert len(str(refusal(**{name: "1"}))) < 400


@pytest.mark.parametrize(
    ("frequency", "seconds"),
    [("1", 1), ("90m", 5400), ("1d", 86_400), ("366d", FREQUENCY_LIMIT_S), ("+60", 60)],
)
def test_frequency_is_one_second_to_366_days(frequency: str, seconds: int) -> None:
    assert read(frequency=frequency).frequency_s == seconds


@pytest.mark.parametrize(
    "frequency",
    ["", "0", "-1", "367d", str(FREQUENCY_LIMIT_S + 1), "9" * 18, "9" * 5000, "-" + "9" * 99]
    + ["3600.0", "1e9", "nan", "hourly", "999999999999w999999999999w"],
)
def test_any_other_frequency_is_refused(frequency: str) -> None:
    refused = refusal(frequency=frequency)
    assert refused.field == "frequency"
    assert len(str(refused)) < 200


def test_grace_may_be_nothing_and_is_bounded_like_frequency() -> None:
    assert read(grace="0").grace_s == 0
    assert read(grace="366d").grace_s == FREQUENCY_LIMIT_S
    for bad in ("-1", "367d", "soon", ""):
        assert refusal(grace=bad).field == "grace"


@pytest.mark.parametrize(
    ("word", "is_site"),
    [("1", True), ("true", True), ("Yes", True), ("on", True)]
    + [("0", False), ("false", False), ("NO", False), ("off", False), ("", False)],
)
def test_site_is_yes_or_no(word: str, is_site: bool) -> None:
    assert read(site=word).site is is_site


def test_a_site_that_is_neither_is_refused() -> None:
    assert refusal(site="maybe").field == "site"


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("ops@example.com", "ops@example.com"),
        (" ops@example.com ", "ops@example.com"),
        ("a@x.org,b@y.org", "a@x.org, b@y.org"),
        (" a@x.org ,, b@y.org, ", "a@x.org, b@y.org"),
        ("root@localhost", "root@localhost"),
        ("ops+cron@example.com", "ops+cron@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
    ],
)
def test_mail_addresses_are_kept_as_a_tidy_list(email: str, kept: str) -> None:
    assert read(email=email).email == kept


@pytest.mark.parametrize(
    "email",
    ["", " , ", "ops", "@example.com", "ops@", "a@b@c", "ops @example.com", "Ops <ops@x.org>"]
    + ["a@x.org;b@y.org", "a@x.org b@y.org", "ops@-x.org", "ops@.org", "öps@example.com"]
    + ["ops@x..org", "ops@x.org.", "ops@x-"]
    + ["x" * 65 + "@example.com", "a@" + "x" * 256, "a@x.org," * 200, "\\@x.org", '"a"@x.org'],
)
def test_what_is_no_mail_address_is_refused(email: str) -> None:
    assert refusal(email=email).field == "email"


def test_ten_recipients_are_taken_and_eleven_are_not() -> None:
    addresses = [f"ops{number}@example.com" for number in range(11)]
    assert read(email=",".join(addresses[:10])).email == ", ".join(addresses[:10])
    assert "11 addresses; at most 10" in str(refusal(email=",".join(addresses)))


@pytest.mark.parametrize(
    ("email", "recipients"),
    [
        ("ops@Example.com, ops@example.COM", ("ops@Example.com",)),
        ("Ops@example.com, ops@example.com", ("Ops@example.com",)),
        ("ops@example.com, dev@example.com", ("ops@example.com", "dev@example.com")),
        ("ops+a@example.com, ops@example.com", ("ops+a@example.com", "ops@example.com")),
        ("ops@example.com, ops@example.com.", ("ops@example.com",)),  # as older programs kept it
        ("", ()),
    ],
)
def test_a_mailbox_is_one_recipient_in_the_spelling_that_came_first(
    email: str, recipients: tuple[str, ...]
) -> None:
    job = Job(1, "web-01", "backup", email, 3600, 0, False, "", 0, 0, 3600)
    assert job.recipients == recipients


def test_one_bad_address_in_a_list_is_the_one_that_is_named() -> None:
    assert "'nobody'" in str(refusal(email="ops@example.com, nobody"))


def test_a_plus_that_arrived_as_a_space_is_recognised() -> None:
    for arrived in ("ops cron@example.com", "a@x.org, ops cron@example.com"):
        assert "write + as %2B" in str(refusal(email=arrived))
    assert "%2B" not in str(refusal(email="a@x.org b@y.org"))


def test_only_a_new_job_needs_email_and_frequency() -> None:
    assert first_time_needs(read()) is None
    assert first_time_needs(read(email=None)).field == "email"
    assert first_time_needs(read(frequency=None)).field == "frequency"
    assert first_time_needs(read(email=None, frequency=None)).field == "email and frequency"


@given(st.lists(ANY_FIELD, max_size=8))
def test_hostile_fields_make_a_fit_check_in_or_one_line_of_refusal(
    fields: list[tuple[str, str]],
) -> None:
    try:
        told = read_checkin(fields, "192.0.2.1", 0)
    except Refused as refused:
        assert str(refused).isprintable()
        assert len(str(refused)) < 2_000
        assert refused.field
    else:
        assert all(1 <= len(name) <= NAME_LIMIT and name == normal(name) for name in told.key)
        assert not any(unicodedata.category(char) == "Cc" for name in told.key for char in name)


@given(st.text())
def test_what_is_taken_as_an_address_can_stand_in_a_header_and_on_a_smtp_line(text: str) -> None:
    for candidate in (text, f"{text}@example.com", f"ops@{text}"):
        if is_address(candidate):
            assert candidate.isascii()
            assert candidate.isprintable()
            assert not set(candidate) & set(" <>,;:")
