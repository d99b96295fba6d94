"""What spares an overdue job is kept where it is true still, and of that job alone."""

import pytest

from gocron.core.channel import MAIL
from gocron.core.job import Job, Status
from gocron.core.outage import Outage
from gocron.store import checkins, episodes, jobs, outages, verdicts
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.store.verdicts import PUT_OFF_S, Spared
from tests.store.conftest import NOON, checkin

LATER = NOON + 86_400


def hear(store: Store, name: str, **told: object) -> Job:
    store.write(lambda tx: checkins.record(tx, [checkin(name, NOON, **told)]))
    return job(store, name)


def job(store: Store, name: str) -> Job:
    return jobs.find(store, "web-01", name)


def site_outage(store: Store, gateway: Job) -> int:
    store.write(lambda tx: outages.keep(tx, [Outage(0, gateway.id, NOON, None)]))
    return outages.lasting(store)[gateway.id].id


def spare(store: Store, one: Job, status: Status, by: int | None = None) -> bool:
    until = None if by is None else LATER
    return [each.id for each in verdicts.spare(store, [Spared(one, status, until, by)])] == [one.id]


@pytest.mark.parametrize("status", [Status.HELD, Status.SUPPRESSED])
def test_who_waits_is_written_once_and_judged_by_each_sweep(store: Store, status: Status) -> None:
    now = NOON + 2 * 3600
    with store.connected():
        assert spare(store, hear(store, "backup"), status)
        for _ in range(2):
            (backup,) = verdicts.overdue(store, now)
            assert backup.spared is status
            assert not spare(store, backup, status)


@pytest.mark.parametrize("status", [Status.HELD, Status.SUPPRESSED])
def test_who_waited_for_long_by_the_version_before_is_judged_by_the_next_sweep(
    store: Store, status: Status
) -> None:
    now = NOON + 2 * 3600
    job_ = store.tables.job
    with store.connected():
        for name in ("a", "backup", "rotate", "z"):
            hear(store, name)
        ahead = {job_.reprieve: status.value, job_.judge_at: now + 20 * 3600}
        job_.update(ahead).where(job_.cronname.in_(["backup", "rotate"])).execute()
        after, found = None, []
        while some := verdicts.overdue(store, now, 3, after):
            after = some[-1].judge_at, some[-1].id
            found += [one.cronname for one in some]
        assert found == ["a", "z", "backup", "rotate"]
        # And should that version go on alone, it finds what this one has written.
        spared = job(store, "backup")
        other = Status.HELD if status is Status.SUPPRESSED else Status.SUPPRESSED
        assert spare(store, spared, other)
        assert job(store, "backup").judge_at == spared.due_at


def test_who_was_put_off_is_left_alone_until_then(store: Store) -> None:
    now = NOON + 2 * 3600
    with store.connected():
        verdicts.put_off(store, [hear(store, "backup")], now)
        for late_s in (-600, 0, 60, PUT_OFF_S):
            assert verdicts.overdue(store, now + late_s) == []
        assert len(verdicts.overdue(store, now + PUT_OFF_S + 1)) == 1


def test_who_is_held_until_gocron_can_be_reached_is_left_alone_and_nobody_else(
    store: Store,
) -> None:
    now = NOON + 3600 + 100
    with store.connected():
        for name in ("before", "held", "new"):
            hear(store, name)
        store.write(
            lambda tx: checkins.record(tx, [checkin("held", NOON + 30), checkin("new", NOON + 30)])
        )
        for name in ("before", "held"):
            assert spare(store, job(store, name), Status.HELD)
        judged = verdicts.overdue(store, now, away_since=NOON + 3600 + 30)
        assert [one.cronname for one in judged] == ["before", "new"]
        assert len(verdicts.overdue(store, now)) == 3


def test_an_outage_counts_each_job_that_it_excused_once(store: Store) -> None:
    with store.connected():
        outage = site_outage(store, hear(store, "office", site=True))
        for one in (hear(store, "backup"), hear(store, "rotate"), hear(store, "report")):
            by = None if one.cronname == "report" else outage
            assert spare(store, one, Status.EXCUSED, by)
        for again in (Status.HELD, Status.EXCUSED):
            assert spare(store, job(store, "backup"), again, outage)
        (row,) = store.tables.outage.select().where(store.tables.outage.id == outage)
        assert row["excused"] == 2


def test_an_episode_keeps_the_excuse_of_its_own_job_and_no_others(store: Store) -> None:
    with store.connected():
        some = [hear(store, name) for name in ("backup", "rotate", "report")]
        missed = [
            Silence(one, "no check-in", excused_until=LATER if one.cronname == "rotate" else None)
            for one in some
        ]
        assert len(episodes.begin(store, missed, LATER, MAIL)) == 3
        kept = {one.cronname: job(store, one.cronname).excused_until for one in some}
        assert kept == {"backup": None, "rotate": LATER, "report": None}
