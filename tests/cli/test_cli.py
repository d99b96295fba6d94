"""The commands: what they print, where they complain, and with which status they end."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gocron import __version__, cli
from gocron.commands import check as gocron_check
from gocron.config import load_config
from gocron.core.checkin import CheckIn
from gocron.core.job import Job, Status
from gocron.core.signal import FAIL, START, WORKED, Signal
from gocron.core.site import CROWD
from gocron.errors import ExitStatus
from gocron.render.moment import iso
from gocron.render.terminal import cells
from gocron.store import checkins, counts, job_row, jobs
from gocron.store.schema import open_store
from gocron.sweep import verdicts
from tests.peers import (
    MailPeer,
    SlackPeer,
    free_port,
    mail_peer,
    scripted_server,
    slack_peer,
)
from tests.service.processes import front

HOUR = 3600
LONG_AGO = 1_600_000_000
BACKUP = ("web-01", "backup")
PROGRAMS = {
    "gocron": cli.main,
    "gocron-front": cli.front,
    "gocron-sweep": cli.sweep,
    "gocron-back": cli.back,
    "gocron-summary": cli.summary,
}


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Host:
    """A machine on which gocron's commands are run with one configuration file."""

    def __init__(self, database_url: str, folder: Path, capsys: pytest.CaptureFixture) -> None:
        self.config = folder / "config.yml"
        self.options = {
            "database_url": database_url,
            "status_dir": str(folder / "page"),
            "smtpport": str(free_port()),
            "listen_port": str(free_port()),
            "smtpserver": "127.0.0.1",
            "mail_from": "gocron@example.com",
        }
        self._capsys = capsys

    def run(self, *arguments: str, program: Callable = cli.main) -> Ran:
        self.config.write_text(
            "".join(f"{key}: {json.dumps(value)}\n" for key, value in self.options.items())
        )
        try:
            status = program([*arguments, "--config", str(self.config)])
        except SystemExit as ended:
            status = ended.code
        said = self._capsys.readouterr()
        return Ran(int(status or 0), said.out, said.err)

    def run_alone(
        self, *arguments: str, stdout: Any = subprocess.PIPE, **environment: str
    ) -> subprocess.CompletedProcess:
        """Run `gocron` in a process of its own, with the configuration of the last run."""
        self.run("jobs", "list")
        command = "import sys; from gocron import cli; sys.exit(cli.main())"
        return subprocess.run(
            [sys.executable, "-c", command, *arguments, "--config", self.config],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )

    def run_in_shell(self, said: tuple[str, ...], redirected: str) -> subprocess.CompletedProcess:
        """Run a program in a process of its own, its streams `redirected` by the shell."""
        self.run("jobs", "list")
        program, *arguments = said
        command = f"import sys; from gocron import cli; sys.exit(cli.{program}())"
        words = [sys.executable, "-c", command, *arguments]
        if "--version" not in said:
            words += ["--config", str(self.config)]
        return subprocess.run(
            ["sh", "-c", f"exec {shlex.join(words)} {redirected}"], capture_output=True, text=True
        )

    def sweep(self, *arguments: str) -> Ran:
        return self.run(*arguments, program=cli.sweep)

    def add(self, account: str = "web-01", cronname: str = "backup", *more: str) -> Ran:
        told = ["--email", "ops@example.com", "--frequency", "1h"]
        return self.run("jobs", "add", account, cronname, *told, *more)

    def hear(
        self,
        at: int,
        account: str = "web-01",
        cronname: str = "backup",
        signal: Signal = WORKED,
    ) -> None:
        """Have a job check in."""
        who = (account, cronname, "ops@example.com")
        told = CheckIn(*who, HOUR, 0, None, "192.0.2.1", at, signal=signal)
        store = open_store(self.options["database_url"])
        with store.connected():
            store.write(lambda tx: checkins.record(tx, [told]))

    def job(self, account: str = "web-01", cronname: str = "backup") -> Job:
        store = open_store(self.options["database_url"])
        with store.connected():
            return jobs.find(store, account, cronname)


