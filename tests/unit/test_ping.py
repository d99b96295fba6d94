"""A path of Healthchecks' protocol is the same check-in as its fields would be at `/`."""

import json
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.checkin import CheckIn, read_checkin
from gocron.core.ping import PREFIX, RUN_ID_LIMIT, read_ping
from gocron.core.refused import Refused
from gocron.core.signal import FAIL, LOG, OK, START, Signal
from gocron.fields import read_journalled

JOB = "/ping/web-01/backup"


def pinged(path: str, query: str = "") -> CheckIn | None:
    ping = read_ping(path, parse_qsl(query, keep_blank_values=True))
    return None if ping is None else read_checkin(ping.fields, "")


def said(path: str, query: str = "") -> Signal:
    checkin = pinged(path, query)
    assert checkin is not None
    assert checkin.key == ("web-01", "backup")
    return checkin.signal


def refusal(path: str, query: str = "") -> str:
    with pytest.raises(Refused) as caught:
        pinged(path, query)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("tail", "kind", "status"),
    [
        ("", OK, ""),
        ("/start", START, ""),
        ("/run", START, ""),
        ("/complete", OK, ""),
        ("/fail", FAIL, ""),
        ("/log", LOG, ""),
        ("/0", OK, ""),
        ("/1", FAIL, "1"),
        ("/255", FAIL, "255"),
        ("/007", FAIL, "7"),
        ("/TERM", FAIL, "TERM"),
        ("/SIGTERM", FAIL, "TERM"),
        ("/kill", FAIL, "KILL"),
        ("/RTMIN+3", FAIL, "RTMIN+3"),
    ],
)
def test_what_stands_behind_the_name_is_what_the_run_came_to(
    tail: str, kind: str, status: str
) -> None:
    for path in (f"{JOB}{tail}", f"{JOB}{tail}/"):
        signal = said(path)
        assert (signal.kind, signal.exit_status) == (kind, status)


@pytest.mark.parametrize("word", ["start", "fail", "log", "run", "complete", "0", "3", "TERM"])
def test_a_word_is_a_name_unless_it_is_the_third(word: str) -> None:
    for path in (f"/ping/web-01/{word}", f"/ping/web-01/{word}/"):
        checkin = pinged(path)
        assert checkin is not None
        assert (checkin.key, checkin.signal) == (("web-01", word), Signal())
    behind = pinged(f"/ping/{word}/{word}/fail")
    assert behind is not None
    assert (behind.key, behind.signal.kind) == ((word, word), FAIL)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ping",
        "/ping/",
        "/ping//",
        "/ping///",
        "/ping/checks",
        "/ping/checks/",
        "/ping/web-01/",
        "/ping//backup",
        "/ping/web-01//start",
        f"{JOB}//",
        f"{JOB}/banana",
        f"{JOB}/Start",
        f"{JOB}/TERMINATE",
        f"{JOB}/1e2",
        f"{JOB}/+1",
        f"{JOB}/start/fail",
        f"{JOB}/start//",
        "/ping/../cron",
        "/ping/web-01/..",
        "/ping/web-01/../backup",
        f"{JOB}/..",
        "/ping/./backup",
        "/cron/web-01/backup",
        "//ping/web-01/backup",
        "/ping" + "/x" * 1000,
    ],
)
def test_another_path_is_none(path: str) -> None:
    assert pinged(path) is None


@pytest.mark.parametrize(
    ("path", "query", "line"),
    [
        (f"{JOB}/256", "", "exit: '256' is no exit status"),
        (f"{JOB}/-1", "", "exit: '-1' is no exit status"),
        (f"{JOB}/" + "9" * 5000, "", "exit: '9999"),
        (f"{JOB}/fail", "exit=0", "exit: 0 and the state contradict"),
        (f"{JOB}/start", "exit=1", "exit: goes with the end"),
        (f"{JOB}/start", "state=fail", "state: given more than once"),
        (f"{JOB}/3", "exit=3", "exit: given more than once"),
        (JOB, "account=web-01", "account: given more than once"),
        (JOB, "cronname=backup", "cronname: given more than once"),
        (JOB, "Account=other", "account: given more than once"),
        (JOB, "emial=a@b.c", "'emial': unknown field; did you mean email?"),
        (JOB, "frequency=soon", "frequency: 'soon' is no length"),
        (JOB, "rid=" + "x" * (RUN_ID_LIMIT + 1), "rid: 65 characters long"),
        (JOB, "rid=%0a", "rid: has a control character"),
        (JOB, "rid=a&RID=b", "rid: given more than once"),
        (JOB, "create=1&create=0", "create: given more than once"),
        (JOB, "create=maybe", "create: 'maybe' is neither 1 nor 0"),
        (JOB, "status=ill", "status: 'ill' is none; send up or down"),
        (JOB, "status=up&status=down", "status: given more than once"),
        (f"{JOB}/fail", "status=up", "state: given more than once"),
        (JOB, "ping=20", "ping: goes with status="),
        ("/ping/web-01/a\0b", "", "cronname: has a control character"),
        ("/ping/web\n01/backup", "", "account: has a control character"),
        ("/ping/web-01/a\ufffdb", "", "path: is no UTF-8"),
        ("/ping/web-01/\udcff", "", "cronname: has a control character"),
        ("/ping/web-01/%20 ", "frequency=0", "frequency: 0 s is out of range"),
        ("/ping/web-01/ ", "", "cronname: missing"),
        ("/ping/web-01/" + "x" * 201, "", "cronname: 201 characters long"),
        ("/ping/" + "x" * 60_000 + "/backup", "", "account: 60000 characters long"),
    ],
)
def test_what_a_path_can_t_mean_is_refused_and_the_line_says_why(
    path: str, query: str, line: str
) -> None:
    assert refusal(path, query).startswith(line)


