"""Whatever is sent: never a 5xx; a refusal changes nothing; what is kept is what was sent."""

import json
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gocron.core.job import Job
from gocron.core.name import misleading, normal
from gocron.store.database import Store
from tests.front.conftest import FORM, WHOLE, Response, Site

MEGABYTE = 1_000_000
MULTIPART = "multipart/form-data; boundary=x"

# The database lives as long as the test: its rows add up over the examples.
hostile = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NASTY = (
    "'; DROP TABLE job; --",
    '" OR ""="',
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "%s %(x)s {0} $1 ?",
    "a\r\nBcc: victim@example.com",
    "%0d%0aBcc: victim@example.com",
    "\0",
    "\x1b[31m",
    "../../etc/passwd",
    "\u202egnp.exe",
    "\ufeff\ufffe\uffff",
    "\U0001f4a9" * 200,
    "e\u0301" * 100,
    "x" * 201,
    "x" * MEGABYTE,
    "9" * 5_000,
    "-9223372036854775809",
    "1e999",
    "",
    " ",
)
TEXTS = st.sampled_from(NASTY) | st.text(max_size=220)
NAMES = {"cronname": TEXTS, "account": TEXTS}
VALUES = {
    **NAMES,
    "email": TEXTS | st.builds("{}@{}".format, TEXTS, TEXTS) | st.just("ops@example.com"),
    "frequency": TEXTS | st.integers().map(str) | st.just("90m"),
    "grace": TEXTS | st.integers().map(str),
    "site": TEXTS | st.sampled_from("01"),
}
HARMFUL = (
    b"{" * 60_000,
    b"[" * 60_000,
    b'{"cronname":' * 5_000,
    b'{"cronname":' + b"[" * 60_000,
    b'{"cronname":"\\ud800"}',
    b'{"cronname":"\xff"}',
    b'{"frequency":' + b"9" * 60_000 + b"}",
    b'{"a":1,' * 8_000 + b'"a":1}',
    b"{}" * 30_000,
    b"a" * 60_000,
    b"&" * 60_000,
    b"=&" * 30_000,
    b"%" * 60_000,
    b"\x00" * 60_000,
)

# A good check-in with some of its fields left out, and some made hostile.
FIELDS = st.builds(
    lambda left_out, hostile: {
        name: value
        for name, value in {**WHOLE, **hostile}.items()
        if name in hostile or name not in left_out
    },
    st.just(()) | st.sets(st.sampled_from(sorted(WHOLE))),
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: (
            st.fixed_dictionaries({**NAMES, name: VALUES[name]})
            | st.fixed_dictionaries({name: VALUES[name]})
        )
    ),
)
SEND: dict[str, Callable[[Site, dict[str, str]], Response]] = {
    "query": lambda site, told: site.ask(query=urlencode(told)),
    "form": lambda site, told: site.ask("POST", body=urlencode(told).encode(), content_type=FORM),
    "json": lambda site, told: site.ask("POST", body=json.dumps(told).encode(), content_type=FORM),
    "raw": lambda site, told: site.ask(
        "POST", body=json.dumps(told, ensure_ascii=False).encode(errors="surrogatepass")
    ),
    "multipart": lambda site, told: site.ask("POST", body=multipart(told), content_type=MULTIPART),
}
HEADERS = st.dictionaries(
    st.sampled_from(["X-Forwarded-For", "X-Real-IP", "Via", "Host", "User-Agent", "Cookie"]),
    st.text(st.characters(max_codepoint=255), max_size=80)
    | st.sampled_from(["::ffff:198.51.100.7", "fe80::1%<script>", "2001:db8::7, ,", "0" * 9_000]),
)


@hostile
@given(told=FIELDS, how=st.sampled_from(sorted(SEND)), headers=HEADERS)
def test_hostile_fields_are_kept_as_sent_or_refused_without_a_trace(
    site: Site, told: dict[str, str], how: str, headers: dict[str, str]
) -> None:
    before = rows(site.store)
    answer = SEND[how](site, told)
    assert answer.status in (201, 400, 404)
    if answer.status != 201:
        assert answer.line.startswith("gocron: ")
        assert len(answer.body) < 8_000
        assert rows(site.store) == before
        return
    assert answer.body == b""
    job = one(site, normal(told["account"]), normal(told["cronname"]))
    assert len(rows(site.store)) - len(before) in (0, 1)
    if "email" in told:
        assert job.email.split(", ") == [
            part.strip() for part in told["email"].split(",") if part.strip()
        ]
    if told.get("frequency", "").isascii() and told.get("frequency", "").isdecimal():
        assert job.frequency_s == int(told["frequency"])
    assert job.due_at == site.now + job.frequency_s + job.grace_s


