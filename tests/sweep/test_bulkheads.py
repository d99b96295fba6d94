"""What is bad by itself is told in one line; everybody else gets his alert in the same sweep."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gocron import sweep as gocron_sweep
from gocron.core.job import Job, Status
from gocron.core.judge import judge
from gocron.errors import ExitStatus
from gocron.render.page import account_file
from gocron.store import episodes, jobs
from gocron.store import verdicts as rows
from gocron.store.schema import open_store
from gocron.sweep import publish, rehearse, sites, verdicts
from gocron.sweep.world import World
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world

LATE = NOON + HOUR + 1


class Boom(Exception):
    """A bug that nobody expected."""


def fails_at(
    monkeypatch: pytest.MonkeyPatch, room: object, name: str, is_bad: Callable[..., bool]
) -> None:
    """Let a function of gocron meet a bug where `is_bad` says so of what it is given."""
    works = getattr(room, name)

    def broken(*args: object, **more: object) -> object:
        if is_bad(*args, **more):
            raise Boom(name)
        return works(*args, **more)

    monkeypatch.setattr(room, name, broken)


def is_bad(job: Job) -> bool:
    return job.cronname == "bad"


def go_silent(gocron: Gocron, *names: str) -> None:
    for name in names:
        gocron.hear(name, NOON, email=f"{name}@example.com")


def owners_told(gocron: Gocron) -> list[str]:
    """The jobs whose owners got a mail, one for each mail."""
    return sorted(to.partition("@")[0] for to in gocron.mail.recipients)


def change(gocron: Gocron, cronname: str, **columns: object) -> None:
    """Write to a job's row what this version never would."""
    job = gocron.store.tables.job
    values = {getattr(job, name): value for name, value in columns.items()}
    with gocron.store.connected():
        job.update(values).where(job.cronname == cronname).execute()


# One job


JUDGING = [
    (verdicts, "judge", lambda job, *_: is_bad(job)),
    (verdicts.Witnesses, "of", lambda _, job: is_bad(job)),
    (verdicts, "say_reason", lambda job, _: is_bad(job)),
    (episodes, "begin", lambda _, missed, *__: any(is_bad(one.job) for one in missed)),
    (verdicts, "_missed", lambda job, *_: is_bad(job)),
]


@pytest.mark.parametrize(("room", "name", "bad"), JUDGING, ids=[name for _, name, _ in JUDGING])
def test_a_job_that_can_not_be_judged_keeps_nobody_else_from_his_alert(
    gocron: Gocron,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    room: object,
    name: str,
    bad: Callable[..., bool],
) -> None:
    go_silent(gocron, "a", "bad", "c")
    with monkeypatch.context() as version:
        fails_at(version, room, name, bad)
        swept = gocron.sweep(LATE)
        assert owners_told(gocron) == ["a", "c"]
        assert swept.begun == 2
        (complaint,) = swept.complaints
        assert "bad (web-01): bug: Boom(" in complaint
        assert complaint.endswith("put off for an hour")
        assert swept.status == ExitStatus.BUG
        assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [Boom]
        # It is put off, and nobody hears of it at each sweep.
        assert gocron.job("bad").spared is Status.HELD
        assert gocron.sweep(LATE + 60).complaints == []
    # A fixed version finds it without help.
    gocron.sweep(LATE + HOUR + 1)
    assert owners_told(gocron) == ["a", "bad", "c"]


