"""A name has one spelling, though fronts of a version before run on and store it in others."""

from pathlib import Path

import pytest

from gocron.core.channel import MAIL
from gocron.core.job import Job
from gocron.core.name import normal
from gocron.core.signal import FAIL, Signal
from gocron.errors import UnknownJob
from gocron.render.page import account_file
from gocron.store import counts, episodes, job_row, jobs
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.sweep.rehearse import explain, rehearse
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world

MINUTE = 60
BOTH = COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
# A letter of another script, a sign that NFC writes in ASCII, and syllables.
OTHERS = [("\u304c", "\u304b\u3099"), ("5 K", "5 \u212a"), ("\ud55c", "\u1112\u1161\u11ab")]


def every_job(gocron: Gocron) -> list[Job]:
    with gocron.store.connected():
        return list(jobs.every_job(gocron.store))


def told_by_a_sweep_of_before(gocron: Gocron, cronname: str, at: int) -> None:
    """Begin an episode as a sweep does that takes each spelling for a job of its own."""
    with gocron.store.connected():
        (job,) = [one for one in jobs.every_job(gocron.store) if one.cronname == cronname]
        episodes.begin(gocron.store, [Silence(job, "no check-in")], at, MAIL)


def told(gocron: Gocron) -> list[tuple[str, str]]:
    """What each mail told: to whom, and whether a job is missing or back."""
    said = {"has not checked in": "missing", "is back": "back"}
    return [
        (to, kind)
        for to, mail in gocron.mail.received
        for words, kind in said.items()
        if words in mail["Subject"]
    ]


@pytest.mark.parametrize(("composed", "decomposed"), [BOTH, *OTHERS])
def test_nobody_is_told_of_a_job_whose_check_ins_come_by_fronts_of_two_versions(
    gocron: Gocron, composed: str, decomposed: str
) -> None:
    spellings = (composed, decomposed, decomposed, decomposed, composed, composed, composed)
    for number, spelling in enumerate(spellings):
        gocron.hear(spelling, NOON + number * HOUR, account=spelling)
        swept = gocron.sweep(NOON + number * HOUR + 59 * MINUTE)
        assert (swept.begun, swept.complaints) == (0, [])
        (job,) = every_job(gocron)
        assert (job.account, job.cronname) == (composed, composed)
        assert job.last_seen_at == NOON + number * HOUR
    assert job.created_at == NOON
    assert gocron.mail.mails == []


def test_a_job_that_only_fronts_of_before_heard_gets_its_name_and_keeps_its_past(
    gocron: Gocron,
) -> None:
    gocron.hear(DECOMPOSED, NOON, gateway=DECOMPOSED)
    gocron.sweep(NOON + 1)
    (job,) = every_job(gocron)
    assert (job.cronname, job.gateway, job.last_seen_at) == (COMPOSED, COMPOSED, NOON)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear(DECOMPOSED, NOON + 3 * HOUR)
    gocron.sweep(NOON + 3 * HOUR)
    assert told(gocron) == [("ops@example.com", "missing"), ("ops@example.com", "back")]


def test_a_silence_of_both_spellings_is_one_silence_and_ends_with_either(gocron: Gocron) -> None:
    gocron.hear(COMPOSED, NOON)
    gocron.hear(DECOMPOSED, NOON + 1)
    gocron.sweep(NOON + 2 * HOUR)
    assert told(gocron) == [("ops@example.com", "missing")]
    gocron.hear(DECOMPOSED, NOON + 3 * HOUR)
    gocron.sweep(NOON + 3 * HOUR + 1)
    assert told(gocron)[1:] == [("ops@example.com", "back")]
    assert every_job(gocron)[0].missed_at is None


