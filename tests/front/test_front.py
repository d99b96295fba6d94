"""A check-in comes in: what is answered, and what is then in the database."""

import ipaddress
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

import pytest

from gocron import __version__
from gocron.config import Config
from gocron.core.channel import MAIL
from gocron.front import application
from gocron.front.listing import READING_THREADS
from gocron.render.moment import iso
from gocron.store import checkins, counts, episodes, jobs, outbox
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.store.schema import open_store
from tests.front.conftest import FORM, NOON, WHOLE, Response, Site, away

HOUR = 3600
PLAIN = "text/plain; charset=utf-8"


def test_a_first_check_in_is_answered_201_and_nothing_for_cron_to_mail(site: Site) -> None:
    answer = site.check_in()
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Content-Type"] == PLAIN
    assert answer.headers["Gocron-Due"] == iso(NOON + HOUR) == "2027-01-15T13:00:00Z"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_check_in_that_is_not_odd_has_no_note(site: Site) -> None:
    assert "Gocron-Note" not in site.check_in().headers
    assert "Gocron-Note" not in site.check_in(frequency=None, email=None).headers


def test_what_is_odd_is_kept_and_noted(site: Site) -> None:
    answer = site.check_in(frequency="1")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Gocron-Note"] == "checked once a minute only; did you mean 1d?"
    both = site.check_in(frequency="2d", grace="1", site="1").headers["Gocron-Note"]
    assert both.count("; did you mean 1h?") == 1
    assert "a site that checks in every 2 d" in both
    assert len(site.jobs()) == 1


def test_hosts_that_take_turns_under_one_name_are_noted(site: Site) -> None:
    def noted(peer: str) -> bool:
        site.now += HOUR
        answer = site.ask(query=urlencode(WHOLE), peer=peer)
        assert answer.status == 201
        note = answer.headers.get("Gocron-Note", "")
        assert note in (
            "",
            "checked in from several addresses in turn; do several hosts use one name?",
        )
        return bool(note)

    one, two = "192.0.2.1", "192.0.2.2"
    assert [noted(peer) for peer in (one, two, one, two)] == [False] * 4
    assert [noted(peer) for peer in (one, two, two)] == [True] * 3
    (job,) = site.jobs()
    assert job.missed_at is None


def test_what_was_sent_is_in_the_database(site: Site) -> None:
    site.check_in(site="1", grace="10m")
    (job,) = site.jobs()
    assert (job.account, job.cronname, job.email) == ("web-01", "backup", "ops@example.com")
    assert (job.frequency_s, job.grace_s, job.site) == (HOUR, 600, True)
    assert (job.address, job.created_at, job.last_seen_at) == ("192.0.2.1", NOON, NOON)
    assert job.due_at == NOON + HOUR + 600


def test_names_are_stored_trimmed(site: Site) -> None:
    site.check_in(cronname="  backup ", account="\u00a0web-01 ")
    site.check_in()
    assert [job.cronname for job in site.jobs()] == ["backup"]


@pytest.mark.parametrize("word", ["get", "head", "query", "form", "json", "typed", "multipart"])
def test_every_way_of_sending_the_fields_is_taken(site: Site, word: str) -> None:
    encoded, as_json = urlencode(WHOLE), json.dumps({**WHOLE, "frequency": HOUR}).encode()
    answer = {
        "get": lambda: site.ask("GET", query=encoded),
        "head": lambda: site.ask("HEAD", query=encoded),
        "query": lambda: site.ask("POST", query=encoded),
        "form": lambda: site.ask("POST", body=encoded.encode(), content_type=FORM),
        # What curl -d "{...}" sends says that it is a form.
        "json": lambda: site.ask("POST", body=as_json, content_type=FORM),
        "typed": lambda: site.ask("POST", body=as_json, content_type="application/json"),
        "multipart": lambda: site.ask(
            "POST",
            body=b"".join(
                f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                for name, value in WHOLE.items()
            )
            + b"--x--\r\n",
            content_type="multipart/form-data; boundary=x",
        ),
    }[word]()
    assert (answer.status, answer.body) == (201, b"")
    assert [job.email for job in site.jobs()] == ["ops@example.com"]


def test_fields_of_query_and_body_are_taken_together(site: Site) -> None:
    body = b"email=ops@example.com&frequency=3600"
    assert site.ask("POST", query="cronname=a&account=b", body=body).status == 201