def test_the_query_may_have_all_fields_of_a_check_in_and_a_run_of_any_text() -> None:
    query = "email=a@b.c&frequency=1d&grace=2h&site=1&gateway=gw&duration=4&msg=done&rid=nightly+7"
    checkin = pinged(f"{JOB}/0", f"{query}&create=1")
    at_root = [("account", "web-01"), ("cronname", "backup"), ("exit", "0")]
    ours = [field for field in parse_qsl(query) if field[0] != "rid"]
    assert checkin == read_checkin([*at_root, *ours], "")


def test_a_run_may_have_a_uuid_or_any_other_text_of_64_characters() -> None:
    for run in ("8a1f2c3d-0000-4000-8000-000000000000", "\u65e5" * RUN_ID_LIMIT, "", " "):
        assert read_ping(JOB, [("rid", run)]) == read_ping(JOB, [])


def test_a_job_is_asked_to_be_made_by_create_alone() -> None:
    asked = {
        value: ping.creates for value in ("1", "0") if (ping := read_ping(JOB, [("create", value)]))
    }
    assert asked == {"1": True, "0": False}
    plain = read_ping(JOB, [("email", "a@b.c"), ("frequency", "60")])
    assert plain is not None
    assert not plain.creates


@pytest.mark.parametrize(
    ("query", "kind", "output"),
    [
        ("status=up&msg=start", START, None),
        ("status=up&msg=finish", OK, None),
        ("status=down&msg=fail", FAIL, None),
        ("status=up&msg=OK&ping=", OK, "OK"),
        ("status=up", OK, None),
        ("status=down&msg=disk+full&ping=31", FAIL, "disk full"),
        ("status=down&msg=start", FAIL, None),
        ("msg=start", OK, "start"),
    ],
)
def test_uptime_kuma_s_status_is_a_state(query: str, kind: str, output: str | None) -> None:
    signal = said(JOB, query)
    assert (signal.kind, signal.output) == (kind, output)


NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="/\ufffd"),
    min_size=1,
    max_size=20,
)


def line(path: str, query: str = "") -> bytes:
    told = {"at": "1800014400.123", "address": "203.0.113.9", "method": "POST", "path": path}
    told |= {"query": query, "content_type": "text/plain", "length": "7", "body": ""}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape")


@given(NAMES, NAMES, st.sampled_from(["", "/start", "/3", "/TERM"]))
def test_names_in_any_language_mean_the_same_in_the_path_in_the_journal_and_at_root(
    account: str, cronname: str, tail: str
) -> None:
    if {account, cronname} & {".", ".."}:
        return
    try:
        plain = read_checkin([("account", account), ("cronname", cronname)], "")
    except Refused as refused:
        assert refusal(f"{PREFIX}{account}/{cronname}") == str(refused)
        return
    found = pinged(f"{PREFIX}{account}/{cronname}{tail}")
    assert found is not None
    assert (found.key, found.misnamed) == (plain.key, plain.misnamed)
    _, _, fields = read_journalled(line(PREFIX + quote(f"{account}/{cronname}{tail}")))
    assert read_checkin(fields, "") == found


@given(st.text(max_size=60), st.binary(max_size=20))
def test_no_path_whatever_it_holds_breaks_the_reading(text: str, raw: bytes) -> None:
    for path in (PREFIX + text, PREFIX + "a/" + raw.decode("utf-8", "replace")):
        try:
            pinged(path)
        except Refused as refused:
            assert str(refused).isprintable()


def test_a_journalled_path_may_be_raw_utf_8_or_encoded_and_what_is_none_is_refused() -> None:
    for path in ("/ping/caf\u00e9/b", "/ping/caf%C3%A9/b", "/ping/caf\udcc3%A9/b/"):
        assert read_journalled(line(path, "exit=3"))[2] == [
            ("account", "caf\u00e9"),
            ("cronname", "b"),
            ("exit", "3"),
        ]
    for path in ("/ping/a", "/ping/a/b/banana", "/cron/a"):
        with pytest.raises(Refused, match="is none at which check-ins are taken"):
            read_journalled(line(path))
    for path in ("/ping/a/%ff", "/ping/a/\udcff"):
        with pytest.raises(Refused, match="is no UTF-8"):
            read_journalled(line(path))


def test_an_encoded_slash_is_a_slash_wherever_the_path_is_read() -> None:
    # The front's HTTP server hands paths over decoded, so that nobody could tell them apart there.
    assert read_journalled(line("/ping/a%2Fb"))[2] == [("account", "a"), ("cronname", "b")]


def test_a_line_of_a_version_before_has_no_path_and_is_a_check_in_at_root() -> None:
    told = json.loads(line(""))
    told |= {"method": "GET", "query": "account=a&cronname=b"}
    for journalled in ({**told}, {key: told[key] for key in told if key != "path"}):
        _, peer, fields = read_journalled(json.dumps(journalled).encode())
        assert (peer, fields) == ("203.0.113.9", [("account", "a"), ("cronname", "b")])