@pytest.mark.parametrize(("failed", "works"), [BOTH, BOTH[::-1]])
def test_a_failure_of_either_spelling_is_told_once_and_ends_with_the_other(
    gocron: Gocron, failed: str, works: str
) -> None:
    failure = Signal(FAIL, "3")
    gocron.hear(works, NOON)
    gocron.hear(failed, NOON + 1, signal=failure)
    for minute in (1, 2):
        gocron.sweep(NOON + minute * MINUTE)
    gocron.hear(failed, NOON + 10 * MINUTE, signal=failure)
    gocron.sweep(NOON + 11 * MINUTE)
    gocron.hear(works, NOON + 20 * MINUTE)
    gocron.sweep(NOON + 21 * MINUTE)
    assert [mail["Subject"].rpartition(") ")[2] for mail in gocron.mail.mails] == [
        "failed with exit status 3",
        "works again after 19 min 59 s",
    ]
    assert every_job(gocron)[0].failing_since is None


@pytest.mark.parametrize(("silent", "heard"), [BOTH, BOTH[::-1]])
def test_whoever_was_told_of_one_spelling_hears_that_the_job_is_back_by_the_other(
    gocron: Gocron, silent: str, heard: str
) -> None:
    gocron.hear(silent, NOON)
    told_by_a_sweep_of_before(gocron, silent, NOON + HOUR + 1)
    gocron.hear(heard, NOON + HOUR + 30)
    gocron.sweep(NOON + HOUR + 60)
    assert sorted(row["kind"] for row in gocron.rows("news")) == ["missed", "recovered"]
    (episode,) = gocron.rows("episode")
    assert episode["ended_at"] == NOON + HOUR + 30
    gocron.sweep(NOON + HOUR + 120)
    assert len(gocron.mail.mails) == 1
    assert [job.missed_at for job in every_job(gocron)] == [None]


def test_of_two_silences_that_become_one_everybody_told_hears_the_end_once(
    gocron: Gocron,
) -> None:
    gocron.hear(COMPOSED, NOON, email="a@example.com, b@example.com")
    told_by_a_sweep_of_before(gocron, COMPOSED, NOON + HOUR + 1)
    gocron.hear(DECOMPOSED, NOON + 2, email="b@example.com, c@example.com")
    told_by_a_sweep_of_before(gocron, DECOMPOSED, NOON + HOUR + 3)
    news = gocron.store.tables.news
    with gocron.store.connected(), gocron.store.writing():
        news.update({news.sent_at: NOON + HOUR + 5, news.digest: "f00d"}).execute()
    assert gocron.sweep(NOON + 2 * HOUR).begun == 0
    assert told(gocron) == []
    assert len(every_job(gocron)) == 1
    gocron.hear(COMPOSED, NOON + 3 * HOUR, email="b@example.com, c@example.com")
    gocron.sweep(NOON + 3 * HOUR)
    assert sorted(told(gocron)) == [(f"{to}@example.com", "back") for to in "abc"]


