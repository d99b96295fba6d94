"""Whose word counts: of proxies, of browsers, of names, of JSON."""

import ipaddress
import json
from urllib.parse import urlencode

import pytest

from tests.front.conftest import FORM, NOON, WHOLE, Site

OFFICE = (ipaddress.ip_network("10.0.0.0/8"),)

# What proxies tell.


@pytest.mark.parametrize(
    ("forwarded", "stored"),
    [
        ("203.0.113.9, [2001:db8::5]:443", "2001:db8::5"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ('"[2001:db8::5]"', "2001:db8::5"),
        ("203.0.113.9, unknown", "127.0.0.1"),
        ("203.0.113.9, ", "127.0.0.1"),
    ],
)
def test_the_address_stored_is_what_the_proxy_itself_saw(
    site: Site, forwarded: str, stored: str
) -> None:
    headers = {"X-Forwarded-For": forwarded}
    assert site.ask(query=urlencode(WHOLE), headers=headers, peer="127.0.0.1").status == 201
    assert site.jobs()[0].address == stored


def test_a_client_in_the_range_of_its_proxy_is_known_by_its_own_address(site: Site) -> None:
    site.configure(trusted_proxies=OFFICE)
    headers = {"X-Forwarded-For": "10.20.30.40"}
    site.ask(query=urlencode(WHOLE), peer="10.0.0.1", headers=headers)
    (job,) = site.jobs()
    assert (job.address, job.network) == ("10.20.30.40", "10.20.30.40")


@pytest.mark.parametrize(
    "forged", ["198.51.100.7, unknown", "198.51.100.7, ", "198.51.100.7, 203.0.113.9:80"]
)
def test_no_client_claims_an_address_that_may_read_the_jobs(site: Site, forged: str) -> None:
    site.configure(api_allow=(ipaddress.ip_network("198.51.100.0/24"),))
    headers = {"X-Forwarded-For": forged}
    assert site.ask(path="/cron", peer="127.0.0.1", headers=headers).status == 403


def test_a_proxy_in_an_allowed_range_opens_nothing_for_those_it_cannot_name(site: Site) -> None:
    site.configure(trusted_proxies=OFFICE, api_allow=OFFICE)

    def asked(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return site.ask(path="/cron", peer="10.0.0.1", headers=headers).status

    assert site.ask(path="/cron", peer="10.0.0.1").status == 200
    assert asked("10.20.30.40") == 200
    assert asked("unknown") == asked("10.20.30.40, unknown") == asked("10.0.0.9, , 10.0.0.2") == 403
    assert asked("203.0.113.9") == 403


@pytest.mark.parametrize(
    "unreadable", ["\xff", "203.0.113.9\x80", "203.0.113.9, \xe4", "198.51.100.7, \xff, 127.0.0.2"]
)
def test_whom_a_proxy_names_in_bytes_that_are_no_address_reads_nothing_and_is_behind_no_site(
    site: Site, unreadable: str
) -> None:
    headers = {"X-Forwarded-For": unreadable}
    assert site.ask(query=urlencode(WHOLE), headers=headers, peer="127.0.0.1").status == 201
    (job,) = site.jobs()
    assert job.network == ""
    assert site.ask(path="/cron", headers=headers, peer="127.0.0.1").status == 403


# By which name the jobs are read: a page's owner may lead its own name to this host.


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(
            (host, 200)
            for host in ("127.0.0.1:8080", "[::1]:8080", "[::1]", "192.0.2.7", "", ":80")
        ),
        *((host, 200) for host in ("localhost", "LOCALHOST.:8080", "a.localhost", "monitor:8080")),
        *((host, 200) for host in ("gocron.example.com", "Gocron.Example.com.:443")),
        *((host, 200) for host in ("front-1.example.com", "lan.example.com:80")),
        *((host, 403) for host in ("evil.example", "evil.example:8080", "evil.example.", "e.v:x")),
        *((host, 403) for host in ("127.0.0.1.evil.example", "localhost.evil.example", "::1.a.b")),
        *((host, 403) for host in ("evil.example, localhost", "localhost, evil.example", "a.b@c")),
        *((host, 403) for host in ("[evil.example]", "evil\xff", "gocron.example.com.e.vil")),
    ],
)
def test_jobs_are_read_by_an_address_or_a_name_of_gocrons_own_and_by_no_name_of_a_page(
    site: Site, host: str, status: int
) -> None:
    site.configure(
        public_url="https://gocron.example.com/status/",
        self_url="http://user:secret@front-1.example.com:8080/",
        listen_host="LAN.example.com",
    )
    site.check_in()
    for path in ("/cron", "/cron/missed", "/cron/web-01", "/version"):
        answer = site.ask(path=path, peer="127.0.0.1", headers={"Host": host})
        assert answer.status == status, path
        assert status == 200 or "by this name" in answer.line
    assert site.ask(query=urlencode(WHOLE), headers={"Host": host}).status == 201


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": ""}, {"X-Forwarded-Proto": "https"}, {"X-Real-Ip": "x"}]
)
def test_loopback_reads_nothing_through_a_proxy_however_it_shows(site: Site, headers: dict) -> None:
    assert site.ask(path="/cron", peer="127.0.0.1", headers=headers).status == 403


