"""What spares an overdue job is kept where it is true still, and of that job alone."""

import pytest

from gocron.core.job import Channel, Job, Status
from gocron.core.judge import RestsOn
from gocron.core.outage import Outage
from gocron.store import checkins, episodes, jobs, outages, reprieves
from gocron.store.database import Store
from gocron.store.episodes import Missed
from gocron.store.reprieves import Spared
from tests.store.conftest import NOON, checkin

LATER = NOON + 86_400


def hear(store: Store, name: str, **told: object) -> Job:
    store.write(lambda: checkins.record(store, [checkin(name, NOON, **told)]))
    return job(store, name)


def job(store: Store, name: str) -> Job:
    return jobs.find(store, "web-01", name)


def site_outage(store: Store, gateway: Job) -> int:
    store.write(lambda: outages.keep(store, [Outage(0, gateway.id, NOON, None)]))
    return outages.lasting(store)[gateway.id].id


def spare(store: Store, one: Job, status: Status, rests_on: RestsOn, by: int | None = None) -> bool:
    until = None if by is None else LATER
    kept = reprieves.spare(store, {rests_on: [Spared(one, status, LATER, until, by)]})
    return [each.id for each in kept] == [one.id]


def test_nobody_waits_for_an_outage_that_has_ended_since_it_was_judged(store: Store) -> None:
    with store.connected():
        office, backup = hear(store, "office", site=True), hear(store, "backup")
        lasts = site_outage(store, office)
        ended = Outage(lasts, office.id, NOON, NOON + 60)
        store.write(lambda: outages.end(store, ended))
        assert not spare(store, backup, Status.SUPPRESSED, RestsOn((lasts,)))
        assert job(store, "backup") == backup


@pytest.mark.parametrize("false", ["an outage", "news", "a gateway"])
def test_what_one_judgement_rests_on_is_nothing_to_another(store: Store, false: str) -> None:
    """Both are kept in one transaction, where the ground of one is true no more."""
    with store.connected():
        office = hear(store, "office", site=True)
        backup, rotate = hear(store, "backup"), hear(store, "rotate")
        lost = {
            "an outage": RestsOn(outages=(99,)),
            "news": RestsOn(told=(office.id,)),
            "a gateway": RestsOn(suppressed=(office.id,)),
        }[false]
        groups = {
            lost: [Spared(backup, Status.SUPPRESSED, LATER, None, None)],
            RestsOn((site_outage(store, office),)): [
                Spared(rotate, Status.SUPPRESSED, LATER, None, None)
            ],
        }
        assert [one.cronname for one in reprieves.spare(store, groups)] == ["rotate"]
        assert job(store, "backup").reprieve is None
        assert job(store, "rotate").reprieve is Status.SUPPRESSED


@pytest.mark.parametrize(
    ("floor_is", "looked_at_again"), [(Status.EXCUSED, True), (Status.SUPPRESSED, False)]
)
def test_who_waits_for_a_gateway_is_looked_at_again_once_that_waits_no_more(
    store: Store, floor_is: Status, looked_at_again: bool
) -> None:
    with store.connected():
        floor, camera = hear(store, "floor", site=True), hear(store, "camera", gateway="floor")
        for one in (floor, camera):
            assert spare(store, one, Status.SUPPRESSED, RestsOn())
        assert spare(store, job(store, "floor"), floor_is, RestsOn())
        assert (job(store, "camera").judge_at == camera.due_at) == looked_at_again


def test_an_outage_counts_each_job_that_it_excused_once(store: Store) -> None:
    with store.connected():
        outage = site_outage(store, hear(store, "office", site=True))
        for one in (hear(store, "backup"), hear(store, "rotate"), hear(store, "report")):
            by = None if one.cronname == "report" else outage
            assert spare(store, one, Status.EXCUSED, RestsOn(), by)
        assert spare(store, job(store, "backup"), Status.EXCUSED, RestsOn(), outage)
        (row,) = store.tables.outage.select().where(store.tables.outage.id == outage)
        assert row["excused"] == 2


def test_an_episode_keeps_the_excuse_of_its_own_job_and_no_others(store: Store) -> None:
    with store.connected():
        some = [hear(store, name) for name in ("backup", "rotate", "report")]
        missed = [
            Missed(one, "no check-in", excused_until=LATER if one.cronname == "rotate" else None)
            for one in some
        ]
        assert len(episodes.begin(store, missed, LATER, Channel.MAIL)) == 3
        kept = {one.cronname: job(store, one.cronname).excused_until for one in some}
        assert kept == {"backup": None, "rotate": LATER, "report": None}