def test_a_silence_that_the_newer_spelling_had_already_goes_on(gocron: Gocron) -> None:
    gocron.hear(COMPOSED, NOON)
    gocron.hear(DECOMPOSED, NOON + MINUTE)
    told_by_a_sweep_of_before(gocron, DECOMPOSED, NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.sweep(NOON + 3 * HOUR)
    (job,) = every_job(gocron)
    assert (job.cronname, job.missed_at, job.back_at) == (COMPOSED, NOON + MINUTE + HOUR, None)
    assert told(gocron) == [("ops@example.com", "missing")]


def test_a_silence_that_only_the_older_spelling_had_is_over(gocron: Gocron) -> None:
    gocron.hear(DECOMPOSED, NOON)
    told_by_a_sweep_of_before(gocron, DECOMPOSED, NOON + HOUR + 1)
    news = gocron.store.tables.news
    with gocron.store.connected(), gocron.store.writing():
        news.update({news.sent_at: NOON + HOUR + 1, news.digest: "f00d"}).execute()
    gocron.hear(COMPOSED, NOON + HOUR - 1)
    for minute in range(3):
        gocron.sweep(NOON + HOUR + (2 + minute) * MINUTE)
    assert told(gocron) == [("ops@example.com", "back")]
    (episode,) = gocron.rows("episode")
    assert episode["ended_at"] >= episode["missed_at"]


def test_what_a_job_declares_anew_by_another_spelling_is_told_to_its_former_recipient(
    gocron: Gocron,
) -> None:
    gocron.hear(COMPOSED, NOON, email="owner@example.com", gateway="router", grace_s=600)
    gocron.hear(DECOMPOSED, NOON + MINUTE, email="thief@example.com")
    gocron.sweep(NOON + 2 * MINUTE)
    assert gocron.mail.recipients == ["owner@example.com"]
    (job,) = every_job(gocron)
    assert (job.email, job.gateway, job.grace_s) == ("thief@example.com", "router", 600)


def test_a_job_that_names_its_gateway_otherwise_is_behind_it_still(gocron: Gocron) -> None:
    gocron.hear(COMPOSED, NOON, site=True, address="203.0.113.1")
    gocron.hear("backup", NOON, gateway=COMPOSED, address="203.0.113.2")
    gocron.sweep(NOON + 1)
    gocron.hear("backup", NOON + 2, gateway=DECOMPOSED, address="203.0.113.2")
    gocron.sweep(NOON + 2 * HOUR)
    assert [job.cronname for job in every_job(gocron) if job.missed_at] == [COMPOSED]
    assert gocron.mail.subjects == [f"[gocron] {COMPOSED} (web-01) has not checked in"]


def test_a_gateway_that_is_heard_by_another_spelling_ends_the_outage_of_its_site(
    gocron: Gocron,
) -> None:
    gocron.hear(COMPOSED, NOON, site=True, address="203.0.113.1")
    gocron.hear("backup", NOON, gateway=COMPOSED, address="203.0.113.2")
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear(DECOMPOSED, NOON + 3 * HOUR, site=True, address="203.0.113.1")
    gocron.hear("backup", NOON + 3 * HOUR, gateway=DECOMPOSED, address="203.0.113.2")
    gocron.sweep(NOON + 3 * HOUR + 1)
    assert [row["ended_at"] for row in gocron.rows("outage")] == [NOON + 3 * HOUR]
    assert [(job.cronname, job.missed_at, job.spared) for job in every_job(gocron)] == [
        ("backup", None, None),
        (COMPOSED, None, None),
    ]


def test_an_account_of_two_spellings_is_one_and_has_one_page(gocron: Gocron) -> None:
    for number, account in enumerate(BOTH):
        gocron.hear(f"job-{number}", NOON, account=account)
    folder = Path(gocron.config.status_dir)
    with gocron.store.connected():
        counts.fold_changes(gocron.store, NOON)
    gocron.sweep(NOON + 1)
    assert {job.account for job in every_job(gocron)} == {COMPOSED}
    with gocron.store.connected():
        counted = {one.name: one.jobs for one in counts.changed_since(gocron.store, 0)}
        assert counted == {COMPOSED: 2, DECOMPOSED: 0}
        assert counts.totals(gocron.store).jobs == 2
    assert (folder / account_file(COMPOSED)).exists()
    assert not (folder / account_file(DECOMPOSED)).exists()


def test_the_counts_are_right_when_two_missing_jobs_become_one(gocron: Gocron) -> None:
    for spelling in BOTH:
        gocron.hear(spelling, NOON, account=spelling)
        told_by_a_sweep_of_before(gocron, spelling, NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR)
    with gocron.store.connected():
        counted = {one.name: one.missing for one in counts.changed_since(gocron.store, 0)}
        assert counted == {COMPOSED: 1, DECOMPOSED: 0}
        assert counts.totals(gocron.store).missing == 1


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("held", BOTH)
def test_a_row_that_is_held_keeps_no_other_from_its_name(gocron: Gocron, held: str) -> None:
    for spelling in BOTH:
        gocron.hear(spelling, NOON)
    gocron.hear(f"{DECOMPOSED} 2", NOON)
    other = Store(gocron.config.database_url)
    job = other.tables.job
    with other.connected(), other.writing() as tx:
        list(tx.locked(job.select(job.id).where(job.cronname == held)))
        assert gocron.sweep(NOON + 1).complaints == []
    assert [one.cronname for one in every_job(gocron)] == [DECOMPOSED, COMPOSED, f"{COMPOSED} 2"]
    gocron.sweep(NOON + 2)
    assert [one.cronname for one in every_job(gocron)] == [COMPOSED, f"{COMPOSED} 2"]


def test_names_in_ascii_and_names_that_were_seen_to_are_looked_at_no_more(
    gocron: Gocron,
) -> None:
    gocron.hear("backup", NOON, gateway="router")
    assert gocron.rows("spelling") == []
    gocron.hear(COMPOSED, NOON, gateway=DECOMPOSED)
    gocron.hear("rotate", NOON, gateway=COMPOSED)
    assert len(gocron.rows("spelling")) == 2
    gocron.sweep(NOON + 1)
    for minute in range(3):
        gocron.hear(COMPOSED, NOON + minute, gateway=COMPOSED)
        assert gocron.rows("spelling") == []


def test_a_rehearsal_and_an_explanation_know_both_spellings_as_one_job(gocron: Gocron) -> None:
    gocron.hear(COMPOSED, NOON)
    gocron.hear(DECOMPOSED, NOON + HOUR)
    with gocron.store.connected():
        world = quiet_world(gocron.config)
        at = NOON + HOUR + 60
        assert rehearse(gocron.store, gocron.config, lambda: at, world=world) == []
        for spelling in BOTH:
            lines = explain(gocron.store, gocron.config, "web-01", spelling, lambda: at, world)
            assert any(line.startswith("now:") and "up" in line for line in lines)
    assert len(every_job(gocron)) == 2, "a rehearsal leaves no trace"


@pytest.mark.parametrize("stored", BOTH)
def test_people_reach_a_job_by_the_name_as_typed_or_else_by_its_spelling(
    gocron: Gocron, stored: str
) -> None:
    gocron.hear(stored, NOON, account=stored)
    store = gocron.store
    with store.connected():
        assert jobs.find(store, stored, stored).cronname == stored
        assert [job.cronname for job in jobs.every_job(store, stored)] == [stored]
        assert [job.cronname for job in jobs.every_job(store, DECOMPOSED)] == [stored]
        assert jobs.find(store, DECOMPOSED, DECOMPOSED).cronname == stored
        job_row.forget(store, DECOMPOSED, DECOMPOSED)
        with pytest.raises(UnknownJob):
            jobs.find(store, DECOMPOSED, DECOMPOSED)


def test_of_two_spellings_the_one_that_was_typed_is_forgotten(gocron: Gocron) -> None:
    for account in BOTH:
        for cronname in BOTH:
            gocron.hear(cronname, NOON, account=account)
    with gocron.store.connected():
        job_row.forget(gocron.store, COMPOSED, DECOMPOSED)
        assert job_row.forget_account(gocron.store, DECOMPOSED) == 2
    assert [(one.account, one.cronname) for one in every_job(gocron)] == [(COMPOSED, COMPOSED)]
    with gocron.store.connected():
        assert job_row.forget_account(gocron.store, DECOMPOSED) == 1


def test_a_name_that_can_not_be_spelled_is_told_in_one_line_and_keeps_no_other_from_its_name(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spelled(name: str) -> str:
        if name.endswith("bad"):
            raise TypeError("a bug at this name")
        return normal(name)

    gocron.hear(f"{DECOMPOSED} bad", NOON)
    for spelling in BOTH:
        gocron.hear(spelling, NOON)
    gocron.hear("silent", NOON - HOUR)
    monkeypatch.setattr("gocron.store.names.normal", spelled)
    swept = gocron.sweep(NOON + 1)
    (complaint,) = swept.complaints
    assert complaint.startswith(f"spelling {DECOMPOSED} bad (web-01): bug: TypeError")
    assert complaint.endswith("each sweep tries again")
    assert swept.begun == 1, "all others are judged"
    monkeypatch.undo()
    assert gocron.sweep(NOON + 2).complaints == []
    assert {one.cronname for one in every_job(gocron)} == {
        *("silent", COMPOSED, f"{COMPOSED} bad"),
    }
