"""What nginx kept while no front answered is as good as heard, and nothing in it does harm."""

import gzip
import ipaddress
import json
import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.signal import START, Signal
from gocron.store import checkin_row, declarations, job_row, late_checkins
from gocron.store.schema import open_store
from gocron.sweep import journal as gocron_journal
from gocron.sweep import journal_files
from gocron.sweep.journal import replay_journal
from gocron.sweep.journal_files import BATCH, LINE_LIMIT
from tests.sweep.conftest import HOUR, NOON, Gocron

FIELDS = "account=web-01&email=ops@example.com&frequency=1h"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def journal(gocron: Gocron, tmp_path: Path) -> Path:
    """Where the journal of `gocron` is to be; there is none yet."""
    path = tmp_path / "log/journal.log"
    path.parent.mkdir()
    gocron.set(journal=str(path), status_dir="")
    return path


def line(cronname: str, at: object = NOON, fields: str = FIELDS, **told: object) -> bytes:
    """What nginx writes of a check-in; `told` replaces parts of it."""
    parts = {
        "at": f"{at}.123" if isinstance(at, int) else at,
        "address": "203.0.113.9",
        "method": "GET",
        "query": f"cronname={cronname}&{fields}",
        "content_type": "",
        "length": "",
        "body": "",
    }
    text = json.dumps({**parts, **told}, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape") + b"\n"


def posted(body: str, **told: object) -> bytes:
    size = len(body.encode("utf-8", "surrogateescape"))
    parts = {"method": "POST", "query": "", "content_type": FORM, "length": str(size), "body": body}
    return line("", **{**parts, **told})


def replay(gocron: Gocron, now: int = NOON + 60) -> list[str]:
    with gocron.store.connected():
        return replay_journal(gocron.store, gocron.config, now)


def heard(gocron: Gocron) -> dict[str, int]:
    return {row["cronname"]: row["last_seen_at"] for row in gocron.rows("job")}


def append(journal: Path, *lines: bytes) -> None:
    with journal.open("ab") as file:
        file.write(b"".join(lines))


# What is kept


def test_a_check_in_is_kept_with_its_time_and_its_address(gocron: Gocron, journal: Path) -> None:
    append(journal, line("backup", NOON))
    assert replay(gocron) == []
    job = gocron.job("backup")
    assert (job.last_seen_at, job.address, job.network) == (NOON, "203.0.113.9", "203.0.113.9")
    assert job.due_at == NOON + HOUR


def test_pings_are_kept_by_their_path_beside_lines_of_a_version_before_that_have_none(
    gocron: Gocron, journal: Path
) -> None:
    new = "email=ops@example.com&frequency=1h"
    append(
        journal,
        line("at root"),
        line("at root too", path=""),
        line("", path="/ping/web-01/DB%20dump/fail/", query=f"{new}&rid=7", method="POST"),
        line("", NOON + 30, path="/ping/web-01/at%20root/start", query="", method="HEAD"),
        line("", path="/ping/web-01/none/banana", query=new),
    )
    assert replay(gocron) == []
    assert heard(gocron) == {"at root": NOON + 30, "at root too": NOON, "DB dump": NOON}


def test_both_spellings_of_a_name_are_one_job(gocron: Gocron, journal: Path) -> None:
    append(journal, line("caf\u00e9"), line("cafe\u0301", NOON + 30))
    assert replay(gocron) == []
    assert heard(gocron) == {"caf\u00e9": NOON + 30}


def test_a_name_that_looks_like_another_is_kept_of_a_known_job_alone(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gocron.hear("old\u200b", NOON)
    append(journal, line("old\u200b", NOON + 30), line("new\u200b", NOON + 30))
    assert replay(gocron) == []
    assert heard(gocron) == {"old\u200b": NOON + 30}
    assert caplog.text.count("1 check-ins can't be kept") == 1


@pytest.mark.parametrize(
    ("address", "stored", "network"),
    [
        ("10.20.30.40", "10.20.30.40", "10.20.30.40"),  # in the range of the proxies, and a client
        ("10.0.0.1", "10.0.0.1", ""),  # a proxy by its own address
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "127.0.0.1", ""),
        ("unix:", "unknown", ""),
    ],
)
def test_the_address_is_what_a_front_would_have_been_told_by_nginx(
    gocron: Gocron, journal: Path, address: str, stored: str, network: str
) -> None:
    trusted = ("127.0.0.0/8", "10.0.0.0/8", "10.0.0.1/32")
    gocron.set(trusted_proxies=tuple(map(ipaddress.ip_network, trusted)))
    append(journal, line("backup", address=address))
    assert replay(gocron) == []
    job = gocron.job("backup")
    assert (job.address, job.network) == (stored, network)


def test_what_was_kept_in_the_journal_is_not_told_of_as_missing(
    gocron: Gocron, journal: Path
) -> None:
    gocron.hear("backup", NOON)
    append(journal, line("backup", NOON + HOUR))
    gocron.sweep(NOON + HOUR + 60)
    assert gocron.mail.subjects == []


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("räksmörgås 🥪", "cronname=r%C3%A4ksm%C3%B6rg%C3%A5s+%F0%9F%A5%AA&" + FIELDS, FORM),
        ('say "hi" \\ bye', 'cronname=say "hi" \\ bye&' + FIELDS, FORM),
        (
            'a"b',
            '{"cronname": "a\\"b", "account": "web-01", "email": "a@b.c", "frequency": 60}',
            "application/json",
        ),
        (
            "part",
            "".join(
                f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in [
                    ("cronname", "part"),
                    ("account", "web-01"),
                    ("email", "a@b.c"),
                    ("frequency", "1h"),
                ]
            )
            + "--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_a_body_is_read_as_a_front_reads_it(
    gocron: Gocron, journal: Path, name: str, body: str, kind: str
) -> None:
    append(journal, posted(body, content_type=kind))
    assert replay(gocron) == []
    assert heard(gocron) == {name: NOON}


def test_a_body_that_came_in_chunks_told_no_length_and_is_kept(
    gocron: Gocron, journal: Path
) -> None:
    append(journal, posted(f"cronname=backup&{FIELDS}", length=""))
    replay(gocron)
    assert heard(gocron) == {"backup": NOON}


def test_a_head_request_is_a_check_in(gocron: Gocron, journal: Path) -> None:
    append(journal, line("backup", method="HEAD"))
    replay(gocron)
    assert heard(gocron) == {"backup": NOON}


def test_the_later_time_wins_whatever_the_order_of_the_lines(gocron: Gocron, journal: Path) -> None:
    gocron.hear("old", NOON + 30)
    append(journal, line("old", NOON), line("new", NOON + 20), line("new", NOON + 10))
    replay(gocron)
    assert heard(gocron) == {"old": NOON + 30, "new": NOON + 20}


def test_a_known_job_may_leave_out_what_its_first_line_told(gocron: Gocron, journal: Path) -> None:
    append(journal, line("backup", NOON), line("backup", NOON + 9, fields="account=web-01"))
    assert replay(gocron) == []
    assert heard(gocron) == {"backup": NOON + 9}


def test_a_failure_that_a_later_check_in_overtook_is_told_once(
    gocron: Gocron, journal: Path
) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON + 40)
    append(journal, line("backup", NOON + 20, fields=f"{FIELDS}&exit=3"))
    for at in (NOON + 60, NOON + 120):
        gocron.sweep(at)
    append(journal, line("backup", NOON + 20, fields=f"{FIELDS}&exit=3"))
    gocron.sweep(NOON + 180)
    (mail,) = gocron.mail.mails
    assert "failed with exit status 3 and works again after 20 s" in mail["Subject"]
    job = gocron.job("backup")
    assert (job.last_seen_at, job.failing_since, job.failures) == (NOON + 40, None, 0)
    assert job.gaps == (20, 20)


