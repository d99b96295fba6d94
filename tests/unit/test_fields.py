"""Fields from query string, form, JSON and multipart, however hostile."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.checkin import Refused
from gocron.fields import BODY_LIMIT, FIELD_LIMIT, read_fields

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def part(value: bytes, head: bytes = b'name="cronname"') -> bytes:
    disposition = b"Content-Disposition: form-data; " + head
    return b"--x\r\n" + disposition + b"\r\n\r\n" + value + b"\r\n--x--\r\n"


def refusal(query: str = "", content_type: str = FORM, body: bytes = b"") -> str:
    with pytest.raises(Refused) as caught:
        read_fields(query, content_type, body)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_nothing_sent_is_no_field() -> None:
    assert read_fields("", "", b"") == []
    assert read_fields("", "application/json", b"{}") == []


def test_a_query_string_is_decoded() -> None:
    assert read_fields("cronname=%E6%97%A5+x%2By&site=", "", b"") == [
        ("cronname", "日 x+y"),
        ("site", ""),
    ]


def test_fields_of_query_and_body_come_one_after_the_other() -> None:
    fields = read_fields("cronname=a", FORM, b"account=b\n")
    assert fields == [("cronname", "a"), ("account", "b")]


@pytest.mark.parametrize("content_type", ["application/json", FORM, "", "text/plain"])
def test_a_json_object_is_read_under_any_content_type(content_type: str) -> None:
    body = b' {"cronname": "a", "frequency": 60, "site": true, "email": null}'
    assert read_fields("", content_type, body) == [
        ("cronname", "a"),
        ("frequency", "60"),
        ("site", "1"),
    ]


def test_a_field_that_stands_twice_in_a_json_object_is_not_folded() -> None:
    assert read_fields("", "", b'{"site": "1", "site": "0"}') == [("site", "1"), ("site", "0")]


def test_a_multipart_form_is_read() -> None:
    assert read_fields("", MULTIPART, part("日".encode())) == [("cronname", "日")]


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a": }', b"{'a': 1}", b'{"a": 1} x', b'{"a":' * 9_000, b'{"a": ' + b"[" * 50_000]
    + [b'{"frequency": ' + b"9" * 5_000 + b"}"],
)
def test_broken_or_deep_json_is_refused(body: bytes) -> None:
    assert refusal(body=body).startswith("request: is no JSON object")


@pytest.mark.parametrize("field", ["site", "Site", " SITE "])
def test_true_and_false_of_json_are_yes_and_no_where_the_field_is_one_of_these(field: str) -> None:
    body = '{{"{}": {}}}'
    assert read_fields("", "", body.format(field, "true").encode()) == [(field, "1")]
    assert read_fields("", "", body.format(field, "false").encode()) == [(field, "0")]


@pytest.mark.parametrize("field", ["cronname", "account", "email", "frequency", "grace", "gateway"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_true_and_false_of_json_are_neither_name_nor_length(field: str, value: str) -> None:
    said = refusal(body=f'{{"{field}": {value}}}'.encode())
    assert said == f"'{field}': want a text or a whole number, and for site true or false"


@pytest.mark.parametrize(
    "value",
    ["1.5", "60.0", "1e3", "[1]", "[]", '{"a": 1}', "{}", "NaN", "Infinity", "-Infinity", "1e999"],
)
def test_a_json_value_that_is_no_text_or_whole_number_is_refused_by_its_field(value: str) -> None:
    assert refusal(body=b'{"frequency": %s}' % value.encode()).startswith("'frequency': want")


@pytest.mark.parametrize(
    ("query", "content_type", "body"),
    [
        ("cronname=%ff", "", b""),
        ("", FORM, b"cronname=%ff"),
        ("", FORM, b"cronname=\xff"),
        ("", "application/json", b'{"cronname": "\xff"}'),
    ],
)
def test_what_is_no_utf_8_is_refused(query: str, content_type: str, body: bytes) -> None:
    assert "is no UTF-8" in refusal(query, content_type, body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, part(b"\xff")),
        (MULTIPART, part(b"a", head=b"")),
        (MULTIPART, part(b"a", head=b"x=y")),
        (MULTIPART, part(b"a")[:-8]),
        (MULTIPART, b"--x"),
        (MULTIPART, b"nonsense"),
        (MULTIPART + "; charset=nonsense", part(b"a")),
        (MULTIPART + "; charset=utf-16", part(b"a")),
        ("multipart/form-data", part(b"a")),
        ("multipart/form-data; boundary=", part(b"a")),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(content_type: str, body: bytes) -> None:
    assert refusal("", content_type, body) == "request: is no form that can be read"


def test_a_body_is_bounded() -> None:
    assert "more than" in refusal(body=b"x" * (BODY_LIMIT + 1))


def test_the_number_of_fields_is_bounded() -> None:
    assert "more than" in refusal(query="a=1&" * (FIELD_LIMIT + 1))
    assert "more than" in refusal(body=b"a=1&" * (FIELD_LIMIT + 1))


@given(st.lists(st.tuples(st.text(), st.text()), max_size=FIELD_LIMIT))
def test_what_was_sent_is_what_is_read(fields: list[tuple[str, str]]) -> None:
    # A lone surrogate has no UTF-8; `urlencode` would refuse it before we could.
    fields = [
        (name, value) for name, value in fields if (name + value).isprintable() and name + value
    ]
    assert read_fields(urlencode(fields), "", b"") == fields
    sent = dict(fields)
    assert read_fields("", "", json.dumps(sent).encode()) == list(sent.items())


@given(query=st.text(), content_type=st.sampled_from([FORM, "", MULTIPART]), body=st.binary())
def test_any_bytes_are_fields_or_a_refusal(query: str, content_type: str, body: bytes) -> None:
    for sent in (body, b"{" + body, b'{"a":"' + body + b'"}', part(body), part(b"a", head=body)):
        try:
            fields = read_fields(query, content_type, sent)
        except Refused as refused:
            assert str(refused).isprintable()
        else:
            assert all(isinstance(name, str) and isinstance(value, str) for name, value in fields)
