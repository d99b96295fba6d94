"""An upgrade spells the names that a database holds as check-ins are spelled from now on."""

from dataclasses import replace

import peewee
import pytest

from gocron.core.channel import MAIL
from gocron.core.checkin import CheckIn, read_checkin
from gocron.core.job import Job
from gocron.store import checkins, counts, episodes, jobs, names, outbox
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.store.schema import HISTORY, upgrade
from tests.store.conftest import HOUR, NOON, checkin

BOTH = COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def upgraded(store: Store, *told: CheckIn) -> None:
    """Keep check-ins under the very names that an older version stored; then upgrade."""
    with store.connected():
        store.write(lambda tx: checkins.record(tx, told))
        counts.fold_changes(store, NOON)
        history = peewee.Table(HISTORY, ("name",)).bind(store.db)
        history.delete().where(history.name == "0010_names").execute()
        assert upgrade(store) == ["0010_names"]


def heard(store: Store, account: str, cronname: str, at: int) -> int | None:
    """Check in as a crontab line does that tells no more than the names."""
    told = read_checkin([("account", account), ("cronname", cronname)], "203.0.113.9", at)
    with store.connected():
        (due_at,) = store.write(lambda tx: checkins.record(tx, [told]))
    return due_at


def every_job(store: Store) -> list[Job]:
    with store.connected():
        return list(jobs.every_job(store))


@pytest.mark.parametrize("spelling", [COMPOSED, DECOMPOSED])
def test_either_spelling_reaches_the_job_of_before(store: Store, spelling: str) -> None:
    upgraded(store, checkin(DECOMPOSED, account=DECOMPOSED, gateway=DECOMPOSED))
    assert heard(store, spelling, spelling, NOON + 60) == NOON + 60 + HOUR
    (job,) = every_job(store)
    assert (job.account, job.cronname, job.gateway) == (COMPOSED,) * 3
    assert job.created_at == NOON


def test_spaces_around_a_name_that_are_none_to_a_database_go_too(store: Store) -> None:
    upgraded(store, checkin("\u00a0backup\u3000"), checkin(" rotate "))
    assert sorted(job.cronname for job in every_job(store)) == ["backup", "rotate"]


@pytest.mark.parametrize("name", ["backup", "日本語", "back\u200bup", "a\u00a0b", "\u00a0"])
def test_what_has_its_name_keeps_it_and_can_be_reached_by_it(store: Store, name: str) -> None:
    upgraded(store, checkin(name))
    (job,) = every_job(store)
    assert (job.cronname, job.account) == (name, "web-01")
    if name.strip():
        assert heard(store, "web-01", name, NOON + 60) == NOON + 60 + HOUR


@pytest.mark.parametrize("later", [COMPOSED, DECOMPOSED])
def test_of_two_jobs_that_become_one_the_one_heard_last_goes_on(store: Store, later: str) -> None:
    told = {name: checkin(name, email=f"{number}@x.org") for number, name in enumerate(BOTH)}
    told[later] = replace(told[later], seen_at=NOON + 1)
    upgraded(store, *told.values())
    (job,) = every_job(store)
    assert (job.cronname, job.last_seen_at) == (COMPOSED, NOON + 1)
    assert job.email == told[later].email


def test_an_open_episode_goes_on_under_the_new_name(store: Store) -> None:
    with store.connected():
        store.write(lambda tx: checkins.record(tx, [checkin(DECOMPOSED)]))
        (job,) = jobs.every_job(store)
        episodes.begin(store, [Silence(job, "no check-in")], NOON + HOUR + 1, MAIL)
    upgraded(store)
    with store.connected():
        (digest,) = (
            outbox.claim(store, waiting, NOON + 2 * HOUR)
            for waiting in outbox.due(store, NOON + 2 * HOUR)
        )
    assert [item.episode.job.cronname for item in digest.news] == [COMPOSED]


def test_jobs_with_episodes_are_made_one_by_a_sweep_so_that_their_end_can_be_told(
    store: Store,
) -> None:
    with store.connected():
        store.write(lambda tx: checkins.record(tx, [checkin(COMPOSED)]))
        (job,) = jobs.every_job(store)
        episodes.begin(store, [Silence(job, "no check-in")], NOON + HOUR + 1, MAIL)
    upgraded(store, checkin(DECOMPOSED, NOON + HOUR + 2), checkin(DECOMPOSED, account="other"))
    with store.connected():
        assert len(list(jobs.every_job(store))) == 3
        names.spell(store, names.queued(store, 10))
        assert names.queued(store, 10) == []
        _, job = jobs.every_job(store)
        (episode,) = episodes.of_job(store, job, 10)
        assert (job.cronname, job.back_at, episode.ended_at) == (COMPOSED, NOON + HOUR + 2, None)


def test_the_counts_of_accounts_follow_their_names(store: Store) -> None:
    upgraded(store, checkin(account=DECOMPOSED), checkin("other"))
    with store.connected():
        counts.fold_changes(store, NOON + 60)
        counted = {one.name: one.jobs for one in counts.changed_since(store, 0)}
        assert counted == {COMPOSED: 1, DECOMPOSED: 0, "web-01": 1}
        assert (counts.totals(store).jobs, counts.totals(store).accounts) == (2, 2)
