"""A check-in comes in at `/ping/`: what Healthchecks' clients are answered, and what is kept."""

import tracemalloc
from io import BytesIO

import pytest

from gocron.core.signal import FAIL, OUTPUT_LIMIT_B, START, Signal
from gocron.front.request import OUTPUT_READ_LIMIT_B
from gocron.render.moment import iso
from tests.front.conftest import NOON, Listening, Response, Site, away

HOUR = 3600
JOB = "/ping/web-01/backup"
NEW = "email=ops@example.com&frequency=3600"


@pytest.fixture
def heard(site: Site) -> Listening:
    """What `site` hands in to be kept; a job is known."""
    site.check_in()
    site._group_commit = Listening(site.store)
    site.configure()
    return site._group_commit


def ping(site: Site, tail: str = "", method: str = "POST", **asked: object) -> Response:
    answer = site.ask(method, JOB + tail, **asked)
    assert answer.headers["Ping-Body-Limit"] == str(OUTPUT_LIMIT_B) == "10000"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


def refusal(answer: Response) -> str:
    assert answer.headers["Ping-Body-Limit"] == "10000"
    return answer.line


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_known_job_checks_in_by_any_method_and_is_answered_200_ok(
    site: Site, method: str
) -> None:
    site.check_in()
    site.now += 60
    for tail in ("", "/", "/start", "/fail", "/log", "/run", "/complete", "/0", "/3", "/TERM"):
        answer = ping(site, tail, method)
        assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"OK")
    assert ping(site, method=method).headers["Gocron-Due"] == iso(NOON + 60 + HOUR)
    (job,) = site.jobs()
    assert job.last_seen_at == NOON + 60


def test_other_methods_are_refused(site: Site) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = site.ask(method, JOB)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD,POST")


def test_a_job_that_is_not_known_is_404_and_the_line_says_how_to_make_it_one(site: Site) -> None:
    for query in ("", "create=1", "email=a@b.c", "frequency=60"):
        answer = ping(site, query=query)
        assert answer.status == 404
        assert refusal(answer).startswith("not found; send email= and frequency= once, or run")
    assert site.jobs() == []


def test_a_job_is_known_from_the_first_ping_that_tells_all_of_it(site: Site) -> None:
    answer = ping(site, query=f"{NEW}&grace=60")
    assert (answer.status, answer.body) == (200, b"OK")
    assert ping(site).status == 200
    (job,) = site.jobs()
    assert (job.account, job.cronname, job.email) == ("web-01", "backup", "ops@example.com")
    assert (job.frequency_s, job.grace_s, job.address) == (HOUR, 60, "192.0.2.1")


def test_created_is_said_where_it_was_asked_for_and_the_job_was_made(site: Site) -> None:
    answer = ping(site, query=f"{NEW}&create=1")
    assert (answer.status, answer.body) == (201, b"Created")
    site.now += 60
    answer = ping(site, query=f"{NEW}&create=1")
    assert (answer.status, answer.body) == (200, b"OK")