# A browser is no client.


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://gocron.example.com", "Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none, cross-site"},
        {"Sec-Fetch-Site": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "DELETE"])
def test_what_a_web_page_has_its_visitor_ask_is_refused_and_changes_nothing(
    site: Site, method: str, headers: dict
) -> None:
    site.check_in()
    before = site.jobs()
    told = urlencode({**WHOLE, "email": "evil@example.com"})
    for answer in (
        site.ask(method, query=told, headers=headers),
        site.ask(method, body=told.encode(), content_type=FORM, headers=headers),
        site.ask(method, query="self=x", headers=headers),
        site.ask(method, path="/cron", peer="127.0.0.1", headers=headers),
        site.ask(method, path="/cron/web-01", peer="127.0.0.1", headers=headers),
    ):
        assert answer.status == 403
        assert answer.body == b"" if method == "HEAD" else "web page" in answer.line
    assert site.jobs() == before


def test_who_types_the_address_into_a_browser_checks_in(site: Site) -> None:
    headers = {"User-Agent": "Mozilla/5.0", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    assert site.ask(query=urlencode(WHOLE), headers=headers).status == 201


# A name is what it looks like.


def test_both_spellings_of_a_name_are_one_job(site: Site) -> None:
    for spelling in ("caf\u00e9", "cafe\u0301"):
        site.now += 60
        assert site.check_in(cronname=spelling, account=spelling, gateway=spelling).status == 201
        path = "/cron/" + spelling.encode().decode("latin-1")
        answer = site.ask(path=path, peer="127.0.0.1")
        assert json.loads(answer.body)["Account"] == "caf\u00e9"
    (job,) = site.jobs()
    assert (job.account, job.cronname, job.gateway) == ("caf\u00e9",) * 3
    assert job.last_seen_at == NOON + 120


@pytest.mark.parametrize("field", ["account", "cronname", "gateway"])
@pytest.mark.parametrize(
    ("name", "code"),
    [("back\u200bup", "U+200B"), ("\u202egnp", "U+202E"), ("a\u3164", "U+3164")]
    + [("a\u00a0b", "U+00A0"), ("\u0301a", "U+0301"), ("a\ufe0f", "U+FE0F"), ("\ue000a", "U+E000")],
)
def test_a_name_that_looks_like_another_is_refused_by_its_character(
    site: Site, field: str, name: str, code: str
) -> None:
    answer = site.check_in(**{field: name})
    assert answer.status == 400
    assert answer.line.startswith(f"gocron: {field}: has {code}")
    assert site.jobs() == []


def test_a_job_that_was_named_so_before_goes_on_and_no_other_is_named_so(site: Site) -> None:
    site.check_in()
    with site.store.connected():
        site.store.tables.job.update(cronname="back\u200bup").execute()
    site.now += 60
    assert site.check_in(cronname="back\u200bup", email="new@example.com").status == 201
    site.now += 60
    assert site.check_in(cronname="back\u200bup", email=None, frequency=None).status == 201
    (job,) = site.jobs()
    assert (job.last_seen_at, job.email) == (NOON + 120, "new@example.com")
    assert site.check_in(cronname="back\u200bup", account="web-02").status == 400


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"cronname": True}, 400),
        ({"account": False}, 400),
        ({"frequency": True}, 400),
        ({"grace": False}, 400),
        ({"email": True}, 400),
        ({"gateway": True}, 400),
        ({"frequency": 60.0}, 400),
        ({"frequency": 10**30}, 400),
        ({"cronname": ["a"]}, 400),
        ({"cronname": {}}, 400),
        ({"cronname": None}, 400),
        ({"cronname": 7}, 201),
        ({"site": False}, 201),
        ({"site": True}, 201),
        ({"site": None}, 201),
    ],
    ids=str,
)
def test_what_json_tells_is_what_it_is_or_refused(site: Site, told: dict, status: int) -> None:
    answer = site.ask("POST", body=json.dumps({**WHOLE, **told}).encode())
    assert answer.status == status
    assert [job.site for job in site.jobs()] == (
        [] if status == 400 else [told.get("site") is True]
    )