def test_a_body_that_broke_off_is_refused_even_where_its_half_reads_well(site: Site) -> None:
    body = urlencode(WHOLE).encode()
    answer = site.ask("POST", body=body[:-2], length=len(body))
    assert answer.status == 400
    assert answer.line.startswith("gocron: request: has a body that is not as long as")
    assert site.jobs() == []


def test_a_body_in_chunks_is_taken_where_the_server_knows_its_end_and_else_refused(
    site: Site,
) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    body = urlencode(WHOLE).encode()
    answer = site.ask("POST", body=body, length=0, headers=chunked)
    assert answer.line.startswith("gocron: request: has a body that is not as long as")
    assert site.jobs() == []
    ended = {"wsgi.input_terminated": True}
    assert site.ask("POST", body=body, length=0, headers=chunked, server=ended).status == 201
    assert len(site.jobs()) == 1


def test_a_check_in_without_email_is_taken_of_a_known_job(site: Site) -> None:
    site.check_in(site="1", grace="60")
    site.now += 60
    answer = site.check_in(email=None, frequency=None)
    assert answer.status == 201
    assert answer.headers["Gocron-Due"] == iso(NOON + 60 + HOUR + 60)
    (job,) = site.jobs()
    assert (job.email, job.frequency_s, job.grace_s, job.site) == (
        "ops@example.com",
        HOUR,
        60,
        True,
    )
    assert (job.created_at, job.last_seen_at) == (NOON, NOON + 60)


@pytest.mark.parametrize("missing", [("email",), ("frequency",), ("email", "frequency")])
def test_a_first_check_in_that_lacks_something_names_it(
    site: Site, missing: tuple, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gocron-front")
    answer = site.check_in(**dict.fromkeys(missing))
    assert answer.status == 400
    assert answer.line.startswith(f"gocron: {' and '.join(missing)}: needed the first time")
    assert f"refused 192.0.2.1: {' and '.join(missing)}: needed" in caplog.text
    assert site.jobs() == []


def test_what_is_sent_again_replaces_what_is_stored(site: Site) -> None:
    site.check_in(site="1", grace="60")
    site.check_in(email="a@x.org,b@x.org", frequency="1d", grace="0", site="0")
    (job,) = site.jobs()
    assert job.email == "a@x.org, b@x.org"
    assert (job.frequency_s, job.grace_s, job.site) == (86_400, 0, False)
    assert job.due_at == NOON + 86_400


def test_the_same_cronname_in_two_accounts_is_two_jobs(site: Site) -> None:
    site.check_in()
    site.check_in(account="web-02")
    assert [job.account for job in site.jobs()] == ["web-01", "web-02"]


def test_a_bare_request_is_answered_404_and_one_line_of_help(site: Site) -> None:
    for answer in (site.ask(), site.ask("POST"), site.ask("POST", body=b"{}")):
        assert answer.status == 404
        assert answer.line.startswith("gocron: check in with /?cronname=")
    assert site.ask("HEAD").status == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cronname": ""}, "cronname: missing; send cronname= with 1 to 200 characters"),
        ({"account": "x" * 201}, "account: 201 characters long; at most 200 are taken"),
        ({"email": "ops"}, "email: 'ops' is no address such as ops@example.com"),
        ({"frequency": "soon"}, "frequency: 'soon' is no length of time; send seconds"),
        ({"frequency": "367d"}, "frequency: 31708800 s is out of range; from 1 s to 366 days"),
        ({"site": "maybe"}, "site: 'maybe' is neither yes nor no; send 1 or 0"),
        ({"grace": "-1"}, "grace: -1 s is out of range; from 0 s to 366 days"),
        ({"cronname": "a\nb"}, "cronname: has a control character; send plain text on one line"),
        ({"frequenzy": "1"}, "'frequenzy': unknown field; did you mean frequency?"),
    ],
)
def test_a_refusal_names_the_field_what_was_wrong_and_what_would_be_right(
    site: Site, changed: dict, said: str
) -> None:
    answer = site.check_in(**changed)
    assert answer.status == 400
    assert answer.line.startswith(f"gocron: {said}")
    assert site.jobs() == []


def test_a_plus_in_an_address_sent_unescaped_is_hinted_at(site: Site) -> None:
    query = urlencode(WHOLE).replace("ops%40example.com", "ops+cron@example.com")
    assert "write + as %2B" in site.ask(query=query).line
    assert site.ask(query=query.replace("+", "%2B")).status == 201
    assert site.jobs()[0].email == "ops+cron@example.com"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_answered_405(site: Site, method: str) -> None:
    answer = site.ask(method, query=urlencode(WHOLE))
    assert answer.status == 405
    assert answer.line == "gocron: use GET, POST or HEAD"
    assert site.jobs() == []


