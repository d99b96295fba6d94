"""The status page as files: whole at any moment, true, and written only where it changed."""

import json
import logging
import os
import re
from pathlib import Path

import pytest
from markupsafe import escape

from gocron.config import load_config
from gocron.core.checkin import CheckIn
from gocron.core.signal import FAIL, Signal
from gocron.errors import ExitStatus
from gocron.render.crontab import SAMPLE, check_in
from gocron.render.page import account_file
from gocron.store import counts, declarations, job_row
from gocron.store.schema import open_store
from gocron.sweep import sweep
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world


def folder(gocron: Gocron) -> Path:
    return Path(gocron.config.status_dir)


def page(gocron: Gocron, name: str = "index.html") -> str:
    return (folder(gocron) / name).read_text("utf-8")


def test_the_index_shows_what_is_missing_before_what_is_well(gocron: Gocron) -> None:
    gocron.hear("dead-one", NOON)
    gocron.hear("well-one", NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR)
    index = page(gocron)
    assert 0 < index.index("dead-one") < index.index("well-one")


def fail(gocron: Gocron, cronname: str, at: int, exit_status: str = "3", **told: object) -> None:
    gocron.hear(cronname, at, signal=Signal(FAIL, exit_status), **told)


def test_the_index_says_what_fails_beside_what_is_missing_and_missing_comes_first(
    gocron: Gocron,
) -> None:
    for name in ("dead-1", "dead-2"):
        gocron.hear(name, NOON)
    gocron.hear("broken", NOON + HOUR)
    fail(gocron, "broken", NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR)
    index = page(gocron)
    assert "2 jobs are missing, 1 fails.</h1>" in index
    assert 'data-stale="2 jobs were missing, 1 failed at the last sweep."' in index
    assert "<title>2 missing, 1 failing &middot; gocron</title>" in index
    assert "3 jobs, 2 missing, 1 failing" in index
    parts = [index.index(part) for part in ("<h2>Missing", "<h2>Failing", "<h2>Jobs")]
    assert parts == sorted(parts)
    (row,) = re.findall(r'<tr class="failing">.*?</tr>', index[parts[1] : parts[2]], re.DOTALL)
    assert re.findall(r"\d\d:\d\d:\d\d", re.sub(r'"[^"]*"', "", row)) == [
        *("16:13:20", "15:13:20", "16:13:20"),
    ], "failing since, last ok, last heard"
    assert "exit status 3" in row


@pytest.mark.parametrize("name", ["index.html", account_file("web-01")])
def test_a_job_that_fails_stands_as_failing_with_last_ok_and_last_heard(
    gocron: Gocron, name: str
) -> None:
    gocron.hear("backup", NOON)
    fail(gocron, "backup", NOON + HOUR, "TERM")
    gocron.sweep(NOON + HOUR)
    shown = page(gocron, name)
    row = shown[shown.rindex('<tr class="failing">') :]
    assert '<small class="how">killed by TERM</small>' in row
    assert "<td>failing</td>" in row
    assert row.index("15:13:20") < row.index("last ok") < row.index("14:13:20")
    assert "1 failing" in shown


def test_a_job_that_is_missing_and_fails_is_shown_as_both(gocron: Gocron) -> None:
    fail(gocron, "backup", NOON)
    gocron.sweep(NOON)
    gocron.sweep(NOON + 2 * HOUR)
    index = page(gocron)
    assert "1 job is missing, 1 fails.</h1>" in index
    assert index.count('<tr class="missing">') == 3, "among missing, failing and all jobs"
    assert "<i>failing</i>" in index
    assert "<i>missing</i>" in index
    assert '<small class="how">failing, exit status 3</small>' in index
    assert "last ok never" in index