@pytest.fixture
def host(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> Host:
    return Host(database_url, tmp_path, capsys)


@pytest.fixture
def mail(host: Host) -> Iterator[MailPeer]:
    with mail_peer() as peer:
        host.options["smtpport"] = str(peer.port)
        yield peer


def complaint(ran: Ran) -> str:
    """The one line on standard error; nothing is on standard output."""
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    return ran.err.rstrip("\n")


# Jobs.


def test_without_jobs_the_list_says_so(host: Host) -> None:
    assert host.run("jobs", "list") == Ran(0, "no jobs\n", "")
    assert host.run("jobs", "list", "--json") == Ran(0, "[]\n", "")


def test_jobs_are_listed_as_a_table_by_account(host: Host) -> None:
    host.hear(LONG_AGO, "web-02", "other")
    host.add()
    ran = host.run("jobs", "list")
    assert (ran.status, ran.err) == (0, "")
    heading, first, second = ran.lines
    assert " ".join(heading.split()) == "ACCOUNT CRONNAME STATE LAST HEARD DUE FREQUENCY EMAIL"
    assert first.split()[:4] == ["web-01", "backup", "unheard", "never"]
    assert second.split()[:3] == ["web-02", "other", "overdue"]
    assert all(line.endswith("ops@example.com") for line in (first, second))
    assert heading.index("STATE") == first.index("unheard") == second.index("overdue")


def test_the_list_can_be_of_one_account_or_of_what_is_missing(host: Host, mail: MailPeer) -> None:
    host.hear(LONG_AGO)
    host.sweep()
    host.add("web-02")
    assert len(host.run("jobs", "list").lines) == 3
    assert "web-02" in host.run("jobs", "list", "--account", "web-02").lines[1]
    assert host.run("jobs", "list", "--account", "none").out == "no jobs\n"
    _, only = host.run("jobs", "list", "--missing").lines
    assert only.split()[:3] == ["web-01", "backup", "missing"]
    assert host.run("jobs", "show", *BACKUP).lines[2].split() == ["state:", "missing"]
    (told,) = json.loads(host.run("jobs", "list", "--missing", "--json").out)
    assert told["state"] == "missing"


def test_a_job_is_found_however_the_terminal_spells_its_name(host: Host) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert host.add(decomposed, decomposed).out == "added\n"
    assert host.add(composed, composed).out == "unchanged\n"
    for name in (composed, decomposed):
        assert host.run("jobs", "show", name, name).status == 0
        assert host.run("explain", name, name).status == 0
        assert len(host.run("jobs", "list", "--account", name).lines) == 2
    assert host.run("jobs", "forget", decomposed, decomposed).status == 0
    assert host.run("jobs", "list").out == "no jobs\n"


def test_no_job_is_declared_under_a_name_that_looks_like_another(host: Host) -> None:
    said = complaint(host.add("web-01", "back\u200bup"))
    assert said.startswith("gocron jobs add: cronname: has U+200B (ZERO WIDTH SPACE)")
    assert host.run("jobs", "list").out == "no jobs\n"


def test_a_name_takes_its_own_room_in_a_list_and_no_more(host: Host) -> None:
    for name in ("plain", "日本語", "x\u0336y\u0336", "שָׁלוֹם"):
        host.add("web-01", name)
    host.hear(int(time.time()), cronname="\u0301\u200b\x1b[2Jold")
    heading, *rows = host.run("jobs", "list").lines
    place = heading.index("STATE")
    for row in rows:
        assert cells(row[: re.search(r" (up|unheard) ", row).start() + 1]) == place
    assert any("\u25cc\u0301\ufffd\ufffd[2Jold" in row for row in rows)
    assert "\x1b" not in "".join(rows)


def test_jobs_are_listed_as_json_for_programs(host: Host) -> None:
    host.hear(LONG_AGO)
    (told,) = json.loads(host.run("jobs", "list", "--json").out)
    assert told == {
        "account": "web-01",
        "cronname": "backup",
        "state": "overdue",
        "email": "ops@example.com",
        "frequency": HOUR,
        "schedule": None,
        "tz": None,
        "grace": 0,
        "site": False,
        "gateway": None,
        "address": "192.0.2.1",
        "last_seen": iso(LONG_AGO),
        "due": iso(LONG_AGO + HOUR),
        "missing_since": None,
        "last_ok": iso(LONG_AGO),
        "failing_since": None,
        "failures": 0,
        "exit_status": None,
    }


FAILED = Signal(FAIL, "3", output="no space\x1b[2J\n\tleft")


def test_failing_jobs_are_listed_as_such(host: Host) -> None:
    now = int(time.time())
    host.hear(now, cronname="well")
    host.hear(now, cronname="broken", signal=FAILED)
    host.hear(LONG_AGO, cronname="worse", signal=Signal(FAIL, "TERM"))
    every = host.run("jobs", "list").lines
    assert [re.split("  +", line)[2] for line in every[1:]] == [
        *("failing", "up", "overdue, failing"),
    ]
    listed = host.run("jobs", "list", "--failing").lines
    assert [line.split()[1] for line in listed[1:]] == ["broken", "worse"]
    assert host.run("jobs", "list", "--missing").out == "no jobs\n"
    assert host.run("jobs", "list", "--failing", "--missing").lines == listed
    told, _ = json.loads(host.run("jobs", "list", "--failing", "--json").out)
    assert {key: told[key] for key in ("state", "last_ok", "failing_since", "exit_status")} == {
        "state": "failing",
        "last_ok": None,
        "failing_since": iso(now),
        "exit_status": "3",
    }


def test_how_its_runs_went_is_shown_of_a_job(host: Host) -> None:
    for at, signal in (
        *((LONG_AGO, Signal(START)), (LONG_AGO + 240, Signal())),
        *((LONG_AGO + 300, Signal(duration_s=90)), (LONG_AGO + 360, Signal(duration_s=1))),
        *((LONG_AGO + 400, FAILED), (LONG_AGO + 430, Signal(START))),
        (LONG_AGO + 442, Signal(FAIL, "TERM")),
    ):
        host.hear(at, signal=signal)
    told = dict(line.split(":", 1) for line in host.run("jobs", "show", *BACKUP).lines)
    facts = {label: text.strip() for label, text in told.items()}
    assert facts["state"] == "overdue, failing"
    assert facts["last ok"] == "2020-09-13 12:32:40 UTC"
    assert facts["last heard"] == "2020-09-13 12:34:02 UTC"
    assert facts["last run"] == "was killed by TERM, took 12 s"
    assert facts["failures"] == "2 in a row"
    assert facts["takes usually"] == "1 min 30 s, the median of 3 runs"
    assert facts["slowest"] == "4 min"
    assert facts["check-ins"].split("  ")[0] == ">...x>x"
    assert facts["failing since"] == "2020-09-13 12:33:20 UTC"
    explained = host.run("explain", *BACKUP).lines
    for line in host.run("jobs", "show", *BACKUP).lines:
        if line.startswith(("last ok:", "last run:", "takes usually:", "check-ins:")):
            assert line in explained
    assert (
        "next sweep:    tell that it is missing, and tell that it was killed by TERM" in explained
    )
    host.sweep()
    assert "  failing since 2020-09-13 12:33:20 UTC, lasts" in host.run("explain", *BACKUP).lines


def test_what_runs_printed_is_shown_fit_for_a_terminal(host: Host) -> None:
    host.hear(LONG_AGO)
    assert host.run("jobs", "show", *BACKUP, "--output").out == "no run has sent what it printed\n"
    host.hear(LONG_AGO + 60, signal=FAILED)
    failed = [
        "what a run printed that failed 2020-09-13 12:27:40 UTC:",
        "    no space\ufffd[2J",
        "            left",
    ]
    assert host.run("jobs", "show", *BACKUP, "--output").lines == failed
    host.hear(LONG_AGO + 120, signal=Signal(output="all well"))
    assert host.run("jobs", "show", *BACKUP, "--output").lines == [
        *("what the last run printed, 2020-09-13 12:28:40 UTC:", "    all well", "", *failed),
    ]
    (told,) = json.loads(host.run("jobs", "show", *BACKUP, "--output", "--json").out)
    assert (told["output"]["printed"], told["output"]["failed_at"]) == (
        "all well",
        iso(LONG_AGO + 60),
    )


def test_a_job_is_shown_in_full(host: Host) -> None:
    host.hear(LONG_AGO)
    ran = host.run("jobs", "show", *BACKUP)
    told = dict(line.split(":", 1) for line in ran.lines)
    assert told["account"].strip() == "web-01"
    assert told["frequency"].strip() == "1 h"
    assert told["address"].strip() == "192.0.2.1"
    assert told["gateway"].strip() == "none"
    host.run("jobs", "add", *BACKUP, "--gateway", "office")
    assert "gateway:       office" in host.run("jobs", "show", *BACKUP).lines
    assert json.loads(host.run("jobs", "show", *BACKUP, "--json").out)[0]["cronname"] == "backup"


def test_a_job_that_was_only_declared_was_never_seen(host: Host) -> None:
    host.add()
    told = dict(line.split(":", 1) for line in host.run("jobs", "show", *BACKUP).lines)
    assert told["last heard"].strip() == "never"
    assert told["address"].strip() == "none yet"
    (record,) = json.loads(host.run("jobs", "show", *BACKUP, "--json").out)
    assert (record["last_seen"], record["address"]) == (None, None)


def test_what_could_steer_a_terminal_is_not_printed(host: Host) -> None:
    # The original took any name, and its jobs are taken over.
    host.hear(LONG_AGO, "web\x1b[2J", "a\nb")
    for ran in (host.run("jobs", "list"), host.run("jobs", "show", "web\x1b[2J", "a\nb")):
        assert ran.status == 0
        assert "\x1b" not in ran.out
        assert "a\nb" not in ran.out


def test_a_job_is_added_changed_and_left(host: Host) -> None:
    assert host.add() == Ran(0, "added\n", "")
    assert host.add() == Ran(0, "unchanged\n", "")
    assert host.run("jobs", "add", *BACKUP, "--grace", "5m", "--site", "1").out == "changed\n"
    job = host.job()
    assert (job.frequency_s, job.grace_s, job.site, job.was_heard) == (HOUR, 300, True, False)


def test_to_change_a_job_is_no_check_in(host: Host) -> None:
    host.hear(LONG_AGO)
    assert host.run("jobs", "add", *BACKUP, "--frequency", "2h").out == "changed\n"
    assert (host.job().last_seen_at, host.job().due_at) == (LONG_AGO, LONG_AGO + 2 * HOUR)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*BACKUP,), "email and frequency: needed the first time"),
        ((*BACKUP, "--email", "ops@example.com"), "frequency: needed the first time"),
        ((*BACKUP, "--email", "ops", "--frequency", "1h"), "email: 'ops' is no address"),
        ((*BACKUP, "--email", "a@b.c", "--frequency", "0"), "frequency: 0 s is out of range"),
        (("", "backup"), "account: missing"),
        (("a\nb", "backup"), "account: has a control character"),
    ],
)
def test_a_job_that_cannot_be_added_is_one_line_and_exit_status_2(
    host: Host, arguments: tuple[str, ...], said: str
) -> None:
    ran = host.run("jobs", "add", *arguments)
    assert complaint(ran).startswith(f"gocron jobs add: {said}")
    assert ran.status == ExitStatus.USAGE
    assert host.run("jobs", "list").out == "no jobs\n"