@pytest.mark.parametrize("path", ["/nope", "/cronx", "//", "/cron/", "/é", "/favicon.ico"])
def test_an_unknown_path_is_answered_404_in_one_line(site: Site, path: str) -> None:
    answer = site.ask(path=path.encode().decode("latin-1"), query=urlencode(WHOLE))
    assert answer.status in (403, 404)
    assert answer.line.startswith("gocron: ")
    assert site.jobs() == []


def test_sixteen_first_check_ins_of_one_job_at_once_make_one_job(site: Site) -> None:
    ready = threading.Barrier(16)
    statuses = []

    def client() -> None:
        ready.wait()
        statuses.append(site.check_in().status)

    clients = [threading.Thread(target=client) for _ in range(16)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert statuses == [201] * 16
    assert len(site.jobs()) == 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "stored"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7, 127.0.0.2", "198.51.100.7"),
        ("::ffff:127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "nonsense, <script>", "127.0.0.1"),
        ("2001:db8::1", "", "2001:db8::1"),
        ("", "", "unknown"),
    ],
)
def test_the_address_stored_is_the_clients(
    site: Site, peer: str, forwarded: str, stored: str
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert site.ask(query=urlencode(WHOLE), headers=headers, peer=peer).status == 201
    assert site.jobs()[0].address == stored


# The read API.


def test_the_jobs_are_told_in_the_originals_json(site: Site) -> None:
    site.check_in(site="1")
    site.check_in(cronname="other", account="web-02")
    everything = {
        "Count": 2,
        "Crons": [
            {
                "Cronname": "backup",
                "Account": "web-01",
                "Email": "ops@example.com",
                "Frequency": HOUR,
                "Site": True,
                "Ipaddress": "192.0.2.1",
                "Lastruntime": NOON,
                "Alerted": False,
            },
            {
                "Cronname": "other",
                "Account": "web-02",
                "Email": "ops@example.com",
                "Frequency": HOUR,
                "Site": False,
                "Ipaddress": "192.0.2.1",
                "Lastruntime": NOON,
                "Alerted": False,
            },
        ],
    }
    answer = read(site, "/cron")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.body) == everything
    assert json.loads(read(site, "/cron/web-02").body) == {
        "Account": "web-02",
        "Count": 1,
        "Crons": everything["Crons"][1:],
    }
    assert json.loads(read(site, "/cron/missed").body) == {"Count": 0, "Crons": []}


def test_a_missing_job_is_told_as_alerted_until_it_is_back(site: Site) -> None:
    site.check_in()
    go_missing(site)
    assert [job["Alerted"] for job in json.loads(read(site, "/cron/missed").body)["Crons"]] == [
        True
    ]
    site.now += 2 * HOUR
    site.check_in()
    assert json.loads(read(site, "/cron/missed").body)["Count"] == 0
    assert json.loads(read(site, "/cron").body)["Crons"][0]["Alerted"] is False


def test_the_version_names_gocron_and_its_database(site: Site) -> None:
    told = json.loads(read(site, "/version").body)
    assert told["version"] == __version__
    assert told["database"]["type"] == site.store.kind
    assert told["database"]["version"][0].isdigit()


@pytest.mark.parametrize("account", ["nobody", "a/b", "'; DROP TABLE job; --", "\0", "日", "%"])
def test_an_account_without_jobs_is_answered_404(site: Site, account: str) -> None:
    answer = read(site, "/cron/" + account.encode().decode("latin-1"))
    assert (answer.status, answer.line) == (404, "gocron: no job of this account")


def test_an_account_is_found_whatever_its_name(site: Site) -> None:
    for account in ("a/b", "日 ✓", "100%", "<b>"):
        site.check_in(account=account)
        told = json.loads(read(site, "/cron/" + account.encode().decode("latin-1")).body)
        assert (told["Account"], told["Count"]) == (account, 1)


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("192.0.2.1", {}, 403),
        ("192.0.2.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.7"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"X-Real-IP": "198.51.100.7"}, 403),
        ("127.0.0.1", {"Forwarded": "for=198.51.100.7"}, 403),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 403),
        ("", {}, 403),
    ],
)
def test_mail_addresses_are_shown_only_to_loopback_that_came_through_no_proxy(
    site: Site, peer: str, headers: dict, status: int
) -> None:
    site.check_in()
    for path in ("/cron", "/cron/missed", "/cron/web-01", "/version"):
        answer = site.ask(path=path, peer=peer, headers=headers)
        assert answer.status == status
        if status == 403:
            assert "may not read jobs" in answer.line
            assert b"ops@" not in answer.body