@hostile
@given(
    query=st.text(st.characters(max_codepoint=255), max_size=300)
    | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")),
    body=st.binary(max_size=300),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    content_type=st.sampled_from(["", FORM, "application/json", MULTIPART, "multipart/x; \xff=1"]),
    headers=HEADERS,
    peer=st.sampled_from(["127.0.0.1", "::1", "192.0.2.1", "", "x"]),
)
def test_raw_bytes_anywhere_are_answered_in_one_line_and_change_nothing(
    site: Site, query: str, body: bytes, method: str, content_type: str, headers: dict, peer: str
) -> None:
    before = rows(site.store)
    answer = site.ask(method, "/", query, body, content_type, headers, peer)
    assert answer.status in (400, 404)
    assert answer.body == b"" if method == "HEAD" else answer.line
    assert rows(site.store) == before


@hostile
@given(
    path=st.text(st.characters(max_codepoint=255), max_size=80)
    | st.sampled_from([text for text in NASTY if text.isascii()]),
    query=st.text(st.characters(max_codepoint=255), max_size=80),
    headers=HEADERS,
    peer=st.sampled_from(["127.0.0.1", "192.0.2.1"]),
)
def test_any_path_is_answered_without_a_5xx(
    site: Site, path: str, query: str, headers: dict, peer: str
) -> None:
    for whole in (f"/{path}", f"/cron/{path}", f"/healthcheck{path}"):
        answer = site.ask(path=whole, query=query, headers=headers, peer=peer)
        assert answer.status < 500
        assert "html" not in answer.headers["Content-Type"]


@hostile
@given(headers=HEADERS, peer=st.sampled_from(["127.0.0.1", "::1", "::ffff:127.0.0.1"]))
def test_whatever_stands_in_the_headers_a_good_check_in_is_kept(
    site: Site, headers: dict, peer: str
) -> None:
    assert site.ask(query=urlencode(WHOLE), headers=headers, peer=peer).status == 201
    (job,) = site.jobs()
    assert set(job.address) <= set("0123456789abcdef.:")


def test_a_nasty_name_is_data_or_refused(site: Site) -> None:
    kept = []
    for name in NASTY:
        answer = site.check_in(account=name, cronname=name)
        stored = normal(name)
        unfit = any(ord(char) < 32 for char in name) or not stored or len(stored) > 200
        if unfit or misleading(stored):
            assert answer.status == 400
        else:
            assert answer.status == 201
            kept.append(stored)
    assert sorted(kept) == [job.account for job in site.jobs()] == [j.cronname for j in site.jobs()]
    told = json.loads(site.ask(path="/cron", peer="127.0.0.1").body)
    assert sorted(kept) == [cron["Cronname"] for cron in told["Crons"]]


@pytest.mark.parametrize("how", ["query", "form", "json", "multipart"])
def test_a_field_of_a_megabyte_is_refused_in_a_short_line(site: Site, how: str) -> None:
    for field in VALUES:
        answer = SEND[how](site, {**WHOLE, field: "x" * MEGABYTE})
        assert answer.status == 400
        assert len(answer.line) < 300
    assert site.jobs() == []


def test_a_field_sent_twice_is_refused_wherever_it_is_sent(site: Site) -> None:
    for field in VALUES:
        value = WHOLE.get(field, "1")
        encoded = urlencode({**WHOLE, field: value})
        for answer in (
            site.ask(query=f"{encoded}&{field}={quote(value)}"),
            site.ask("POST", query=encoded, body=f"{field}={quote(value)}".encode()),
            site.ask("POST", query=encoded, body=json.dumps({field.upper(): value}).encode()),
        ):
            assert answer.status == 400
            assert f"{field}: given more than once" in answer.line
    assert site.jobs() == []


def test_a_body_that_means_harm_is_refused(site: Site) -> None:
    for body in HARMFUL:
        for content_type in (FORM, "application/json", MULTIPART):
            answer = site.ask("POST", body=body, content_type=content_type)
            assert answer.status in (400, 404), body[:40]
            assert answer.line
    assert site.jobs() == []


def one(site: Site, account: str, cronname: str) -> Job:
    (job,) = (job for job in site.jobs() if (job.account, job.cronname) == (account, cronname))
    return job


def rows(store: Store) -> list[str]:
    """All that is stored of jobs."""
    with store.connected():
        return sorted(repr(row) for row in store.tables.job.select())


def multipart(told: dict[str, str]) -> bytes:
    return (
        b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
            + value.encode(errors="surrogatepass")
            + b"\r\n"
            for name, value in told.items()
        )
        + b"--x--\r\n"
    )