def test_a_failure_of_the_second_in_which_the_run_began_is_kept(
    gocron: Gocron, journal: Path
) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON + 20, signal=Signal(START))
    append(journal, line("backup", NOON + 20, fields=f"{FIELDS}&exit=3"))
    gocron.sweep(NOON + 60)
    (mail,) = gocron.mail.mails
    assert mail["Subject"].endswith("failed with exit status 3")
    job = gocron.job("backup")
    assert (job.failing_since, job.failures, job.started_at) == (NOON + 20, 1, None)


def test_usual_gaps_are_learned_from_lines_of_one_batch(gocron: Gocron, journal: Path) -> None:
    append(journal, *(line("backup", NOON + 60 * turn) for turn in range(4)))
    replay(gocron, NOON + 300)
    assert gocron.job("backup").gaps == (60, 60, 60)


def test_a_sweeps_own_knock_and_a_mere_visit_are_no_check_ins(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(journal, line("", query="self=0123"), line("", query=""), posted(""))
    assert replay(gocron) == []
    assert (heard(gocron), caplog.messages) == ({}, [])


# What is skipped

HOSTILE = {
    "no JSON": b"\x16\x03\x01\n",
    "no object": b'["at"]\n',
    "nested": b"[" * 100_000 + b"\n",
    "no time": line("x", at="soon"),
    "never": line("x", at="inf"),
    "not a number": line("x", at="nan"),
    "before all time": line("x", at="-1e300"),
    "a length without end": posted("x=1", length="9" * 5000),
    "PUT": line("x", method="PUT"),
    "a lie about the length": posted("cronname=x", length="36"),
    "too long a body": posted("x" * 70_000),
    "no UTF-8 in the query": line("\udcff"),
    "no UTF-8 in the body": posted("cronname=\udcff\udcfe"),
    "no UTF-8 in JSON": posted('{"cronname": "\udcc3"}'),
    "half a character": posted('{"cronname": "\\ud800"}'),
    "a control character": posted("cronname=a\x07b&" + FIELDS),
    "NUL": line("a%00b"),
    "a new line in the name": line('x%0A{"at":"1"}'),
    "many fields": line("x", fields="&".join("a=1" for _ in range(99))),
    "a broken form": posted("--x", content_type="multipart/form-data; boundary=x"),
    "an unknown job": line("unknown", fields="account=web-01"),
}


def test_hostile_lines_are_skipped_with_one_warning_and_cost_nobody_else(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(journal, line("before"), *HOSTILE.values(), line("after"))
    assert replay(gocron) == []
    assert set(heard(gocron)) == {"before", "after"}
    assert len(caplog.messages) == 1
    assert f"journal: {len(HOSTILE)} check-ins can't be kept" in caplog.text
    assert caplog.messages[0].isprintable()
    caplog.clear()
    assert replay(gocron) == []
    assert caplog.messages == [], "they are told of once"


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_line_alone_is_one_that_is_skipped(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    append(journal, HOSTILE[what])
    replay(gocron)
    assert heard(gocron) == {}
    assert "journal: 1 check-ins can't be kept" in caplog.text


@pytest.mark.parametrize("ahead_s", [-7 * HOUR, -60, 45 * 60, 100 * 24 * HOUR])
def test_a_line_keeps_its_time_whatever_the_clock_of_nginxs_host_says(
    gocron: Gocron, journal: Path, ahead_s: int
) -> None:
    append(journal, line("backup", NOON + 20 + ahead_s))
    with gocron.store.connected():
        ahead_of_database_s = gocron.store.moment() + ahead_s
        replay_journal(gocron.store, gocron.config, NOON + 60, lambda: ahead_of_database_s)
    assert heard(gocron) == {"backup": NOON + 20}


def test_a_line_by_a_clock_that_was_ahead_counts_as_heard_now(
    gocron: Gocron, journal: Path
) -> None:
    append(journal, line("soon", NOON + 5 * 60), line("ahead", NOON + 20 * 60), line("far", 10**18))
    assert replay(gocron) == []
    assert heard(gocron) == {"soon": NOON + 5 * 60, "ahead": NOON + 60, "far": NOON + 60}


def test_a_line_that_is_completed_between_two_reads_is_read_whole(
    gocron: Gocron, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = line("one") + line("two")
    append(journal, whole[: len(line("one")) + 40])
    opened = gocron_journal.open_file

    class Slow:
        """A file to which nginx adds the rest of a line as soon as its first half is read."""

        def __init__(self, path: Path) -> None:
            self.file = opened(path)

        def __enter__(self) -> "Slow":
            return self

        def __exit__(self, *reason: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def readline(self, limit: int) -> bytes:
            part = self.file.readline(limit)
            if part and not part.endswith(b"\n") and journal.stat().st_size < len(whole):
                append(journal, whole[journal.stat().st_size :])
            return part

    monkeypatch.setattr(gocron_journal, "open_file", Slow)
    replay(gocron)
    replay(gocron)
    assert set(heard(gocron)) == {"one", "two"}


def forget(gocron: Gocron, cronname: str) -> None:
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", cronname)


def test_rotation_by_copying_brings_no_forgotten_job_back(gocron: Gocron, journal: Path) -> None:
    append(journal, line("yearly", fields=FIELDS.replace("1h", "365d")), line("hourly"))
    gocron.sweep(NOON + 60)
    forget(gocron, "yearly")
    forget(gocron, "hourly")
    journal.with_name("journal.log.1").write_bytes(journal.read_bytes() + line("new"))
    journal.write_bytes(line("newer"))
    gocron.sweep(NOON + 120)
    assert set(heard(gocron)) == {"new", "newer"}


def test_a_lost_database_learns_no_job_from_a_journal_that_would_be_overdue_at_once(
    gocron: Gocron, journal: Path
) -> None:
    append(journal, line("retired", NOON - 14 * 24 * HOUR), line("alive", NOON - 60))
    gocron.sweep(NOON)
    assert set(heard(gocron)) == {"alive"}
    assert gocron.mail.mails == []


def test_what_came_since_the_last_sweep_is_declared_though_it_is_overdue_by_now(
    gocron: Gocron, journal: Path
) -> None:
    gocron.sweep(NOON)
    append(journal, line("short", NOON + 60))
    gocron.sweep(NOON + 3 * HOUR)
    assert gocron.mail.told_names() == ["short"]


def test_a_line_older_than_the_declaration_of_its_job_changes_nothing(
    gocron: Gocron, journal: Path
) -> None:
    append(journal, line("old", NOON), line("same", NOON + HOUR))
    with gocron.store.connected():
        for name in ("old", "same"):
            told = CheckIn("web-01", name, "ops@example.com", HOUR, None, None, "", NOON + HOUR)
            declarations.declare(gocron.store, told)
    gocron.sweep(NOON + HOUR + 60)
    assert not gocron.job("old").was_heard
    assert gocron.job("same").was_heard, "within the second"
    assert gocron.mail.mails == []


def test_a_journal_that_was_emptied_by_hand_is_another_one(gocron: Gocron, journal: Path) -> None:
    """`echo > journal.log` leaves an empty line, each time the same."""
    append(journal, b"\n", line("one"), line("two"))
    replay(gocron)
    journal.write_bytes(b"\n")
    replay(gocron)
    append(journal, line("three"), line("four"))
    replay(gocron)
    assert set(heard(gocron)) == {"one", "two", "three", "four"}


def test_half_a_line_costs_itself_and_not_the_next_one(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(journal, line("cut")[:70], line("next"), b"\0" * 4096, line("last"))
    replay(gocron)
    assert set(heard(gocron)) == {"next", "last"}
    assert "journal: 2 check-ins can't be kept; the first: journal: has half a line" in caplog.text


def test_a_name_that_looks_like_the_beginning_of_a_line_is_a_name(
    gocron: Gocron, journal: Path
) -> None:
    name = '{"at":"1'
    append(journal, posted(f"cronname={name}&{FIELDS}"))
    replay(gocron)
    assert heard(gocron) == {name: NOON}


def test_a_line_that_is_being_written_waits_for_its_end(gocron: Gocron, journal: Path) -> None:
    whole = line("slow")
    append(journal, line("first"), whole[:50])
    replay(gocron)
    assert set(heard(gocron)) == {"first"}
    append(journal, whole[50:])
    replay(gocron)
    assert set(heard(gocron)) == {"first", "slow"}


def test_a_line_without_an_end_does_not_fill_the_memory(gocron: Gocron, journal: Path) -> None:
    with journal.open("wb") as file:
        file.write(line("first"))
        file.truncate(40 * LINE_LIMIT)
    most = memory_of(lambda: replay(gocron))
    assert set(heard(gocron)) == {"first"}
    assert most < 8 * LINE_LIMIT
    append(journal, b"\n", line("last"))
    replay(gocron)
    assert set(heard(gocron)) == {"first", "last"}


# Rotation


def test_rotation_by_renaming_loses_nothing(gocron: Gocron, journal: Path) -> None:
    append(journal, line("a"))
    replay(gocron)
    append(journal, line("b"))
    journal.rename(journal.with_name("journal.log.1"))
    append(journal, line("c"))
    replay(gocron)
    assert set(heard(gocron)) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "name", ["journal.log.1", "journal.log-20260921", "journal.log-20260921.2"]
)
def test_rotated_journals_are_known_by_number_or_date(
    gocron: Gocron, journal: Path, name: str
) -> None:
    append(journal.with_name(name), line("backup"))
    replay(gocron)
    assert set(heard(gocron)) == {"backup"}


def test_what_was_compressed_or_is_another_file_is_left_alone(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal.with_name("journal.log.2.gz").write_bytes(gzip.compress(line("a")))
    journal.with_name("journal.log.3.zst").write_bytes(b"zst")
    append(journal.with_name("journal.logbook"), line("b"))
    assert replay(gocron) == []
    assert (heard(gocron), caplog.messages) == ({}, [])


def test_a_journal_that_was_copied_and_cut_off_is_read_from_its_beginning(
    gocron: Gocron, journal: Path
) -> None:
    append(journal, line("a"), line("b"))
    replay(gocron)
    journal.write_bytes(line("c"))
    replay(gocron)
    assert set(heard(gocron)) == {"a", "b", "c"}


# What is no journal


def test_where_there_is_no_journal_there_is_nothing_to_say(gocron: Gocron, journal: Path) -> None:
    assert replay(gocron) == []
    journal.parent.rmdir()
    assert replay(gocron) == []
    gocron.set(journal="")
    assert replay(gocron) == []


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "Is a directory"),
        (make_pipe, "Is no file"),
        (make_loop, "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "Is no file"),
    ],
    ids=["folder", "pipe", "loop", "device"],
)
def test_what_stands_in_the_place_of_the_journal_is_named(
    gocron: Gocron, journal: Path, make: object, said: str
) -> None:
    make(journal)
    (complaint,) = replay(gocron)
    assert complaint.startswith(f"journal {journal}: {said}; check")


def test_a_link_that_leads_nowhere_is_no_journal_yet(gocron: Gocron, journal: Path) -> None:
    journal.symlink_to("elsewhere.log")
    assert replay(gocron) == []
    append(journal, line("backup"))
    assert replay(gocron) == []
    assert set(heard(gocron)) == {"backup"}


def test_one_that_may_not_be_read_is_named_and_the_others_are_read(
    gocron: Gocron, journal: Path
) -> None:
    # A folder, since root may read what is a file.
    journal.with_name("journal.log.1").mkdir()
    append(journal, line("backup"))
    assert len(replay(gocron)) == 1
    assert set(heard(gocron)) == {"backup"}


def test_a_journal_that_may_not_be_read_is_named(gocron: Gocron, journal: Path) -> None:
    append(journal, line("backup"))
    journal.parent.chmod(0)
    with gocron.store.connected(), as_another_user():
        (complaint,) = replay_journal(gocron.store, gocron.config, NOON)
    journal.parent.chmod(0o700)
    assert complaint.startswith(f"journal {journal.parent}: Permission denied; check")


@contextmanager
def as_another_user() -> Iterator[None]:
    """Be somebody who may not read all, for the length of the block."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_sweep_goes_on_without_a_journal_that_can_not_be_read(
    gocron: Gocron, journal: Path
) -> None:
    journal.mkdir()
    gocron.hear("backup", NOON)
    swept = gocron.sweep(NOON + HOUR + 1)
    assert gocron.mail.subjects == ["[gocron] backup (web-01) has not checked in"]
    assert len(swept.complaints) == 1


# Many


def test_several_sweeps_that_replay_at_once_keep_each_check_in_once(
    gocron: Gocron, journal: Path
) -> None:
    append(journal, *(line(f"job-{number % 300}", NOON + number) for number in range(1500)))

    def work(_: int) -> list[str]:
        store = open_store(gocron.config.database_url)
        with store.connected():
            return replay_journal(store, gocron.config, NOON + HOUR)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[], [], [], []]
    assert heard(gocron) == {f"job-{number}": NOON + 1200 + number for number in range(300)}
    assert {gocron.job(f"job-{number}").gaps for number in range(300)} == {(300, 300, 300)}


def test_a_long_journal_of_long_lines_is_read_in_little_memory(
    gocron: Gocron, journal: Path
) -> None:
    longest = posted("cronname=" + "\x01" * 16_000)
    append(journal, *[longest] * (2 * BATCH), line("last"))
    most = memory_of(lambda: replay(gocron))
    assert set(heard(gocron)) == {"last"}
    assert journal.stat().st_size > 90_000_000
    assert most < 8_000_000


def memory_of(work: object) -> int:
    """Return how many bytes `work` held at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# A line at which gocron itself fails


class Boom(Exception):
    """A bug that nobody expected."""


def broken_at(monkeypatch: pytest.MonkeyPatch, room: object, name: str, *cronnames: str) -> None:
    """Let a function of gocron meet a bug where it is given anything of these jobs."""
    works = getattr(room, name)

    def broken(*args: object) -> object:
        if any(f"'{cronname}" in repr(args) for cronname in cronnames):
            raise Boom
        return works(*args)

    monkeypatch.setattr(room, name, broken)


BUGS = [(late_checkins, "_keep"), (checkin_row, "row_of"), (gocron_journal, "read_checkin")]


@pytest.mark.parametrize(("room", "name"), BUGS, ids=[name for _, name in BUGS])
def test_a_line_that_meets_a_bug_is_kept_by_a_fixed_version_and_all_others_at_once(
    gocron: Gocron,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    room: object,
    name: str,
) -> None:
    append(journal, line("a"), line("bad"), line("c"))
    with monkeypatch.context() as version:
        broken_at(version, room, name, "bad")
        (complaint,) = replay(gocron)
        assert "bug: Boom()" in complaint and str(journal) in complaint
        assert "not known" not in caplog.text
        assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [Boom]
        assert set(heard(gocron)) == {"a", "c"}
        # What comes after it is kept, and nothing is read twice.
        append(journal, line("d"))
        assert replay(gocron) == []
        assert set(heard(gocron)) == {"a", "c", "d"}
        # It is met again, and stays.
        assert len(replay(gocron, NOON + 2 * HOUR)) == 1
    assert replay(gocron, NOON + 2 * HOUR + 60) == []
    assert "bad" not in heard(gocron)
    assert replay(gocron, NOON + 3 * HOUR) == []
    assert heard(gocron)["bad"] == NOON
    assert len(gocron.rows("journal")) == 1


def test_a_job_that_was_forgotten_does_not_come_back_with_a_line_that_was_left(
    gocron: Gocron, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(journal, line("bad"), line("c"))
    with monkeypatch.context() as version:
        broken_at(version, checkin_row, "row_of", "bad")
        replay(gocron)
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", "c")
    replay(gocron, NOON + 2 * HOUR)
    assert set(heard(gocron)) == {"bad"}


def test_a_journal_full_of_lines_that_meet_a_bug_waits_whole_for_a_fixed_version(
    gocron: Gocron, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_files, "BATCH", 2)
    monkeypatch.setattr(gocron_journal, "LEFT_LIMIT", 4)
    append(journal, *(line(f"bad-{number}") for number in range(20)))
    with monkeypatch.context() as version:
        broken_at(version, checkin_row, "row_of", "bad")
        for at in range(60, 600, 60):
            assert replay(gocron, NOON + at)
        assert len(gocron.rows("journal")) <= 5
    replay(gocron, NOON + 2 * HOUR)
    assert len(heard(gocron)) == 20


def test_what_the_database_can_not_hold_is_no_bug_and_is_read_once(
    gocron: Gocron, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(journal, line("a"), line("huge", at=10**18), line("c"))
    assert replay(gocron) == []
    assert set(heard(gocron)) >= {"a", "c"}
    assert not [record for record in caplog.records if record.exc_info]
    assert len(gocron.rows("journal")) == 1