def test_an_allowed_address_may_read_directly_and_through_a_trusted_proxy(site: Site) -> None:
    site.configure(api_allow=(ipaddress.ip_network("198.51.100.0/24"),))
    assert site.ask(path="/cron", peer="198.51.100.7").status == 200
    through = {"X-Forwarded-For": "198.51.100.7"}
    assert site.ask(path="/cron", peer="127.0.0.1", headers=through).status == 200
    assert site.ask(path="/cron", peer="192.0.2.1", headers=through).status == 403
    assert site.ask(path="/cron", peer="127.0.0.1").status == 403


# The health check.


def test_before_the_first_sweep_ever_all_is_well(site: Site) -> None:
    answer = site.ask(path="/healthcheck")
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "version": __version__,
        "database": "ok",
        "last_sweep": None,
        "undelivered": 0,
    }


@pytest.mark.parametrize(
    ("age_s", "status", "said"),
    [(0, 200, "ok"), (179, 200, "ok"), (180, 503, "silent"), (10**6, 503, "silent")]
    + [(-HOUR, 200, "ok")],  # the clock went back: no news of a dead sweep
)
def test_health_is_a_sweep_younger_than_three_intervals(
    site: Site, age_s: int, status: int, said: str
) -> None:
    with site.store.connected():
        counts.record_sweep(site.store, NOON - age_s)
    answer = site.ask(path="/healthcheck")
    assert answer.status == status
    told = json.loads(answer.body)
    assert (told["sweep"], told["last_sweep_age_s"]) == (said, max(age_s, 0))
    assert told["last_sweep"] == iso(NOON - age_s)


def test_the_health_check_counts_undelivered_news(site: Site) -> None:
    site.check_in()
    go_missing(site)
    with site.store.connected():
        (waiting,) = outbox.due(site.store, int(site.now))
        digest = outbox.claim(site.store, waiting, int(site.now))
        outbox.put_back(site.store, digest, int(site.now), "451 later")
    assert json.loads(site.ask(path="/healthcheck").body)["undelivered"] == 1


