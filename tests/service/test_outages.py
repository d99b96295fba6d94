"""Outages for real: front, sweeps, nginx and mail server as processes, lengths of seconds.

A front is given up 30 seconds after its last sign of life: the one test that lets a front go
without a journal takes that long, whatever the machine.
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.own_outage import SAME_OUTAGE_S, SHUT_AFTER_S
from gocron.promise import PERIOD_S, renew_promise_of
from gocron.store import checkins, jobs
from gocron.store.database import Store
from gocron.store.schema import open_store
from tests.peers import MailPeer, free_port, mail_peer
from tests.service import processes
from tests.service.processes import until
from tests.service.webserver import CLAIM, Nginx, nginx

pytestmark = pytest.mark.timeout(240)

HOUR = 3600
SWEEP = "import sys; from gocron import cli; sys.exit(cli.sweep())"


@dataclass
class Gocron:
    """One gocron: its configuration and its database; processes come and go."""

    folder: Path
    mail: MailPeer
    port: int
    store: Store
    options: dict[str, object] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "config.yml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def configure(self, **options: object) -> None:
        self.options |= options
        lines = (f"{name}: '{value}'\n" for name, value in self.options.items())
        self.file.write_text("".join(lines))

    @contextmanager
    def front(self) -> Iterator[subprocess.Popen]:
        with processes.front(self.file, self.port) as process:
            yield process

    def sweep(self) -> tuple[int, str]:
        """Run gocron-sweep; return its exit status and what it complained of."""
        command = [sys.executable, "-c", SWEEP, "--config", self.file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stderr

    def let_pass(self, seconds: int) -> None:
        """Age all that is known by `seconds`, in which the front that runs was alive."""
        aged = {
            "job": ("last_seen_at", "due_at", "judge_at", "excused_until"),
            "outage": ("began_at", "ended_at"),
            "presence": ("began_at",),
        }
        with self.store.connected():
            for table, columns in aged.items():
                rows = getattr(self.store.tables, table)
                changed = [getattr(rows, name) for name in columns]
                rows.update({column: column - seconds for column in changed}).execute()

    def hear(self, cronname: str, **fields: object) -> None:
        """Let the job check in by the front."""
        assert processes.check_in(self.url, told(cronname, **fields)) == 201

    def heard_at(self, at: int, cronname: str) -> None:
        """Set the scene: an hourly job that was heard then."""
        known = CheckIn("acme", cronname, "ops@example.com", HOUR, 0, None, "203.0.113.9", at)
        with self.store.connected():
            self.store.write(lambda tx: checkins.record(tx, [known]))

    def job(self, cronname: str, account: str = "acme") -> Job:
        with self.store.connected():
            return jobs.find(self.store, account, cronname)

    def names(self) -> set[str]:
        with self.store.connected():
            return {job.cronname for job in jobs.every_job(self.store)}

    def lives(self) -> list[dict]:
        """The lives of fronts, the last one last."""
        presence = self.store.tables.presence
        with self.store.connected():
            return list(presence.select().order_by(presence.id))

    def told(self) -> list[str]:
        return [subject.removeprefix("[gocron] ") for subject in self.mail.subjects]


def told(cronname: str, **fields: object) -> str:
    """The query of a check-in; `fields` replace what most jobs tell."""
    usual = {"account": "acme", "email": "ops@example.com", "frequency": "1d"}
    return urlencode({"cronname": cronname, **usual, **fields})


@contextmanager
def new_gocron(folder: Path) -> Iterator[Gocron]:
    folder.mkdir()
    database_url = f"sqlite:///{folder}/gocron.db"
    with mail_peer() as mail:
        gocron = Gocron(folder, mail, free_port(), open_store(database_url))
        gocron.configure(
            database_url=database_url,
            listen_host="127.0.0.1",
            listen_port=gocron.port,
            status_dir=folder / "status",
            smtpserver="127.0.0.1",
            smtpport=mail.port,
            mail_from="gocron@example.com",
            operator_email="operator@example.com",
            journal=folder / "journal.log",
        )
        yield gocron
        gocron.store.db.close()


@pytest.fixture
def gocron(tmp_path: Path) -> Iterator[Gocron]:
    with new_gocron(tmp_path / "gocron") as one:
        yield one


@pytest.fixture
def web(gocron: Gocron, tmp_path: Path) -> Iterator[Nginx]:
    """nginx before the front of `gocron`, which sweeps through it and reads its journal."""
    with nginx(tmp_path / "nginx", gocron.port) as server:
        gocron.configure(self_url=f"http://127.0.0.1:{server.port}/", journal=server.journal)
        yield server


def test_an_outage_without_a_journal_excuses_who_could_not_be_heard_and_nobody_else(
    gocron: Gocron,
) -> None:
    with gocron.front():
        assert gocron.sweep() == (0, "")
        now = int(time.time())
        away_s = SHUT_AFTER_S + 5
        gocron.heard_at(gocron.lives()[-1]["began_at"] - HOUR - 1, "died before")
        gocron.hear("died meanwhile", frequency=1, grace=away_s)
        gocron.heard_at(now - HOUR + away_s, "well")
        gocron.hear("not due")

    until(lambda: "nobody can check in since" in gocron.sweep()[1])
    assert gocron.told() == ["died before (acme) has not checked in"]
    last = max(gocron.job(name).due_at for name in ("well", "died meanwhile"))
    until(lambda: time.time() > last + 1)
    status, complaint = gocron.sweep()
    assert (status, "nobody can check in since" in complaint) == (6, True)

    with gocron.front():
        assert gocron.sweep() == (0, "")
        assert gocron.told() == ["died before (acme) has not checked in"]
        gocron.hear("well", frequency="1h")
        assert gocron.sweep() == (0, "")
        gocron.let_pass(SAME_OUTAGE_S)
        assert gocron.sweep() == (0, "")
    assert gocron.mail.recipients[1:] == ["ops@example.com", "operator@example.com"]
    died, away = gocron.told()[1:]
    assert died == "died meanwhile (acme) has not checked in"
    assert away.startswith("gocron was not reached for ")
    assert "2 jobs whose run may have fallen into it have been" in text(gocron.mail.mails[2])


CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}

# Names that a front takes, with all that could trip a journal in between.
NAMES = (
    "plain",
    'say "hi" \\ bye',
    "räksmörgås 🥪",
    '{"at":"1',
    "\\u0041\\n%41",
    "tab\\there'; --",
)


@pytest.mark.nginx
def test_a_journal_keeps_what_comes_while_no_front_answers(gocron: Gocron, web: Nginx) -> None:
    with gocron.front():
        gocron.heard_at(int(time.time()) - 60, "known")
        assert gocron.sweep() == (0, "")

    began_at = int(time.time())
    for name in NAMES:
        assert web.check_in(told(f"get {name}")) == 202
        assert web.check_in(body=told(f"form {name}").encode()) == 202
        assert web.check_in(body=as_json(f"json {name}"), kind="application/json") == 202
    assert web.check_in(told("head"), method="HEAD") == 202
    assert web.send(in_chunks(told("chunks").encode())) == 202
    assert web.check_in(body=padded(told("longest"), 16_384)) == 202
    assert web.check_in("account=acme&cronname=known") == 202
    names = {f"{way} {name}" for way in ("get", "form", "json") for name in NAMES}
    names |= {"known", "head", "chunks", "longest"}
    ended_at = int(time.time())

    until(lambda: time.time() > ended_at + 2)
    status, complaint = gocron.sweep()
    assert (status, "no front answers nginx, which keeps check-ins meanwhile" in complaint) == (
        6,
        True,
    )
    assert gocron.names() == names, "a sweep needs no front to keep them"
    for name in names:
        job = gocron.job(name)
        assert began_at <= job.last_seen_at <= ended_at
        assert (job.address, job.network) == ("203.0.113.9", "203.0.113.9")

    with gocron.front():
        assert gocron.sweep() == (0, "")
        assert web.check_in(told("after")) == 201
    assert gocron.told() == []


@pytest.mark.nginx
def test_hostile_requests_are_skipped_with_one_warning(gocron: Gocron, web: Nginx) -> None:
    with gocron.front():
        assert gocron.sweep() == (0, "")
    skipped = [
        web.check_in(told("x\ny")),
        web.check_in("cronname=%ff"),
        web.check_in(body=b"cronname=\xff\xfe\x00\x1b[31m\r\n" + told("x").encode()),
        web.check_in(body=b'{"cronname": "\xc3\x28', kind="application/json"),
        web.check_in(body=bytes(range(256)) * 64),
        web.check_in(told("x", frequency="soon")),
        web.check_in("account=acme&cronname=unknown"),
    ]
    assert set(skipped) == {202}
    assert web.check_in(body=b"x" * 16_385) == 413
    assert web.check_in("x" * 9000) == 414
    assert web.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\ncronname=half") == 0
    lie = b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
    assert web.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + lie) == 400
    assert web.send(b"GET /?a\x00b HTTP/1.1\r\nHost: x\r\n\r\n") == 400
    assert web.check_in(told("good")) == 202

    with gocron.front():
        status, warned = gocron.sweep()
        assert status == 0
        assert (
            f"journal: {len(skipped)} check-ins can't be kept; the first: cronname: has" in warned
        )
        assert len(warned.splitlines()) == 1
        assert warned.strip().isprintable()
        assert gocron.names() == {"good"}
        assert gocron.sweep() == (0, "")


# Whatever asks for `/` and is no check-in: the front's own answers to them.
NO_CHECK_INS = [
    ({"query": told("x"), "method": "PUT"}, 405),
    ({"query": told("x"), "method": "DELETE"}, 405),
    ({"query": told("x"), "method": "PATCH", "body": b"x"}, 405),
    ({"query": told("x"), "method": "OPTIONS"}, 405),
    ({}, 404),
    ({"method": "HEAD"}, 404),
    ({"query": "&&"}, 404),
    ({"body": b""}, 404),
    ({"method": "GET", "body": told("x").encode()}, 404),
]


@pytest.mark.nginx
def test_only_a_check_in_is_told_that_it_is_kept(gocron: Gocron, web: Nginx) -> None:
    with gocron.front():
        gocron.sweep()
        live = [web.check_in(**asked) for asked, _ in NO_CHECK_INS]
    assert [web.check_in(**asked) for asked, _ in NO_CHECK_INS] == live
    assert live == [status for _, status in NO_CHECK_INS]
    assert web.journal.read_bytes() == b""
    assert web.check_in(told("x")) == 202


@pytest.mark.nginx
def test_nginx_promises_nothing_where_the_journal_has_no_room(
    gocron: Gocron, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    gocron.sweep()
    assert web.check_in(told("kept")) == 202
    # As a sweep leaves it that found the disk full.
    monkeypatch.setattr("gocron.promise.ROOM_LEAST_MB", 10**12)
    (complaint,) = renew_promise_of(web.journal, int(time.time()))
    assert f"nginx keeps no check-ins in {web.journal}: " in complaint
    assert web.check_in(told("refused")) == 503
    assert b"refused" not in web.journal.read_bytes()
    monkeypatch.undo()
    # It goes on without a database: the journal is what check-ins are kept in then.
    (gocron.folder / "gocron.db").rename(gocron.folder / "hidden.db")
    gocron.configure(database_url=f"sqlite:///{gocron.folder}/none/gocron.db")
    assert gocron.sweep()[0] == 4
    assert web.check_in(told("kept too")) == 202


@pytest.mark.nginx
def test_the_promise_ends_where_no_sweep_runs_for_hours(gocron: Gocron, web: Nginx) -> None:
    now = int(time.time())
    renew_promise_of(web.journal, now - 2 * PERIOD_S)
    assert web.check_in(told("read by nobody")) == 503
    renew_promise_of(web.journal, now - PERIOD_S)
    assert web.check_in(told("read soon")) == 202


@pytest.mark.nginx
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, CROSS_SITE], ids=str)
def test_what_a_web_page_asks_is_refused_and_is_not_journalled(
    gocron: Gocron, web: Nginx, headers: dict[str, str]
) -> None:
    asked = told("by-page")
    away = [web.check_in(asked, **headers), web.check_in(body=asked.encode(), **headers)]
    away += [web.check_in(asked, method=method, **headers) for method in ("HEAD", "OPTIONS")]
    assert set(away) == {403}
    assert web.check_in(told("typed"), **{"Sec-Fetch-Site": "none"}) == 202
    with gocron.front():
        assert web.check_in(asked, **headers) == 403
        assert gocron.sweep() == (0, "")
    assert gocron.names() == {"typed"}


@pytest.mark.nginx
def test_rotation_in_the_middle_of_a_stream_loses_nothing(gocron: Gocron, web: Nginx) -> None:
    def check_in(number: int) -> int:
        if number == 200:
            web.rotate()
        return web.check_in(told(f"job-{number}"))

    gocron.sweep()
    with ThreadPoolExecutor(4) as clients:
        assert set(clients.map(check_in, range(400))) == {202}
    assert web.journal.stat().st_size > 0
    gocron.sweep()
    assert len(gocron.names()) == 400


@pytest.mark.nginx
def test_a_front_that_can_not_keep_or_does_not_answer_is_none(gocron: Gocron, web: Nginx) -> None:
    with gocron.front() as front:
        with closing(sqlite3.connect(gocron.folder / "gocron.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            assert web.check_in(told("locked out")) == 202
        os.killpg(front.pid, signal.SIGSTOP)
        assert web.check_in(told("gave up"), patience_s=1) == 0
        until(lambda: b"gave+up" in web.journal.read_bytes())
        os.killpg(front.pid, signal.SIGCONT)
        assert gocron.sweep() == (0, "")
        assert gocron.names() == {"locked out", "gave up"}


def test_two_gocrons_watch_each_other(gocron: Gocron, tmp_path: Path) -> None:
    with ExitStack() as both:
        other = both.enter_context(new_gocron(tmp_path / "other"))
        for one, two in ((gocron, other), (other, gocron)):
            fields = told("gocron", account=one.folder.name, frequency=3, grace=4)
            one.configure(watchdog_url=f"{two.url}?{fields}")
            both.enter_context(one.front())

        assert (gocron.sweep(), other.sweep()) == ((0, ""), (0, ""))
        assert other.job("gocron", "gocron").cronname == "gocron"
        heard_at = gocron.job("gocron", "other").last_seen_at

        # One that sweeps and can't do all of its work is not well; nor is one that doesn't sweep.
        (gocron.folder / "journal.log").mkdir()
        assert gocron.sweep()[0] == 6
        until(lambda: "gocron (gocron) has not checked in" in swept(other))
        assert gocron.job("gocron", "other").last_seen_at > heard_at, "the other is well"

        (gocron.folder / "journal.log").rmdir()
        assert gocron.sweep() == (0, "")
        assert "gocron (gocron) is back after" in swept(other)[-1]
        until(lambda: len(swept(other)) == 3)
        assert gocron.told() == []


def swept(gocron: Gocron) -> list[str]:
    """What was told by now, after one sweep more."""
    gocron.sweep()
    return gocron.told()


@pytest.mark.nginx
def test_whoever_nginx_turns_away_is_told_when_to_come_again_and_not_all_the_same(
    tmp_path: Path,
) -> None:
    with nginx(tmp_path / "nginx", free_port(), burst=1) as web:
        away = [web.ask("/healthcheck") for _ in range(60)]
        busy = [answer for answer in (web.ask("/?a=b") for _ in range(300)) if answer[0] != 202]
    for answers, status, line in (
        (away, 503, b"gocron: no front answers; try again\n"),
        (busy, 429, b"gocron: too many check-ins at once from this address; try again\n"),
    ):
        assert {(answer[0], answer[2]) for answer in answers} == {(status, line)}
        assert {answer[1] for answer in answers} == {"8", "9", "10", "11", "12"}


@pytest.mark.nginx
def test_raw_bytes_in_a_url_are_refused_in_one_line_and_others_go_on(tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx", free_port()) as web:
        for raw in (b"b\xe4ckup", b"\xff", b"\xc3", b'"', b"<", b">", b"a\xf0\x9f\x98", b"\x7f"):
            request = b"GET /?cronname=%b HTTP/1.0\r\nHost: gocron\r\n\r\n" % raw
            with socket.create_connection(("127.0.0.1", web.port), timeout=30) as connection:
                connection.sendall(request)
                head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
            assert head.split()[1] == b"400", raw
            if raw != b"\x7f":
                assert body.startswith(b"gocron: request: has bytes in its URL that must be"), raw
                assert b"Content-Type: text/plain" in head
        for good in (
            "",
            "cronname=b%e4",
            "cronname=日✓😀".encode().decode("latin-1"),
            "a=!$'()*,;|^`{}",
        ):
            raw_request = f"GET /?{good} HTTP/1.0\r\nHost: gocron\r\n\r\n".encode("latin-1")
            assert web.send(raw_request) == (202 if good else 404), good


@pytest.mark.nginx
def test_a_site_that_goes_down_is_one_mail_and_another_place_goes_on(
    gocron: Gocron, web: Nginx
) -> None:
    elsewhere = "198.51.100.7"

    def office_is_heard(frequency: int) -> None:
        assert web.check_in(told("office", site=1, frequency=frequency)) == 201
        for name in ("one", "two"):
            assert web.check_in(told(name, frequency=frequency + 1)) == 201

    with gocron.front():
        office_is_heard(3)
        dead = told("dead", frequency=4, email="elsewhere@example.com")
        assert web.check_in(dead, client=elsewhere) == 201
        due_at = gocron.job("two").due_at
        until(lambda: len(swept(gocron)) == 2)
        until(lambda: time.time() > due_at + 1)
        assert sorted(swept(gocron)) == [
            "dead (acme) has not checked in",
            "office (acme) has not checked in",
        ]
        alert = text(gocron.mail.mails[gocron.mail.recipients.index("ops@example.com")])
        assert "behind it: 2 jobs, not told of while nothing is heard from there" in alert

        office_is_heard(60)
        back, declared = sorted(swept(gocron)[2:], reverse=True)
        assert back.startswith("office (acme) is back after")
        assert declared == "3 jobs were declared anew"


def text(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content()


def as_json(name: str) -> bytes:
    """A check-in as JSON, its letters as they are: as UTF-8."""
    told = {"cronname": name, "account": "acme", "email": "a@b.c", "frequency": 86_400}
    return json.dumps(told, ensure_ascii=False).encode()


def in_chunks(body: bytes) -> bytes:
    """A request whose body tells no length beforehand."""
    halves = (body[:20], body[20:], b"")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves)
    head = f"POST / HTTP/1.1\r\nHost: x\r\n{CLAIM}: 203.0.113.9\r\nTransfer-Encoding: chunked"
    return head.encode() + b"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n" + chunks


def padded(form: str, size: int) -> bytes:
    """`form` made as long as that, by spaces that nobody minds."""
    return form.encode().ljust(size)