@pytest.mark.parametrize("path", ["/ping", "/ping/", "/ping//", "/ping/checks", "/ping/checks/"])
def test_what_asks_for_a_list_of_checks_gets_404_and_no_401(site: Site, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert site.ask(method, path).status in (404, 405)
    assert site.ask("GET", path).status == 404


def test_a_path_that_is_none_is_404_and_a_field_that_is_unfit_400(site: Site) -> None:
    site.check_in()
    assert ping(site, "/banana").status == 404
    assert refusal(ping(site, "/banana")).startswith("not found; check in with /ping/ACCOUNT/NAME")
    for tail, query, why in (
        ("/256", "", "exit: '256'"),
        ("/-1", "", "exit: '-1'"),
        ("", "account=other", "account: given more than once"),
        ("", "emial=x", "'emial': unknown field"),
    ):
        answer = ping(site, tail, query=query)
        assert answer.status == 400
        assert refusal(answer).startswith(f"invalid url format; {why}")


def test_a_name_that_looks_like_another_is_refused_of_a_new_job(site: Site) -> None:
    path = "/ping/web-01/back\u200bup".encode().decode("latin-1")
    answer = site.ask("GET", path, NEW)
    assert answer.status == 400
    assert refusal(answer).startswith("invalid url format; cronname: has U+200B")


def test_names_are_percent_decoded_as_utf_8_and_normal(site: Site) -> None:
    path = "/ping/\u65e5/cafe\u0301 no. 1".encode().decode("latin-1")
    assert site.ask("GET", path, NEW).status == 200
    assert [(job.account, job.cronname) for job in site.jobs()] == [("\u65e5", "caf\u00e9 no. 1")]


def test_a_path_that_is_no_utf_8_is_refused_and_no_other_job_checks_in(site: Site) -> None:
    site.check_in()
    site.now += 60
    for path in ("/ping/web-01/backup\xff", "/ping/web-01/\xffbackup", "/ping/web-01\xc3/backup"):
        answer = site.ask("GET", path)
        assert answer.status == 400
        assert refusal(answer).startswith("invalid url format; path: is no UTF-8")
    assert [job.last_seen_at for job in site.jobs()] == [NOON]


def test_a_web_page_checks_nobody_in(site: Site) -> None:
    site.check_in()
    site.now += 60
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert site.ask("POST", JOB, headers=headers).status == 403
    assert [job.last_seen_at for job in site.jobs()] == [NOON]


def test_while_the_database_is_away_the_answer_is_503_with_a_retry_after(site: Site) -> None:
    site.check_in()
    with away(site.config.database_url):
        answer = ping(site)
        assert answer.status == 503
        assert "Retry-After" in answer.headers
    assert ping(site).status == 200


def test_what_is_odd_is_noted(site: Site) -> None:
    answer = ping(site, query="email=ops@example.com&frequency=1")
    assert answer.status == 200
    assert answer.headers["Gocron-Note"].startswith("checked once a minute only")


# A body is output, whatever it is.


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"backup done\n", "text/plain"),
        (b"account=other&cronname=x&state=fail", "application/x-www-form-urlencoded"),
        (b'{"version": "4", "status": "firing", "alerts": [{"x": [1]}]}', "application/json"),
        (b'{"broken', "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"&" * 5000, "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_is_output_whatever_its_content_type(
    site: Site, heard: Listening, body: bytes, kind: str
) -> None:
    assert ping(site, "/fail", body=body, content_type=kind).status == 200
    assert heard.signals[-1] == Signal(FAIL, output=body.decode().replace("\r\n", "\n"))
    assert [job.cronname for job in site.jobs()] == ["backup"]


def test_output_that_is_no_text_is_made_visible(site: Site, heard: Listening) -> None:
    assert ping(site, body=b"\xff\x1b[31m\0done").status == 200
    assert heard.signals[-1].output == "\ufffd\u241b[31m\u2400done"


def test_a_body_wins_over_msg_and_an_empty_one_does_not(site: Site, heard: Listening) -> None:
    assert ping(site, query="msg=short", body=b"long").status == 200
    assert ping(site, query="msg=short", body=b"").status == 200
    assert ping(site, "/start").status == 200
    assert [signal.output for signal in heard.signals] == ["long", "short", None]
    assert heard.signals[-1].kind == START


@pytest.mark.parametrize("size", [9_999, 10_000, 10_001, 65_537, 2**20, 2**20 + 1, 5_000_000])
def test_of_a_long_body_the_end_is_kept_and_none_is_refused(
    site: Site, heard: Listening, size: int
) -> None:
    body = b"x" * (size - 4) + b"end\n"
    assert ping(site, body=body).status == 200
    output = heard.signals[-1].output
    assert output is not None
    assert output.endswith("xend\n")
    assert len(output) == min(size, OUTPUT_LIMIT_B)


def test_a_cut_leaves_no_half_of_a_character(site: Site, heard: Listening) -> None:
    assert ping(site, body="\u65e5".encode() * 5_000).status == 200
    assert heard.signals[-1].output == "\u65e5" * (OUTPUT_LIMIT_B // 3)


class Endless(BytesIO):
    """A body that goes on for ever, and how much of it was read."""

    came = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 < size <= 65_536
        self.came += size
        return b"x" * size


def test_a_body_without_end_is_answered_and_takes_no_memory(site: Site, heard: Listening) -> None:
    endless = Endless()
    chunked = {"wsgi.input": endless, "wsgi.input_terminated": True}
    tracemalloc.start()
    answer = ping(site, headers={"Transfer-Encoding": "chunked"}, server=chunked)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == 200
    assert OUTPUT_READ_LIMIT_B <= endless.came <= OUTPUT_READ_LIMIT_B + 65_536
    assert peak < 2**20
    assert heard.signals[-1].output == "x" * OUTPUT_LIMIT_B


def test_a_body_that_broke_off_costs_no_check_in(site: Site, heard: Listening) -> None:
    assert ping(site, "/fail", body=b"half", length=400).status == 200
    assert heard.signals[-1] == Signal(FAIL, output="half")