def test_a_job_is_forgotten_in_silence_with_its_history(host: Host, mail: MailPeer) -> None:
    host.hear(LONG_AGO)
    host.sweep()
    assert host.run("jobs", "forget", *BACKUP) == Ran(0, "", "")
    assert host.run("jobs", "list").out == "no jobs\n"


@pytest.mark.parametrize("command", ["show", "forget"])
@pytest.mark.parametrize("cronname", ["nope", "'; DROP TABLE job; --", "日", "a\nb", "\x1b[2J"])
def test_an_unknown_job_is_one_line_and_exit_status_2(
    host: Host, command: str, cronname: str
) -> None:
    host.add()
    ran = host.run("jobs", command, "web-01", cronname)
    assert "no such job; see `gocron jobs list`" in complaint(ran)
    assert ran.status == ExitStatus.USAGE
    assert len(host.run("jobs", "list").lines) == 2


# Why was it told, or not?


def test_explain_tells_what_bears_on_a_job_and_what_the_next_sweep_does(host: Host) -> None:
    host.hear(LONG_AGO)
    before = host.run("explain", *BACKUP)
    assert (before.status, before.err) == (0, "")
    facts = dict(line.split(":", 1) for line in before.lines)
    assert facts["job"].strip() == "backup (web-01)"
    assert facts["site"].strip().startswith("none")
    assert facts["now"].strip().startswith("missing: no check-in by ")
    assert facts["next sweep"].strip() == "tell that it is missing"
    host.sweep()
    after = host.run("explain", *BACKUP)
    assert "next sweep:    nothing new until it checks in, but deliver what waits" in after.lines
    assert any(line.startswith("    missed to ops@example.com by mail: ") for line in after.lines)
    assert host.run("explain", "web-01", "nope").status == ExitStatus.USAGE


def test_a_rehearsal_of_another_time_tells_what_would_be_told_then(host: Host) -> None:
    host.add()
    assert host.sweep("--dry-run").out == ""
    (told,) = host.sweep("--dry-run", "--at", "+2h").lines
    assert told.startswith("would tell ops@example.com that backup (web-01) is missing, ")
    assert "no check-in by" in told
    assert host.sweep("--dry-run", "--at", "2999-01-01T00:00").lines
    past = host.sweep("--dry-run", "--at", "2001-01-01T00:00Z")
    assert past.status == ExitStatus.USAGE
    assert "2001-01-01T00:00Z is over: it is" in past.err
    assert host.sweep("--dry-run", "--at", "soon").status == ExitStatus.USAGE
    assert [job["state"] for job in json.loads(host.run("jobs", "list", "--json").out)] == [
        "unheard"
    ]


def test_a_sweep_that_checks_in_at_another_gocron_says_so(
    host: Host, mail: MailPeer, tmp_path: Path
) -> None:
    assert host.sweep().status == 0
    port = free_port()
    other = tmp_path / "other.yml"
    other.write_text(
        f"database_url: sqlite:///{tmp_path}/other.db\nlisten_host: 127.0.0.1\n"
        f"listen_port: {port}\n"
    )
    host.options["self_url"] = f"http://127.0.0.1:{port}/"
    with front(other, port):
        ran = host.sweep()
    assert ran.status == ExitStatus.CHECK_FAILED
    assert "can't check in through the front door" in complaint(ran)
    assert "this is another gocron than the one you look for" in ran.err


# Is everything in place?


def test_a_check_of_a_good_host_is_a_line_each_and_exit_status_0(
    host: Host, mail: MailPeer
) -> None:
    port = free_port()
    host.options |= {"listen_host": "127.0.0.1", "listen_port": str(port)}
    assert host.sweep().status == 0
    with front(host.config, port):
        ran = host.run("check")
    assert (ran.status, ran.err) == (0, "")
    subjects = [line.removeprefix("ok    ").split(":")[0] for line in ran.lines]
    assert subjects == [
        "configuration",
        "database",
        "schema",
        "last sweep",
        "outbox",
        "front door",
        "sites",
        "journal",
        "mail server",
        "slack",
        "page folder",
    ]