def test_the_health_check_and_a_knock_open_no_connection_of_their_own(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers' connections may be slow to be had; who watches is answered without any."""
    readable = Store(config.database_url)
    site = Site(config, store, readable)
    monkeypatch.setattr(readable, "connected", None)
    assert site.ask(path="/healthcheck").status == 200
    with store.connected():
        name = counts.instance_name(store)
    assert site.ask(query=f"self={name}").status == 201
    assert site.ask(query="self=stranger").status == 400


def test_the_health_check_can_be_asked_by_head_and_by_anybody(site: Site) -> None:
    answer = site.ask("HEAD", "/healthcheck", peer="203.0.113.9")
    assert (answer.status, answer.body) == (200, b"")


# The database goes away and comes back.


def test_while_the_database_is_away_all_is_answered_503_and_retried(
    config: Config, away_url: str
) -> None:
    site = Site(config, open_store(away_url))
    with away(away_url):
        answers = [site.check_in(), site.ask(path="/cron", peer="127.0.0.1")]
        health = site.ask(path="/healthcheck")
    for answer in answers:
        assert answer.status == 503
        assert 8 <= int(answer.headers["Retry-After"]) <= 12
        assert answer.line == "gocron: the database is away; try again"
    assert health.status == 503
    assert json.loads(health.body)["database"] == "away"


def test_refusals_need_no_database(config: Config, away_url: str) -> None:
    site = Site(config, open_store(away_url))
    with away(away_url):
        assert site.check_in(cronname="").status == 400
        assert site.ask().status == 404


def test_when_the_database_is_back_check_ins_are_kept_again(
    config: Config, away_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(config, open_store(away_url))
    with away(away_url):
        assert [site.check_in().status for _ in range(3)] == [503] * 3
    assert site.check_in().status == 201
    assert site.ask(path="/healthcheck").status == 200
    assert len(site.jobs()) == 1
    front = [entry.getMessage() for entry in caplog.records if entry.name == "gocron-front"]
    assert len(front) == 2, "one line when it goes, one when it is back"
    assert front[0].endswith("answering 503 until it is back")
    assert front[1].endswith("back again")


@pytest.mark.parametrize("database", ["postgres"])
def test_a_connection_that_the_server_dropped_is_made_anew_without_a_503(
    site: Site, database_url: str
) -> None:
    assert site.check_in().status == 201
    with away(database_url):
        pass
    assert site.check_in().status == 201


# How this file makes things happen.


@pytest.fixture
def away_url(database_url: str, tmp_path: Path) -> str:
    """A database that `away` can take away: for SQLite in a folder of its own."""
    if not database_url.startswith("sqlite"):
        return database_url
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "gocron.db").rename(folder / "gocron.db")
    return f"sqlite:///{folder / 'gocron.db'}"


def read(site: Site, path: str) -> Response:
    return site.ask(path=path, peer="127.0.0.1")


def go_missing(site: Site) -> None:
    """Begin the episode of the one job, as the first sweep after its deadline does."""
    site.now = NOON + HOUR + 1
    with site.store.connected():
        silent = [Silence(job, "no check-in") for job in jobs.every_job(site.store)]
        episodes.begin(site.store, silent, int(site.now), MAIL)


# What the database can't hold, and what meets a bug


def test_a_name_that_the_database_has_no_letters_for_is_400_and_never_away(
    config: Config, postgres: Any, caplog: pytest.LogCaptureFixture
) -> None:
    name = "gocron_front_in_latin_1"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        site = Site(config, open_store(postgres.url_of(name)))
        for _ in range(2):
            answer = site.check_in(cronname="日本")
            assert answer.status == 400
            assert answer.line.startswith("gocron: request: can't hold this: character with byte")
            assert "Retry-After" not in answer.headers
        assert site.check_in(cronname="café").status == 201
        reading = {"path": "/cron/" + "日本".encode().decode("latin-1"), "peer": "127.0.0.1"}
        assert site.ask(**reading).status == 404
        assert "away" not in caplog.text
        assert [job.cronname for job in site.jobs()] == ["café"]
        site.store.db.close()
    finally:
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_check_in_that_meets_a_bug_is_503_in_an_honest_line_and_curl_tries_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise TypeError("a bug")

    with monkeypatch.context() as version:
        version.setattr(checkins, "record", broken)
        answer = site.check_in()
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        assert answer.line == "gocron: a bug keeps this check-in from being kept; try again"
    assert site.check_in().status == 201


def test_a_request_that_meets_a_bug_is_500_in_one_line_and_the_next_is_answered(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("a bug")

    site.check_in()
    with monkeypatch.context() as version:
        version.setattr("gocron.front.check_in.read_checkin", broken)
        version.setattr("gocron.front.check_in.is_stale", broken)
        version.setattr(jobs, "every_job", broken)
        with site.store.connected():
            counts.record_sweep(site.store, NOON)
        answers = [site.check_in(), read(site, "/cron"), read(site, "/healthcheck")]
    for answer in answers:
        assert (answer.status, answer.line) == (500, "gocron: a bug; see the front's log")
    bugs = [entry for entry in caplog.records if entry.exc_info]
    assert [entry.getMessage() for entry in bugs] == [
        "bug: TypeError('a bug') (please report)"
    ] * len(answers)
    assert site.check_in().status == 201
    assert read(site, "/cron").status == 200


def test_who_reads_a_database_that_hangs_is_told_to_come_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    every_job = jobs.every_job

    def hangs(store: Store, **which: Any) -> Any:
        goes_on.wait()
        return every_job(store, **which)

    monkeypatch.setattr("gocron.front.listing.PATIENCE_S", 0.0)
    monkeypatch.setattr(jobs, "every_job", hangs)
    for _ in range(2 * READING_THREADS):
        answer = read(site, "/cron")
        assert (answer.status, answer.line) == (503, "gocron: the database is away; try again")
    assert site.check_in().status == 201
    goes_on.set()


def test_any_wsgi_server_can_serve_the_front_by_its_documented_name(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCRON_CONFIG", str(tmp_path / "config.yml"))
    monkeypatch.setattr("gocron.front.wsgi._app", None)
    environ: dict[str, Any] = {"QUERY_STRING": urlencode(WHOLE), "REMOTE_ADDR": "192.0.2.1"}
    setup_testing_defaults(environ)
    began: list[str] = []
    body = b"".join(application(environ, lambda status, _headers, _=None: began.append(status)))
    assert (began, body) == (["201 Created"], b"")