def test_the_pages_are_written_when_a_job_fails_and_when_it_works_again(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    # Whose turn it is not: only a change has this page written.
    pages = folder(gocron) / account_file("web-01")
    for at, signal in ((NOON + 600, Signal(FAIL, "3")), (NOON + 1200, Signal())):
        before = pages.read_text("utf-8")
        gocron.hear("backup", at, signal=signal)
        gocron.sweep(at)
        assert pages.read_text("utf-8") != before, at
    assert "failing" not in pages.read_text("utf-8")
    assert "Nothing is missing.</h1>" in page(gocron)


def test_a_job_that_was_only_declared_is_unheard(gocron: Gocron) -> None:
    with gocron.store.connected():
        told = CheckIn("web-01", "backup", "ops@example.com", HOUR, None, None, "", NOON)
        declarations.declare(gocron.store, told)
    gocron.sweep(NOON)
    assert "<td>unheard</td>" in page(gocron)
    gocron.hear("backup", NOON + 60)
    gocron.sweep(NOON + 60)
    assert "<td>up</td>" in page(gocron)
    assert "unheard" not in page(gocron)


def test_what_a_run_printed_is_not_on_the_page(gocron: Gocron) -> None:
    gocron.hear("backup", NOON, signal=Signal(FAIL, "3", output="password=secret"))
    gocron.sweep(NOON)
    assert "secret" not in page(gocron) + page(gocron, account_file("web-01"))


def test_each_account_has_a_page_until_its_last_job_is_forgotten(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    assert "backup" in page(gocron, account_file("web-01"))
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", "backup")
    gocron.sweep(NOON + 60)
    assert not (folder(gocron) / account_file("web-01")).exists()


def test_an_upgrade_leaves_no_page_under_a_name_that_is_no_more(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON, account="web-02")
    gocron.sweep(NOON)
    progress = folder(gocron) / ".published.json"
    before = json.loads(progress.read_text())
    del before["naming"]
    progress.write_text(json.dumps(before))
    now_called = folder(gocron) / account_file("web-01")
    now_called.rename(now_called.with_name("web-01-1a2b3c4d5e.html"))
    gocron.sweep(NOON + 60)
    written = {path.relative_to(folder(gocron)) for path in folder(gocron).glob("account/*")}
    assert written == {Path(account_file("web-01")), Path(account_file("web-02"))}
    gocron.sweep(NOON + 120)
    assert now_called.exists()


@pytest.mark.parametrize(
    ("public_url", "shown"),
    [
        ("", "http://gocron.example.com:8080/"),
        ("https://cron.example.net/status/", "https://cron.example.net/"),
        ("http://ops:secret@192.0.2.1:8443/status", "http://192.0.2.1:8443/"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
    ],
)
def test_the_page_without_a_job_shows_how_to_check_in_here(
    gocron: Gocron, public_url: str, shown: str
) -> None:
    gocron.set(public_url=public_url)
    gocron.sweep(NOON)
    assert str(escape(check_in(shown, SAMPLE))) in page(gocron)
    assert "secret" not in page(gocron)


def test_an_account_page_in_which_nothing_changed_is_not_written_again(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON, account="web-02")
    gocron.sweep(NOON)
    before = (folder(gocron) / account_file("web-02")).stat().st_ino
    changed = (folder(gocron) / account_file("web-01")).stat().st_ino
    gocron.hear("backup", NOON + 60)
    gocron.sweep(NOON + 60)
    assert (folder(gocron) / account_file("web-02")).stat().st_ino == before
    assert (folder(gocron) / account_file("web-01")).stat().st_ino != changed


def test_files_are_readable_by_the_web_server_and_nothing_half_done_is_left(
    gocron: Gocron,
) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    files = [path for path in folder(gocron).rglob("*") if path.is_file()]
    hidden = {path.name for path in files if path.name.startswith(".")}
    assert hidden == {".published.json"}
    assert all(path.stat().st_mode & 0o004 for path in files if path.suffix in (".html", ".css"))


def test_names_are_data_on_the_page(gocron: Gocron) -> None:
    hostile = "<script>alert(1)</script>"
    gocron.hear(hostile, NOON, account="../../etc/passwd")
    gocron.sweep(NOON + 2 * HOUR)
    everything = "".join(path.read_text() for path in folder(gocron).rglob("*.html"))
    assert hostile not in everything
    assert "&lt;script&gt;" in everything
    assert {path.parent.name for path in folder(gocron).rglob("*.html")} == {"status", "account"}


def test_undelivered_news_is_on_the_page(gocron: Gocron) -> None:
    gocron.mail.stop()
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + 2 * HOUR)
    assert "ops@example.com" in page(gocron)


def test_a_folder_that_cannot_be_written_is_named(gocron: Gocron, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    gocron.set(status_dir=str(tmp_path / "file"))
    swept = gocron.sweep(NOON)
    (complaint,) = swept.complaints
    assert "file" in complaint and "status_dir" in complaint
    assert swept.status == ExitStatus.CONFIG


def test_without_a_folder_no_page_is_written(gocron: Gocron) -> None:
    was = folder(gocron)
    gocron.set(status_dir="")
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    assert not was.exists()


def test_another_hosts_page_gets_the_changes_that_this_hosts_sweep_counted(
    gocron: Gocron, tmp_path: Path
) -> None:
    here, there = gocron.config.status_dir, str(tmp_path / "there")
    gocron.hear("backup", NOON)
    gocron.set(status_dir=there)
    gocron.sweep(NOON)
    gocron.set(status_dir=here)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.set(status_dir=there)
    gocron.sweep(NOON + 2 * HOUR + 30)
    assert "backup" in page(gocron)
    assert (Path(there) / account_file("web-01")).read_text() == (
        Path(here) / account_file("web-01")
    ).read_text()


def test_counts_follow_every_change_of_a_job(gocron: Gocron) -> None:
    for number in range(3):
        gocron.hear(f"job-{number}", NOON)
    gocron.hear("other", NOON, account="web-02")
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear("job-0", NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR + 1)
    with gocron.store.connected():
        totals = counts.totals(gocron.store)
        counted = {
            account.name: (account.jobs, account.missing)
            for account in counts.in_turn(gocron.store, "")
        }
    assert (totals.accounts, totals.jobs, totals.missing) == (2, 4, 3)
    assert counted == {"web-01": (3, 2), "web-02": (1, 1)}
    assert totals.swept_at == NOON + 2 * HOUR + 1


def test_fifty_thousand_jobs_keep_the_index_below_a_megabyte(gocron: Gocron) -> None:
    if gocron.store.is_postgres:
        statement = "(%s,%s,'ops@example.com',3600,'203.0.113.9',1,1,{})"
    else:
        statement = "(?,?,'ops@example.com',3600,'203.0.113.9',1,1,{})"
    fill(gocron, statement)
    gocron.sweep(NOON)
    sizes = {path.name: path.stat().st_size for path in folder(gocron).rglob("*.html")}
    assert sizes["index.html"] < 1_000_000
    assert len(sizes) == 500 + 2
    assert page(gocron).count("job-") >= 100


def fill(gocron: Gocron, values: str) -> None:
    """Add 500 accounts of 100 jobs, one in ten of them overdue at NOON."""
    with gocron.store.connected(), gocron.store.writing():
        for number in range(50_000):
            due = NOON - 1 if number % 100 < 10 else NOON + HOUR
            gocron.store.db.execute_sql(
                "INSERT INTO job (account, cronname, email, frequency_s, address, created_at,"
                f" last_seen_at, due_at) VALUES {values.format(due)}",
                (f"web-{number // 100:03}", f"job-{number % 100}"),
            )


def test_a_page_goes_on_where_the_sweep_before_ended(gocron: Gocron, database_url: str) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    again = open_store(database_url)
    with again.connected():
        sweep(again, gocron.config, lambda: NOON + 60, quiet_world(gocron.config))
    assert "backup" in page(gocron)


def test_more_changed_accounts_than_a_sweep_has_time_for_are_written_by_the_next_ones(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    gocron.hear("first", NOON)
    gocron.sweep(NOON)
    monkeypatch.setattr("gocron.sweep.publish.ROWS_CHANGED", 3)
    monkeypatch.setattr("gocron.sweep.publish.ROWS_IN_TURN", 1)
    names = [f"web-{number}" for number in range(10, 20)]
    for name in names:
        gocron.hear("backup", NOON + 1, account=name)
    written = []
    for late in range(5):
        gocron.sweep(NOON + 60 * late + 1)
        written.append(sum((folder(gocron) / account_file(name)).exists() for name in names))
    assert written[0] < 10
    assert written[-1] == 10


def test_what_another_sweep_is_writing_stays_whatever_the_databases_clock_says(
    gocron: Gocron,
) -> None:
    gocron.sweep(NOON)
    unfinished, abandoned = (folder(gocron) / f".index.html.{name}.new" for name in ("1", "2"))
    for path in (unfinished, abandoned):
        path.write_text("")
    os.utime(abandoned, (NOON, NOON))
    gocron.sweep(NOON + 10 * 365 * 24 * HOUR)
    assert (unfinished.exists(), abandoned.exists()) == (True, False)


def test_a_quiet_sweep_with_its_page_looks_through_no_table_that_grows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'gocron.db'}")
    config = load_config(environment={"GC_STATUS_DIR": str(tmp_path / "status")})
    with store.connected():
        sweep(store, config, lambda: NOON, quiet_world(config))
        caplog.set_level(logging.DEBUG, "peewee")
        sweep(store, config, lambda: NOON + 60, quiet_world(config))
        asked = [record.msg for record in caplog.records if record.name == "peewee"]
        scans = [
            (step, sql)
            for sql, parameters in asked
            if re.search('FROM "(job|episode|news|account|outage|presence)"', sql)
            for *_, step in store.db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            if step.startswith("SCAN")
        ]
    # These indexes hold what waits, and nothing else.
    whole = [one for one in scans if not one[0].endswith(("job_reprieve", "news_open"))]
    assert scans
    assert whole == []