def test_a_check_names_all_that_is_wrong_and_ends_with_6(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    host.options |= {
        "status_dir": str(tmp_path / "file"),
        "slack_hook_url": "https://example.com/x",
    }
    ran = host.run("check")
    assert ran.status == ExitStatus.CHECK_FAILED
    bad = {line.split(":")[0]: line for line in ran.lines if line.startswith("FAIL")}
    subjects = ("last sweep", "front door", "mail server", "slack", "page folder")
    assert set(bad) == {f"FAIL  {subject}" for subject in subjects}
    nobody = f"127.0.0.1:{host.options['listen_port']}"
    assert f"can't check in: {nobody}: Connection refused" in bad["FAIL  front door"]
    assert "is gocron-sweep in cron" in bad["FAIL  last sweep"]
    assert "Connection refused" in bad["FAIL  mail server"]


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_database_that_can_not_even_be_there_is_one_line_of_a_check(host: Host) -> None:
    host.options["database_url"] = "sqlite:////no/such/folder/gocron.db"
    ran = host.run("check")
    assert (ran.status, ran.err) == (ExitStatus.CHECK_FAILED, "")
    assert "no folder /no/such/folder" in failed(ran, "database")
    assert any("page folder" in line for line in ran.lines)


def test_an_odd_job_is_added_and_noted(host: Host) -> None:
    told = ("--email", "a@b.c", "--frequency", "1")
    ran = host.run("jobs", "add", "acme", "backup", *told)
    assert (ran.status, ran.out) == (0, "added\n")
    assert ran.err == "gocron jobs add: checked once a minute only; did you mean 1d?\n"


def test_a_check_tells_of_odd_jobs_a_line_each_and_finds_no_fault_in_gocron(host: Host) -> None:
    declared = [
        ("backup", 1, "checked once a minute only; did you mean 1d?"),
        ("fine", 86_400, None),
        ("other", 30, "checked once a minute only; did you mean 30m or 30d?"),
    ]
    store = open_store(host.options["database_url"])
    with store.connected():
        for name, frequency_s, _ in declared:
            told = CheckIn("acme", name, "a@b.c", frequency_s, 0, False, "::1", LONG_AGO)
            store.write(lambda tx, told=told: checkins.record(tx, [told]))
    odd = [line for line in host.run("check").lines if "odd job" in line]
    assert odd == [f"ok    odd job: {name} (acme): {note}" for name, _, note in declared if note]


def test_a_summary_tells_of_odd_jobs(host: Host) -> None:
    store = open_store(host.options["database_url"])
    told = CheckIn("acme", "backup", "a@b.c", 1, 0, False, "::1", LONG_AGO)
    with store.connected():
        store.write(lambda tx: checkins.record(tx, [told]))
    assert "  backup (acme): checked once a minute only; did you mean 1d?" in (
        host.run(program=cli.summary).out
    )


def test_a_check_finds_a_crowd_that_says_site(host: Host) -> None:
    store = open_store(host.options["database_url"])
    with store.connected():
        for number in range(CROWD + 1):
            told = CheckIn(
                *("acme", f"job-{number}", "a@example.com", 60, 0, True, "::1", LONG_AGO),
                network="2001:db8::/64",
            )
            store.write(lambda tx, told=told: checkins.record(tx, [told]))
    (said,) = (line for line in host.run("check").lines if line.startswith("FAIL  sites"))
    assert f"{CROWD + 1} jobs of acme at 2001:db8::/64 say site=1" in said


def test_a_check_finds_a_sweep_that_stopped(host: Host, mail: MailPeer) -> None:
    store = open_store(host.options["database_url"])
    with store.connected():
        counts.record_sweep(store, LONG_AGO)
    ran = host.run("check")
    assert ran.status == ExitStatus.CHECK_FAILED
    assert [line for line in ran.lines if line.startswith("FAIL  last sweep: ")]


def test_a_check_tells_of_undelivered_news_to_whom_and_why(host: Host) -> None:
    host.hear(LONG_AGO)
    host.sweep()
    (line,) = [line for line in host.run("check").lines if "outbox" in line]
    assert line.startswith("FAIL  outbox: 1 news undelivered, the oldest to ops@example.com")
    assert "Connection refused" in line


def test_a_check_without_a_database_still_asks_the_rest(host: Host, tmp_path: Path) -> None:
    host.options["database_url"] = f"sqlite:///{tmp_path}/none/gocron.db"
    ran = host.run("check")
    assert ran.status == ExitStatus.CHECK_FAILED
    assert ran.lines[1].startswith("FAIL  database: sqlite ")
    assert [line for line in ran.lines if line.endswith("page")]


def test_a_check_finds_tables_that_were_never_made(host: Host, empty_database_url: str) -> None:
    host.options["database_url"] = empty_database_url
    ran = host.run("check")
    if empty_database_url.startswith("sqlite"):
        assert ran.lines[1].endswith("is not there yet; start gocron-front")
        assert not Path(empty_database_url.removeprefix("sqlite:///")).exists()
    else:
        assert ran.lines[2].startswith("FAIL  schema: ")
        assert ran.lines[2].endswith("run `gocron db upgrade`")
    assert ran.status == ExitStatus.CHECK_FAILED


def failed(ran: Ran, subject: str) -> str:
    """What a check said of a subject that is not well."""
    (line,) = [line for line in ran.lines if line.startswith(f"FAIL  {subject}: ")]
    assert ran.status == ExitStatus.CHECK_FAILED
    return line


def test_a_check_keeps_a_check_in_and_takes_it_back(host: Host, database: str) -> None:
    assert host.run("check").lines[1].startswith("ok    database: ")
    broken = {
        "sqlite": "CREATE TRIGGER broken AFTER UPDATE ON job BEGIN "
        "SELECT RAISE(ABORT, 'it is broken'); END",
        "postgres": "ALTER TABLE job ADD CONSTRAINT it_is_broken CHECK (frequency_s > 1000000)",
    }[database]
    store = open_store(host.options["database_url"])
    with store.connected():
        assert not list(store.tables.job.select())
        store.db.execute_sql(broken)
    assert "broken" in failed(host.run("check"), "database")


@pytest.mark.parametrize("database", ["postgres"])
def test_a_check_finds_a_database_that_turned_read_only(host: Host) -> None:
    name = urlsplit(host.options["database_url"]).path.removeprefix("/")
    store = open_store(host.options["database_url"])
    with store.connected():
        store.db.execute_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read-only transaction" in failed(host.run("check"), "database")


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_check_finds_disks_with_little_room(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal.log"
    journal.touch()
    host.options["journal"] = str(journal)
    host.sweep()
    assert f"ok    journal: {journal}" in host.run("check").lines
    monkeypatch.setattr("gocron.commands.questions.ROOM_LEAST_MB", 10**12)
    ran = host.run("check")
    for subject in ("database", "journal", "page folder"):
        assert " MB free at " in failed(ran, subject)


def test_a_check_tells_to_restart_a_front_that_runs_by_another_configuration(
    host: Host, mail: MailPeer
) -> None:
    port = free_port()
    host.options |= {"listen_host": "127.0.0.1", "listen_port": str(port)}
    host.sweep()
    with front(host.config, port):
        assert host.run("check").status == 0
        host.options["trusted_proxies"] = "192.0.2.1"
        said = failed(host.run("check"), "front door")
    assert said.endswith("; restart gocron-front")


@pytest.mark.parametrize("database", ["sqlite"])
def test_check_and_sweep_find_a_front_that_keeps_check_ins_in_a_copy(
    host: Host, tmp_path: Path
) -> None:
    port = free_port()
    host.options |= {"listen_host": "127.0.0.1", "listen_port": str(port)}
    host.sweep()
    with front(host.config, port):
        path = host.options["database_url"].removeprefix("sqlite:///")
        copy = tmp_path / "copy.db"
        with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(copy)) as there:
            here.backup(there)
            there.execute("UPDATE presence SET until_at = until_at - 60")
            there.commit()
        host.options["database_url"] = f"sqlite:///{copy}"
        assert "in another database than this one" in failed(host.run("check"), "front door")
        assert "in another database than this one" in complaint(host.sweep())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("200 OK\r\n\r\nself.gocronAge={swept:%(fresh)d,interval:60};\n", ""),
        ("401 Who\r\n\r\n", ""),
        ("200 OK\r\n\r\nself.gocronAge={swept:9,interval:60};\n", "old; is it the one"),
        ("200 OK\r\n\r\n<h1>It works!</h1>", "is no page of gocron's"),
        ("404 None\r\n\r\n", "answered 404"),
        ("", "see public_url"),
    ],
)
def test_a_check_looks_at_the_page_as_its_readers_do(host: Host, answer: str, said: str) -> None:
    host.sweep()
    scripted = f"HTTP/1.0 {answer % {'fresh': int(time.time())}}" if answer else ""
    with scripted_server(scripted.encode()) as port:
        host.options["public_url"] = f"http://127.0.0.1:{port}/status"
        ran = host.run("check")
    if said:
        assert said in failed(ran, "page")
    else:
        assert ran.lines[-1].startswith("ok    page: http://127.0.0.1:")