def test_a_job_that_can_not_be_spared_keeps_nobody_else_from_his_alert(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    gocron.hear("office", NOON, frequency_s=6 * HOUR, site=True, address="192.0.2.1")
    gocron.hear("bad", NOON, address="192.0.2.1")
    go_silent(gocron, "a", "c")
    fails_at(
        monkeypatch,
        rows,
        "spare",
        lambda _, some: any(is_bad(one.job) for one in some),
    )
    swept = gocron.sweep(LATE)
    assert owners_told(gocron) == ["a", "c"]
    assert swept.status == ExitStatus.BUG
    assert gocron.job("bad").judge_at == LATE + HOUR


def test_a_thousand_bad_jobs_are_one_line_and_stop_no_batch_that_follows(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(verdicts, "BATCH", 4)
    for number in range(10):
        gocron.hear(f"bad-{number}", NOON, account="a")
    go_silent(gocron, "late")
    fails_at(monkeypatch, verdicts, "judge", lambda job, *_: job.cronname.startswith("bad"))
    swept = gocron.sweep(LATE)
    assert gocron.mail.told_names() == ["late"]
    (complaint,) = swept.complaints
    assert "bad-0 (a), bad-1 (a), bad-2 (a) and 7 more: bug" in complaint
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_job_that_was_put_off_and_checks_in_is_well(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_silent(gocron, "bad")
    fails_at(monkeypatch, verdicts, "judge", lambda job, *_: is_bad(job))
    gocron.sweep(LATE)
    gocron.hear("bad", LATE + 60)
    assert gocron.job("bad").spared is None
    assert gocron.job("bad").judge_at == LATE + 60 + HOUR


def test_an_episode_that_can_not_be_ended_keeps_no_other_open(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "BATCH", 1)
    go_silent(gocron, "a", "bad", "c")
    gocron.sweep(LATE)
    gocron.mail.received.clear()
    for at, name in enumerate(("bad", "a", "c")):
        gocron.hear(name, LATE + at, email=f"{name}@example.com")
    with monkeypatch.context() as version:
        fails_at(version, episodes, "end", lambda _, back, *__: any(map(is_bad, back)))
        swept = gocron.sweep(LATE + 60)
        assert swept.ended == 2
        assert swept.status == ExitStatus.BUG
        assert owners_told(gocron) == ["a", "c"]
    assert gocron.sweep(LATE + 120).ended == 1
    assert owners_told(gocron) == ["a", "bad", "c"]


def test_a_job_with_an_episode_that_was_never_closed_stops_nobody(gocron: Gocron) -> None:
    go_silent(gocron, "a", "bad", "c")
    episode = gocron.store.tables.episode
    with gocron.store.connected():
        job_id = jobs.find(gocron.store, "web-01", "bad").id
        opened = {"job_id": job_id, "missed_at": NOON, "last_seen_at": NOON, "reason": ""}
        episode.insert(opened).execute()
    swept = gocron.sweep(LATE)
    assert owners_told(gocron) == ["a", "c"]
    assert "bad (web-01)" in swept.complaints[0]
    assert swept.status != ExitStatus.OK


@pytest.mark.parametrize("column", ["frequency_s", "grace_s", "due_at", "last_seen_at"])
def test_a_row_that_holds_nonsense_stops_nobody(
    gocron: Gocron, database: str, column: str, tmp_path: Path
) -> None:
    go_silent(gocron, "a", "bad", "c")
    # SQLite takes any text for a number. Both take a number that is no time.
    nonsense = "soon" if database == "sqlite" else -(2**62)
    change(gocron, "bad", **{column: nonsense})
    gocron.sweep(LATE)
    assert {"a", "c"} <= set(owners_told(gocron))
    page = (tmp_path / "status" / account_file("web-01")).read_text()
    assert all(f">{name}<" in page.replace("\n", "").replace(" ", "") for name in ("a", "c"))


# A row of a later version


@pytest.mark.parametrize("spare", [{}, {"excused_until": NOON + 5, "excused_by": 7}])
def test_a_job_that_a_later_version_spares_is_left_to_it(gocron: Gocron, spare: dict) -> None:
    go_silent(gocron, "a", "bad", "c")
    change(gocron, "bad", reprieve="muted", **spare)
    before = gocron.rows("job")
    assert gocron.sweep(LATE).complaints == []
    gocron.sweep(LATE + 60)
    assert owners_told(gocron) == ["a", "c"]
    bad = [row for row in before if row["cronname"] == "bad"]
    assert [row for row in gocron.rows("job") if row["cronname"] == "bad"] == bad
    assert gocron.job("bad").spared is Status.UNKNOWN


def test_many_jobs_of_a_later_version_stall_no_batch(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "BATCH", 2)
    for number in range(6):
        gocron.hear(f"muted-{number}", NOON - 60)
        change(gocron, f"muted-{number}", reprieve="muted")
    go_silent(gocron, "a")
    gocron.sweep(LATE)
    assert gocron.mail.told_names() == ["a"]


def test_a_gateway_that_a_later_version_spares_stops_nobody_behind_it(gocron: Gocron) -> None:
    gocron.set(site_hold_max=60)
    gocron.hear("office", NOON, site=True, address="192.0.2.1")
    gocron.hear("backup", NOON, address="192.0.2.1")
    change(gocron, "office", reprieve="muted")
    assert gocron.sweep(LATE).complaints == []
    gocron.sweep(LATE + 120)
    assert gocron.mail.told_names() == ["backup"]


def test_a_missing_job_of_a_later_version_comes_back(gocron: Gocron) -> None:
    go_silent(gocron, "bad")
    gocron.sweep(LATE)
    change(gocron, "bad", reprieve="muted")
    gocron.hear("bad", LATE + 1)
    change(gocron, "bad", reprieve="muted")
    assert gocron.sweep(LATE + 60).ended == 1


# One step


STEPS = ["watch_fronts", "watch_sites", "end_episodes", "judge_overdue", "deliver_news"]
STEPS += ["tell_operator", "tell_former_recipients"]


@pytest.mark.parametrize("step", ["watch_fronts", "watch_sites", "replay_journal"])
def test_nobody_is_told_of_while_it_is_not_known_who_was_heard_for_an_hour_at_most(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    go_silent(gocron, "a")
    well_at = NOON + 600
    gocron.sweep(well_at)
    fails_at(monkeypatch, gocron_sweep, step, lambda *_: True)
    for at in (LATE, well_at + HOUR):
        assert gocron.sweep(at).status == ExitStatus.BUG
        assert gocron.mail.told_names() == []
    gocron.sweep(well_at + HOUR + 1)
    assert gocron.mail.told_names() == ["a"]


class Watched:
    """A world whose watchdog counts how often it is told that all is well."""

    def __init__(self, gocron: Gocron) -> None:
        self.well = 0
        self.world = replace(quiet_world(gocron.config), report_well=self.report)

    def report(self) -> None:
        self.well += 1


def sweep(gocron: Gocron, world: World, at: int = LATE) -> gocron_sweep.Swept:
    with gocron.store.connected():
        return gocron_sweep.sweep(gocron.store, gocron.config, lambda: at, world)


@pytest.mark.parametrize("step", [*STEPS, "drop_history", "replay_journal", "write_pages"])
def test_a_step_that_fails_stops_no_other_and_makes_no_sweep_that_is_well(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, step: str, tmp_path: Path
) -> None:
    go_silent(gocron, "a")
    watched = Watched(gocron)
    fails_at(monkeypatch, gocron_sweep, step, lambda *_: True)
    swept = sweep(gocron, watched.world)
    (complaint,) = swept.complaints
    assert f"bug: Boom('{step}')" in complaint
    assert swept.status == ExitStatus.BUG
    assert watched.well == 0
    assert gocron.mail.told_names() == ([] if step in ("deliver_news", "judge_overdue") else ["a"])
    assert (tmp_path / "status/index.html").exists() == (step != "write_pages")
    # What asks how old the last sweep is must not take half of one for a whole one.
    assert (gocron.rows("instance")[0]["swept_at"] is None) == (step != "write_pages")


def test_the_page_is_as_old_as_the_last_sweep_that_was_whole(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    age = tmp_path / "status/age.js"
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    assert f"swept:{NOON}," in age.read_text()
    with monkeypatch.context() as version:
        fails_at(version, gocron_sweep, "judge_overdue", lambda *_: True)
        gocron.sweep(NOON + 60)
        assert f"swept:{NOON}," in age.read_text()
        # What is known meanwhile is shown all the same.
        gocron.hear("restore", NOON + 60)
        gocron.sweep(NOON + 120)
        assert "restore" in (tmp_path / "status/index.html").read_text()
    gocron.sweep(NOON + 180)
    assert f"swept:{NOON + 180}," in age.read_text()


@pytest.mark.parametrize("database", ["postgres"])
def test_a_job_whose_row_another_holds_keeps_nobody_else_from_his_alert(
    gocron: Gocron, database_url: str
) -> None:
    go_silent(gocron, "a", "bad", "c")
    other = open_store(database_url)
    job = other.tables.job
    with other.connected(), other.writing():
        job.update({job.address: "192.0.2.9"}).where(job.cronname == "bad").execute()
        assert gocron.sweep(LATE).complaints == []
        assert owners_told(gocron) == ["a", "c"]
    gocron.sweep(LATE + 60)
    assert owners_told(gocron) == ["a", "bad", "c"]


def test_a_check_in_of_the_sweep_that_meets_a_bug_stops_no_step(gocron: Gocron) -> None:
    def knock(_: str) -> None:
        raise Boom("knock")

    go_silent(gocron, "a")
    swept = sweep(gocron, replace(quiet_world(gocron.config), knock=knock))
    assert gocron.mail.told_names() == ["a"]
    assert "checking in: bug: Boom('knock')" in swept.complaints[0]


def test_what_all_steps_meet_is_one_line(gocron: Gocron, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in STEPS:
        monkeypatch.setattr(gocron_sweep, step, lambda *_: {}["none"])
    (complaint,) = gocron.sweep(LATE).complaints
    assert complaint.startswith(
        "watching the fronts, watching sites, ending episodes and 4 more: bug: "
    )


def test_a_step_that_the_database_refuses_stops_no_other(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        gocron.store.db.execute_sql("SELECT * FROM nowhere")

    go_silent(gocron, "a")
    monkeypatch.setattr(gocron_sweep, "drop_history", refused)
    swept = gocron.sweep(LATE)
    assert gocron.mail.told_names() == ["a"]
    assert swept.status == ExitStatus.STORE
    assert "nowhere" in swept.complaints[0]


# One site


def test_a_bad_site_keeps_no_other_from_being_watched(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = {"bad": "one", "near": "one", "good": "other"}
    for at in (NOON, NOON + 3 * HOUR):
        for name, account in accounts.items():
            gocron.hear(name, at, account=account, site=True, address="192.0.2.1")
    bad_id = gocron.job("bad", "one").id
    with monkeypatch.context() as version:
        fails_at(
            version,
            sites,
            "_read_returns",
            lambda *known: bad_id in [one.site_id for one in known[2]],
        )
        swept = gocron.sweep(NOON + 3 * HOUR + 1)
        assert [row["job_id"] for row in gocron.rows("silence")] == [bad_id]
        assert swept.status == ExitStatus.BUG
    assert gocron.sweep(NOON + 3 * HOUR + 60).complaints == []
    assert gocron.rows("silence") == []


@pytest.mark.parametrize("step", ["_follow", "_follow_again"])
def test_a_bad_outage_keeps_no_other_site_from_being_watched(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Of two dead gateways a job behind each is heard again, and then no more."""
    for name, address in (("bad", "192.0.2.1"), ("good", "192.0.2.2")):
        gocron.hear(name, NOON, site=True, frequency_s=300, address=address)
        gocron.hear(f"behind-{name}", NOON, address=address)
    gocron.sweep(NOON + 400)
    for name, address in (("bad", "192.0.2.1"), ("good", "192.0.2.2")):
        gocron.hear(f"behind-{name}", NOON + 1800, address=address)
    bad_id = gocron.job("bad").id
    with monkeypatch.context() as version:
        fails_at(version, sites, step, lambda *known: bad_id in known[2])
        assert gocron.sweep(NOON + 1810).status == ExitStatus.BUG
        gocron.sweep(NOON + 2400)
    last_of = {row["site_id"]: row["ended_at"] for row in gocron.rows("outage")}
    assert last_of[gocron.job("good").id] is None, "it is seen to be gone again"
    gocron.sweep(NOON + 2460)
    assert len([row for row in gocron.rows("outage") if row["site_id"] == bad_id]) == 2


# One page


def test_an_account_page_that_can_not_be_written_keeps_no_other_from_it(
    gocron: Gocron, tmp_path: Path
) -> None:
    for account in ("a", "bad", "c"):
        gocron.hear("backup", NOON, account=account)
    in_the_way = tmp_path / "status" / account_file("bad")
    in_the_way.mkdir(parents=True)
    (in_the_way / "file").touch()
    swept = gocron.sweep(NOON)
    for account in ("a", "c"):
        assert (tmp_path / "status" / account_file(account)).is_file()
    assert (tmp_path / "status/index.html").exists()
    (complaint,) = swept.complaints
    assert "the page of bad: " in complaint and "can't write the status page" in complaint
    assert swept.status == ExitStatus.CONFIG
    (in_the_way / "file").unlink()
    in_the_way.rmdir()
    # Nothing of the account has changed since: it is found again all the same.
    assert gocron.sweep(NOON + 600).complaints == []
    assert in_the_way.is_file()


@pytest.mark.parametrize("file", ["style.css", "page.js", "age.js", "index.html"])
def test_a_file_of_the_page_that_can_not_be_written_keeps_no_other_from_it(
    gocron: Gocron, tmp_path: Path, file: str
) -> None:
    gocron.hear("backup", NOON)
    (tmp_path / "status" / file / "in the way").mkdir(parents=True)
    swept = gocron.sweep(NOON)
    written = {path.name for path in (tmp_path / "status").iterdir() if path.is_file()}
    assert written >= {"style.css", "page.js", "age.js", "index.html"} - {file}
    assert swept.status == ExitStatus.CONFIG


def test_what_a_killed_sweep_left_and_nobody_can_remove_stops_no_page(
    gocron: Gocron, tmp_path: Path
) -> None:
    left = tmp_path / "status/.index.html.0a1b2c.new"
    left.mkdir(parents=True)
    os.utime(left, (NOON - 2 * HOUR, NOON - 2 * HOUR))
    gocron.hear("backup", NOON)
    assert gocron.sweep(NOON).complaints == []
    assert (tmp_path / "status/index.html").exists()


def test_a_page_that_can_not_be_rendered_keeps_no_other_from_it(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for account in ("a", "bad", "c"):
        gocron.hear("backup", NOON, account=account)
    with monkeypatch.context() as version:
        fails_at(version, publish, "account_html", lambda _, page: page.account.name == "bad")
        swept = gocron.sweep(NOON)
        assert swept.status == ExitStatus.BUG
    for account in ("a", "c"):
        assert (tmp_path / "status" / account_file(account)).is_file()
    assert not (tmp_path / "status" / account_file("bad")).exists()
    assert "backup" in (tmp_path / "status/index.html").read_text()
    gocron.sweep(NOON + 600)
    assert (tmp_path / "status" / account_file("bad")).exists()


def test_a_job_that_can_not_be_shown_is_left_out_of_the_page_and_told_of(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_silent(gocron, "first", "bad", "last")
    fails_at(monkeypatch, publish, "standing", lambda job, _: is_bad(job))
    swept = gocron.sweep(NOON)
    for file in ("index.html", account_file("web-01")):
        page = (tmp_path / "status" / file).read_text()
        assert "first" in page and "last" in page
    (complaint,) = swept.complaints
    assert complaint.startswith("showing bad (web-01): bug: ")


def test_a_template_of_the_site_that_does_not_work_stops_no_alert(
    gocron: Gocron, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/account.html.j2").write_text("{{ nothing.at.all }}")
    gocron.set(reports_dir=str(tmp_path / "reports"))
    go_silent(gocron, "a")
    swept = gocron.sweep(LATE)
    assert gocron.mail.told_names() == ["a"]
    assert (tmp_path / "status/index.html").exists()
    assert "account.html.j2:1" in swept.complaints[0]
    assert swept.status == ExitStatus.CONFIG


# What people ask


def test_a_rehearsal_tells_of_the_job_that_can_not_be_judged_and_of_all_others(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_silent(gocron, "a", "bad", "c")
    world = quiet_world(gocron.config)
    fails_at(monkeypatch, verdicts, "judge", lambda job, *_: is_bad(job))
    fails_at(monkeypatch, rehearse, "judge", lambda job, *_: is_bad(job))
    with gocron.store.connected():
        lines = rehearse.rehearse(gocron.store, gocron.config, lambda: LATE, world=world)
        told = rehearse.explain(
            gocron.store, gocron.config, "web-01", "bad", lambda: LATE, world=world
        )
    assert [line for line in lines if "complain" in line and "bad (web-01): bug" in line]
    assert sum("is missing" in line for line in lines) == 2
    assert any(line.startswith("complaint:") and "bug: Boom" in line for line in told)
    assert gocron.job("bad").spared is None


def test_it_is_explained_that_a_job_is_left_to_a_later_version(gocron: Gocron) -> None:
    go_silent(gocron, "bad")
    change(gocron, "bad", reprieve="muted")
    world = quiet_world(gocron.config)
    with gocron.store.connected():
        told = rehearse.explain(
            gocron.store, gocron.config, "web-01", "bad", lambda: LATE, world=world
        )
    assert any(line.startswith("now:") and "a later gocron" in line for line in told)


def test_the_judgement_of_a_job_that_a_later_version_spares_is_its_own(gocron: Gocron) -> None:
    go_silent(gocron, "bad")
    change(gocron, "bad", reprieve="muted")
    job = gocron.job("bad")
    with gocron.store.connected():
        evidence = verdicts.Witnesses(gocron.store, LATE).of(job)
    judged = judge(job, LATE, evidence, verdicts.limits(gocron.config))
    assert (judged.status, judged.is_to_be_told) == (Status.UNKNOWN, False)