@pytest.mark.parametrize("running", [(), ("init", "nginx"), ("init", "cron")])
def test_a_check_finds_a_cron_file_that_no_cron_reads(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: tuple[str, ...]
) -> None:
    (tmp_path / "cron.d").touch()
    for number, name in enumerate(running, 1):
        (tmp_path / f"proc/{number}").mkdir(parents=True)
        (tmp_path / f"proc/{number}/comm").write_text(f"{name}\n")
    monkeypatch.setattr("gocron.host.CRON_FILE", tmp_path / "cron.d")
    monkeypatch.setattr("gocron.host.PROCESSES", tmp_path / "proc")
    monkeypatch.setattr("gocron.host._is_active", lambda _: False)
    host.sweep()
    ran = host.run("check")
    if "nginx" in running:
        assert failed(ran, "last sweep").endswith("but no cron runs; start or install it")
    else:
        # Also where other users' processes can't be seen.
        assert "ok    last sweep" in ran.out


def test_a_check_finds_a_timer_that_is_not_active(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gocron-sweep.timer").touch()
    monkeypatch.setattr("gocron.host.TIMER_FILE", tmp_path / "gocron-sweep.timer")
    assert "not active" in failed(host.run("check"), "last sweep")


def test_a_path_that_can_not_be_looked_at_is_no_traceback(host: Host) -> None:
    """As a folder that this user may not enter; this one fails for root, too."""
    host.options["status_dir"] = f"/{'x' * 300}/there"
    ran = host.run("check")
    # Root asks whose the folder is before anything else.
    said = complaint(ran) if os.geteuid() == 0 else failed(ran, "page folder")
    assert "File name too long" in said


# What is typed and printed.


@pytest.mark.parametrize(
    "arguments",
    [("jobs", command, "web-01", "\udcff") for command in ("show", "forget", "add")]
    + [("jobs", "list", "--account", "\udcff"), ("test-mail", "\udcff@example.com")],
)
def test_an_argument_that_is_no_utf_8_is_one_line_and_exit_status_2(
    host: Host, arguments: tuple[str, ...]
) -> None:
    ran = host.run(*arguments)
    assert ran.status == ExitStatus.USAGE
    assert "is no UTF-8" in complaint(ran)


def test_a_terminal_without_the_letters_shows_their_codes(host: Host) -> None:
    host.hear(LONG_AGO, "web-01", "日")
    ended = host.run_alone("jobs", "list", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert rb"\u65e5" in ended.stdout


def test_a_reader_that_has_enough_is_no_error(host: Host) -> None:
    host.add()
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as nobody:
        ended = host.run_alone("jobs", "list", stdout=nobody)
    assert (ended.returncode, ended.stderr) == (0, b"")


# The database.


def test_the_database_is_upgraded_once(host: Host, empty_database_url: str) -> None:
    host.options["database_url"] = empty_database_url
    ran = host.run("db", "upgrade")
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[0] == "applied 0001_initial"
    assert host.run("db", "upgrade") == Ran(0, "up to date\n", "")


@pytest.mark.parametrize(
    "arguments",
    [("jobs", "list"), ("jobs", "show", *BACKUP), ("jobs", "forget", *BACKUP), ("db", "upgrade")]
    + [("jobs", "add", *BACKUP, "--email", "a@b.c", "--frequency", "1h")],
)
def test_a_database_that_is_away_is_one_line_and_exit_status_4(
    host: Host, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    host.options["database_url"] = f"sqlite:///{tmp_path}/none/gocron.db"
    ran = host.run(*arguments)
    assert ran.status == ExitStatus.STORE
    assert complaint(ran) == (
        f"gocron: sqlite {tmp_path}/none/gocron.db: no folder {tmp_path}/none; "
        "make it, or set database_url"
    )


def test_no_password_stands_in_a_complaint_of_the_database(host: Host, tmp_path: Path) -> None:
    host.options["database_url"] = f"postgresql://u:TOPSECRET@/none?host={tmp_path}"
    for program in (cli.sweep, cli.front, cli.summary):
        ran = host.run(program=program)
        assert ran.status == ExitStatus.STORE
        assert "TOPSECRET" not in complaint(ran)


# The configuration.


def test_the_printed_configuration_is_one_that_loads(host: Host, tmp_path: Path) -> None:
    ran = host.run("config")
    (tmp_path / "printed.yml").write_text(ran.out)
    assert load_config(tmp_path / "printed.yml", {}).listen_port == 8080


def test_the_configuration_is_printed_even_where_the_present_one_is_broken(host: Host) -> None:
    host.options["quux"] = "1"
    assert host.run("jobs", "list").status == ExitStatus.CONFIG
    assert host.run("config").status == 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_unknown_key_is_one_line_and_exit_status_3_in_every_program(
    host: Host, name: str
) -> None:
    del host.options["listen_port"]
    host.options["listenport"] = "99999"
    host.options["smtpsever"] = "x"
    arguments = ("jobs", "list") if name == "gocron" else ()
    ran = host.run(*arguments, program=PROGRAMS[name])
    assert ran.status == ExitStatus.CONFIG
    said = complaint(ran)
    assert said.startswith(f"{name}: {host.config}: ")
    assert "smtpsever: unknown key, did you mean smtpserver?" in said
    assert "listen_port: want a port" in said


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_missing_configuration_file_is_one_line_and_exit_status_3(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ["check"] if name == "gocron" else []
    status = PROGRAMS[name]([*arguments, "--config", str(tmp_path / "none.yml")])
    assert status == ExitStatus.CONFIG
    assert capsys.readouterr().err == (
        f"{name}: {tmp_path}/none.yml: no such file; name an existing one\n"
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_argument_is_usage_and_exit_status_2(
    name: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as ended:
        PROGRAMS[name](["--nope"])
    assert ended.value.code == ExitStatus.USAGE
    assert capsys.readouterr().err.startswith(f"usage: {name} ")


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_tells_its_version_and_its_help(
    name: str, capsys: pytest.CaptureFixture
) -> None:
    for argument, said in (("--version", f"{name} {__version__}\n"), ("--help", "--config FILE")):
        with pytest.raises(SystemExit) as ended:
            PROGRAMS[name]([argument])
        assert ended.value.code == 0
        assert said in capsys.readouterr().out


def test_the_configuration_may_be_named_before_the_command_too(host: Host, monkeypatch) -> None:
    host.run("jobs", "list")
    monkeypatch.delenv("GOCRON_CONFIG", raising=False)
    assert cli.main(["--config", str(host.config), "jobs", "list"]) == 0
    monkeypatch.setenv("GOCRON_CONFIG", str(host.config))
    assert cli.main(["jobs", "list"]) == 0


# On trial.


@pytest.mark.parametrize("command", ["test", "test-mail"])
def test_a_mail_on_trial_arrives(host: Host, mail: MailPeer, command: str) -> None:
    ran = host.run(command, "ops@example.com")
    assert ran == Ran(0, "127.0.0.1 took a mail for ops@example.com\n", "")
    assert mail.recipients == ["ops@example.com"]
    assert mail.mails[0]["From"].addresses[0].addr_spec == "gocron@example.com"


@pytest.mark.parametrize("address", ["nobody", "a@b@c", "", "a\nBcc: b@example.com", "ö@x.org"])
def test_a_mail_on_trial_to_no_address_is_one_line_and_exit_status_5(
    host: Host, mail: MailPeer, address: str
) -> None:
    ran = host.run("test", address)
    assert ran.status == ExitStatus.UNDELIVERED
    assert "is no mail address" in complaint(ran)
    assert mail.received == []


def test_a_mail_on_trial_without_a_server_is_one_line_and_exit_status_5(host: Host) -> None:
    ran = host.run("test", "ops@example.com")
    assert ran.status == ExitStatus.UNDELIVERED
    assert "Connection refused; see `gocron check`" in complaint(ran)


def test_a_mail_on_trial_that_is_refused_says_what_the_server_said(
    host: Host, mail: MailPeer
) -> None:
    mail.answers["ops@example.com"] = "550 no such mailbox"
    ran = host.run("test", "ops@example.com")
    assert ran.status == ExitStatus.UNDELIVERED
    assert "550 no such mailbox" in complaint(ran)


# The sweep and the summary.


def test_a_sweep_is_silent_when_all_is_well(host: Host, mail: MailPeer) -> None:
    host.add()
    assert host.sweep() == Ran(0, "", "")
    assert mail.received == []
    assert (Path(host.options["status_dir"]) / "index.html").exists()


def test_a_dry_run_tells_what_a_sweep_would_do_and_does_nothing(host: Host, mail: MailPeer) -> None:
    host.hear(LONG_AGO)
    for _ in range(2):
        ran = host.sweep("--dry-run")
        assert (ran.status, ran.err) == (0, "")
        (line,) = ran.lines
        assert line.startswith("would tell ops@example.com that backup (web-01) is missing")
    assert mail.received == []
    assert host.job().missed_at is None
    assert not Path(host.options["status_dir"]).exists()


def test_a_moment_without_a_dry_run_sweeps_nothing(host: Host, mail: MailPeer) -> None:
    host.hear(LONG_AGO)
    ran = host.sweep("--at", "+2h")
    assert (ran.status, ran.out) == (ExitStatus.USAGE, "")
    assert "--at: only with --dry-run" in ran.err
    assert mail.mails == []


def test_a_dry_run_with_nothing_to_do_prints_nothing(host: Host) -> None:
    host.add()
    assert host.sweep("--dry-run") == Ran(0, "", "")


def test_a_sweep_that_cannot_deliver_is_one_line_and_exit_status_5(host: Host) -> None:
    host.hear(LONG_AGO)
    tried, waited = host.sweep(), host.sweep()
    assert tried.status == waited.status == ExitStatus.UNDELIVERED
    assert complaint(tried).startswith("gocron-sweep: not delivered: 127.0.0.1:")
    assert "Connection refused" in tried.err
    assert "1 news wait undelivered; see `gocron outbox list`" in complaint(waited)


def test_a_page_that_cannot_be_written_is_one_line_and_exit_status_3(
    host: Host, mail: MailPeer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    host.options["status_dir"] = str(tmp_path / "file" / "page")
    host.hear(LONG_AGO)
    ran = host.sweep()
    assert ran.status == ExitStatus.CONFIG
    assert str(tmp_path / "file") in complaint(ran)
    assert len(mail.received) == 1, "the mail went out before the page was tried"


def test_the_summary_is_printed(host: Host, mail: MailPeer) -> None:
    host.hear(LONG_AGO)
    host.sweep()
    for program, arguments in ((cli.summary, ()), (cli.back, ("--summary",))):
        ran = host.run(*arguments, program=program)
        assert (ran.status, ran.err) == (0, "")
        assert "backup" in ran.out
        assert not ran.out.endswith("\n\n")


def test_the_summary_does_not_call_a_job_well_that_is_only_spared(host: Host) -> None:
    host.hear(int(time.time()) - HOUR - 60)
    store = open_store(host.options["database_url"])
    with store.connected():
        job = store.tables.job
        job.update({job.reprieve: Status.HELD.value}).execute()
    said = host.run(program=cli.summary).out
    assert said.startswith("gocron: Nothing is missing; 1 overdue job is held, suppressed or excus")


def test_a_post_on_trial_arrives(host: Host, slack: SlackPeer) -> None:
    assert host.run("test", "slack") == Ran(0, "Slack took a post\n", "")
    (post,) = slack.taken
    assert post["text"] == "gocron can post here"


def test_a_post_on_trial_that_is_refused_is_one_line_without_the_hook(
    host: Host, slack: SlackPeer
) -> None:
    slack.status, slack.said = 404, b"no_service"
    ran = host.run("test", "slack")
    assert ran.status == ExitStatus.UNDELIVERED
    assert complaint(ran) == "gocron test: Slack answered 404 no_service; see `gocron check`"


def test_a_post_on_trial_without_a_hook_is_one_line_and_exit_status_3(host: Host) -> None:
    ran = host.run("test", "slack")
    assert ran.status == ExitStatus.CONFIG
    assert "slack_hook_url: not set; set it to send by Slack" in complaint(ran)


def test_a_summary_for_slack_without_a_hook_is_one_line_and_exit_status_3(host: Host) -> None:
    for program, arguments in (
        (cli.summary, ("--slack",)),
        (cli.summary, ("--verbose",)),
        (cli.back, ("--summary", "--verbose")),
    ):
        ran = host.run(*arguments, program=program)
        assert ran.status == ExitStatus.CONFIG
        assert "slack_hook_url: not set" in complaint(ran)


def test_the_names_of_the_programs_are_those_that_are_installed() -> None:
    scripts = (Path(sys.modules["gocron"].__file__).parents[1] / "setup.py").read_text()
    for name, program in PROGRAMS.items():
        assert f"{name} = gocron.cli:{program.__name__}" in scripts.replace("=", " = ").replace(
            "  =  ", " = "
        )


# Output that can't be written


@pytest.fixture
def slack(host: Host) -> Iterator[SlackPeer]:
    with slack_peer() as peer:
        host.options["slack_hook_url"] = peer.url
        yield peer


SAYING = [
    ("main", "jobs", "list"),
    ("main", "jobs", "list", "--json"),
    ("main", "jobs", "show", *BACKUP),
    ("main", "jobs", "add", "web-01", "new", "--email", "ops@example.com", "--frequency", "1h"),
    ("main", "jobs", "forget", "--account", "web-01"),
    ("main", "explain", *BACKUP),
    ("main", "check"),
    ("main", "db", "upgrade"),
    ("main", "--help"),
    ("main", "--version"),
    ("sweep", "--dry-run"),
    ("summary",),
    ("back", "--summary"),
]


@pytest.mark.parametrize("said", SAYING, ids=lambda said: " ".join(said))
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
@pytest.mark.parametrize("database", ["sqlite"])
def test_output_that_can_not_be_written_is_one_line_and_exit_status_7(
    host: Host, said: tuple[str, ...], where: str
) -> None:
    for errors, lines in (("", 1), ("2>&-", 0), ("2>/dev/full", 0)):
        host.hear(LONG_AGO)
        ended = host.run_in_shell(said, f"{where} {errors}")
        assert ended.returncode == ExitStatus.OUTPUT
        assert ended.stderr.count("\n") == lines
        assert not lines or "standard output: can't be written" in ended.stderr


@pytest.mark.parametrize("where", [">/dev/full", ">&-", ">/dev/full 2>&-"])
@pytest.mark.parametrize("database", ["sqlite"])
def test_a_summary_that_can_not_be_printed_reaches_slack_all_the_same(
    host: Host, slack: SlackPeer, where: str
) -> None:
    host.hear(LONG_AGO)
    ended = host.run_in_shell(("summary", "--slack"), where)
    assert ended.returncode == ExitStatus.OUTPUT
    assert len(slack.posts) == 1


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_summary_whose_template_does_not_work_reaches_slack_all_the_same(
    host: Host, slack: SlackPeer, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/summary.txt.j2").write_text("{{ nothing.at.all }}")
    host.options["reports_dir"] = str(tmp_path / "reports")
    ran = host.run("--slack", program=cli.summary)
    assert ran.status == ExitStatus.CONFIG
    assert "summary.txt.j2:1" in complaint(ran)
    assert len(slack.posts) == 1


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_command_that_says_nothing_needs_no_output(host: Host, mail: MailPeer) -> None:
    host.add()
    for where in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        assert host.run_in_shell(("sweep",), where).returncode == 0
    assert (Path(host.options["status_dir"]) / "index.html").stat().st_size
    with open_store(host.options["database_url"]).connected():
        assert host.job().cronname == "backup"


@pytest.mark.parametrize("database", ["sqlite"])
def test_what_is_wrong_and_can_not_be_written_keeps_its_exit_status(host: Host) -> None:
    for where in ("2>&-", "2>/dev/full", ">&- 2>&-"):
        assert host.run_in_shell(("main", "--nope"), where).returncode == ExitStatus.USAGE
        ended = host.run_in_shell(("main", "jobs", "show", "no", "job"), where)
        assert ended.returncode == ExitStatus.USAGE


# A sweep that meets what is bad by itself


def test_a_job_that_can_not_be_judged_is_one_line_and_exit_status_1(
    host: Host, mail: MailPeer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "bad", "c"):
        host.hear(LONG_AGO, "web-01", name)
    works = verdicts.judge

    def judge(job: Job, *more: Any) -> Any:
        if job.cronname == "bad":
            raise TypeError("a bug")
        return works(job, *more)

    monkeypatch.setattr(verdicts, "judge", judge)
    ran = host.sweep()
    assert ran.status == ExitStatus.BUG
    assert "gocron-sweep: judging bad (web-01): bug: TypeError('a bug')" in ran.err
    assert len(mail.mails) == 1
    assert "TypeError: a bug" in caplog.text


def test_of_several_exit_statuses_the_lowest_counts(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    host.options["status_dir"] = str(tmp_path / "file" / "page")
    host.hear(LONG_AGO)
    ran = host.sweep()
    assert ran.status == ExitStatus.CONFIG
    assert "not delivered" in ran.err and "can't write the status page" in ran.err


def test_what_a_later_version_wrote_is_listed_shown_and_summed_up(host: Host) -> None:
    host.hear(LONG_AGO)
    host.hear(LONG_AGO, "web-01", "other")
    store = open_store(host.options["database_url"])
    with store.connected():
        job = store.tables.job
        job.update({job.reprieve: "muted"}).where(job.cronname == "backup").execute()
    assert [line.split()[2] for line in host.run("jobs", "list").lines] == [
        "STATE",
        "unknown",
        "overdue",
    ]
    assert json.loads(host.run("jobs", "show", *BACKUP, "--json").out)[0]["state"] == "unknown"
    assert host.run("jobs", "show", *BACKUP).status == 0
    assert "a later gocron" in host.run("explain", *BACKUP).out
    assert host.run(program=cli.summary).status == 0
    assert len(host.sweep("--dry-run").lines) == 1
    assert host.run("jobs", "add", *BACKUP, "--grace", "5m").out == "changed\n"


def test_a_question_of_the_check_that_meets_a_bug_keeps_no_other_from_being_asked(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gocron_check, "_sites", lambda _: {}["none"])
    ran = host.run("check")
    assert ran.status == ExitStatus.CHECK_FAILED
    assert any(line.startswith("FAIL  sites: bug: KeyError('none')") for line in ran.lines)
    assert any("page folder" in line for line in ran.lines)


def test_while_nginx_has_no_room_for_its_journal_no_watchdog_is_told_that_all_is_well(
    host: Host, tmp_path: Path
) -> None:
    journal, flags = tmp_path / "journal.log", tmp_path / "journal.log.room"
    journal.touch()
    flags.write_text("no folder")
    # Nobody listens there: whoever tells the watchdog complains.
    watchdog = f"http://127.0.0.1:{free_port()}/"
    host.options |= {"journal": str(journal), "watchdog_url": watchdog}
    ran = host.run(program=cli.sweep)
    assert ran.status == ExitStatus.CHECK_FAILED
    assert "nginx keeps no check-ins" in complaint(ran)
    flags.unlink()
    assert "watchdog at 127.0.0.1" in complaint(host.run(program=cli.sweep))


def test_a_check_finds_a_database_that_has_no_room_for_every_name(host: Host, postgres) -> None:
    name = "gocron_test_in_latin_1"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        host.options["database_url"] = postgres.url_of(name)
        assert host.run("db", "upgrade").status == 0
        ran = host.run("check")
        assert ran.status == ExitStatus.CHECK_FAILED
        assert "keeps text as LATIN1" in ran.lines[1]
        assert any("schema: up to date" in line for line in ran.lines)
        refused = host.add("web-01", "日")
        assert refused.status == ExitStatus.USAGE
        assert "can't hold this" in complaint(refused)
        assert host.run("jobs", "show", "web-01", "日").status == ExitStatus.USAGE
    finally:
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_row_that_holds_nonsense_is_told_of_and_all_others_are_listed_and_summed_up(
    host: Host, mail: MailPeer
) -> None:
    for name in ("a", "bad", "c"):
        host.hear(LONG_AGO, "web-01", name)
    host.sweep()
    store = open_store(host.options["database_url"])
    with store.connected():
        job = store.tables.job
        job.update({job.last_seen_at: "soon"}).where(job.cronname == "bad").execute()
    for ran in (host.run("jobs", "list", "--json"), host.run("jobs", "list")):
        assert ran.status == ExitStatus.BUG
        assert "showing bad (web-01): bug: TypeError(" in ran.err
        assert "web-01" in ran.out and "soon" not in ran.out
    assert names(host) == ["a", "c"]
    summed_up = host.run(program=cli.summary)
    assert summed_up.status == ExitStatus.BUG
    assert " a\n" in summed_up.out.replace(" - ", "\n") or "a" in summed_up.out
    assert "summing up bad (web-01): bug" in summed_up.err


# Forgetting many


def heard_in(host: Host, account: str, *heard: tuple[str, int]) -> None:
    for name, at in heard:
        host.hear(at, account, name)


def names(host: Host) -> list[str]:
    return [job["cronname"] for job in json.loads(host.run("jobs", "list", "--json").out)]


def test_all_jobs_of_an_account_are_forgotten_and_counted(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_row, "FORGOTTEN_AT_ONCE", 2)
    heard_in(host, "web-07", *((f"job-{number}", LONG_AGO) for number in range(5)))
    host.hear(LONG_AGO)
    assert host.run("jobs", "forget", "--account", "web-07") == Ran(
        0, "forgot 5 jobs of web-07\n", ""
    )
    assert names(host) == ["backup"]
    again = host.run("jobs", "forget", "--account", "web-07")
    assert again.status == ExitStatus.USAGE
    assert "web-07: no job of this account" in complaint(again)


@pytest.mark.parametrize("since", ["30d", "2026-01-02", "2026-01-02T00:00Z", "1w3d"])
def test_only_those_that_were_not_heard_since_a_time_are_forgotten(host: Host, since: str) -> None:
    heard_in(host, "web-07", ("old", LONG_AGO), ("new", int(time.time())))
    host.add("web-07", "declared")
    ran = host.run("jobs", "forget", "--account", "web-07", "--never-heard-since", since)
    assert ran == Ran(0, "forgot 1 job of web-07\n", "")
    assert names(host) == ["declared", "new"]
    ran = host.run("jobs", "forget", "--account", "web-07", "--never-heard-since", since)
    assert ran == Ran(0, "forgot 0 jobs of web-07\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("web-01",),
        (*BACKUP, "--account", "web-01"),
        ("web-01", "--account", "web-01"),
        ("--never-heard-since", "30d"),
        (*BACKUP, "--never-heard-since", "30d"),
        ("--account", "web-01", "--never-heard-since", "soon"),
        ("--account", "web-01", "--never-heard-since", "3600"),
        ("--account", "web-01", "--never-heard-since", "20261001"),
        ("--account", "web-01", "--never-heard-since", "0d"),
        ("--account", "web-01", "--never-heard-since", "2999-01-01"),
        ("--account", "web-01", "--never-heard-since", ""),
    ],
)
def test_what_is_to_be_forgotten_and_is_not_clear_is_exit_status_2_and_forgets_nothing(
    host: Host, arguments: tuple[str, ...]
) -> None:
    host.hear(LONG_AGO)
    ran = host.run("jobs", "forget", *arguments)
    assert ran.status == ExitStatus.USAGE
    assert ran.err and "Traceback" not in ran.err
    assert names(host) == ["backup"]


def test_what_was_given_up_keeps_the_exit_status_until_it_is_retried(
    host: Host, mail: MailPeer
) -> None:
    mail.answers["ops@example.com"] = "550 5.1.1 no such user"
    host.hear(LONG_AGO)
    assert complaint(host.sweep()).endswith("550 5.1.1 no such user; given up")
    later = host.sweep()
    assert later.status == ExitStatus.UNDELIVERED
    (listed,) = json.loads(host.run("outbox", "list", "--json").out)
    assert (listed["recipient"], listed["state"], listed["next_try"]) == (
        *("ops@example.com", "given up", None),
    )
    assert listed["reason"] == "550 5.1.1 no such user"
    assert "ops@example.com  mail  1     given up" in host.run("outbox", "list").out
    mail.answers.clear()
    assert host.run("outbox", "retry", "ops@example.com").out.startswith("1 news due now")
    assert host.sweep() == Ran(0, "", "")
    assert mail.recipients == ["ops@example.com"]
    assert host.run("outbox", "list").out == "nothing waits, and nothing was given up\n"
    assert host.run("outbox", "retry", "all").out.startswith("0 news due now")


def test_what_was_given_up_is_spoken_of_by_the_first_sweep_of_an_hour(
    host: Host, mail: MailPeer
) -> None:
    mail.answers["ops@example.com"] = "550 5.1.1 no such user"
    host.hear(LONG_AGO)
    host.sweep()
    store = open_store(host.options["database_url"])
    with store.connected(), store.writing():
        swept_at = store.tables.instance.swept_at
        store.tables.instance.update({swept_at: swept_at - HOUR}).execute()
    swept = host.sweep()
    assert swept.status == ExitStatus.UNDELIVERED
    assert complaint(swept) == (
        "gocron-sweep: 1 news given up, the last to ops@example.com: 550 5.1.1 no such user; "
        "see `gocron outbox list`"
    )


def test_news_that_is_over_is_left_at_that_in_words(host: Host, mail: MailPeer) -> None:
    mail.answers["ops@example.com"] = "550 5.1.1 no such user"
    host.hear(LONG_AGO)
    host.sweep()
    host.hear(int(time.time()))
    said = "1 news left given up: the silence is over, and its job is back\n"
    for address in ("ops@example.com", "all"):
        assert host.run("outbox", "retry", address) == Ran(0, said, "")
    assert host.sweep() == Ran(0, "", "")
    assert mail.received == []


def test_an_address_that_nothing_waits_for_is_not_retried_in_silence(host: Host) -> None:
    host.add()
    ran = host.run("outbox", "retry", "nobody@example.com")
    assert (ran.status, ran.out) == (ExitStatus.USAGE, "")
    assert "nobody@example.com: no news waits for it" in complaint(ran)
