"""Who is behind a gateway, as the database is asked for it."""

import logging
from pathlib import Path

import pytest

from gocron.core.outage import Outage
from gocron.core.site import CROWD, Gateway, Named, SiteReport, Way
from gocron.store import checkins, sites
from gocron.store.database import Store
from gocron.store.heard import Heard
from gocron.store.schema import open_store
from tests.store.conftest import NOON, checkin

SEARCHED_BY = (
    "INDEX job_gateway (account=? AND gateway=?)",
    "INDEX job_network (account=? AND network=?)",
    "INDEX job_site (account=?)",
    "INDEX job_site (account=? AND network=?)",
    "INDEX sqlite_autoindex_moved_1 (job_id=?)",
    "INTEGER PRIMARY KEY (rowid=?)",
)
OFFICE, ELSEWHERE = "203.0.113.9", "198.51.100.7"


def hear(store: Store, *names: str, network: str = OFFICE, at: int = NOON, **told: object) -> None:
    for name in names:
        one = checkin(name, at, address=network, network=network, **told)
        store.write(lambda tx, one=one: checkins.record(tx, [one]))


def gateway(store: Store, name: str) -> Gateway:
    every = sites.gateways(store, ["web-01"])["web-01"]
    (found,) = (one for one in every if one.job.cronname == name)
    assert sites.some_gateways(store, [found.job.id]) == {found.job.id: found}, "however asked for"
    return found


def behind(store: Store, name: str) -> list[str]:
    """Who is behind it, as a mail counts them and as a sweep listens to them."""
    office = gateway(store, name)
    job = store.tables.job
    change = {job.missed_at: NOON, job.back_at: None}
    store.write(lambda tx: job.update(change).where(job.id != office.job.id).execute())
    missing = sites.report(store, office, [], 99).missing
    heard = Heard(store)
    assert bool(heard.since(office, 0)) == bool(missing.count)
    assert bool(sites.speaking(store, [office])) == bool(missing.count)
    return list(missing.names)


def test_the_address_of_a_gateway_leads_to_it_and_the_one_that_it_left_for_a_while(
    store: Store,
) -> None:
    with store.connected():
        hear(store, "office", site=True)
        hear(store, "backup")
        hear(store, "office", network=ELSEWHERE, at=NOON + 60)
        office = gateway(store, "office")
        moved_at, allowance_s = NOON + 60, office.job.allowance_s
        now = Way(ELSEWHERE, since_at=moved_at - allowance_s)
        assert office.ways == (now, Way(OFFICE, moved_at + allowance_s))
        assert behind(store, "office") == ["backup"]


def test_no_address_leads_to_a_crowd_of_gateways_but_a_name_does(store: Store) -> None:
    crowd = [f"job-{number}" for number in range(CROWD)]
    with store.connected():
        hear(store, *crowd, "office", site=True)
        hear(store, "backup")
        hear(store, "printer", gateway="office")
        assert gateway(store, "office").ways == ()
        assert behind(store, "office") == ["printer"]
        assert sites.crowds(store) == [("web-01", OFFICE, CROWD + 1)]

        hear(store, "job-0", site=False, at=NOON + 1)
        assert gateway(store, "office").ways == (Way(OFFICE),), "one less is no crowd"
        assert behind(store, "office") == ["backup", "job-0", "printer"]
        assert sites.crowds(store) == []


def test_whoever_is_behind_a_gateway_is_found_without_a_look_at_the_whole_account(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'gocron.db'}")
    with store.connected():
        hear(store, "office", site=True)
        hear(store, "office", site=True, network=ELSEWHERE, at=NOON + 60)
        caplog.set_level(logging.DEBUG, "peewee")
        office = gateway(store, "office")
        heard = Heard(store)
        heard.at(office)
        heard.since(office, NOON)
        sites.speaking(store, [office])
        sites.report(store, office, [Outage(1, office.job.id, NOON, NOON + 1)], 20)
        asked = [record.msg for record in caplog.records if '"job"' in record.msg[0]]
        assert len(asked) == 11
        for sql, parameters in asked:
            plan = store.db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            searched = [step for *_, step in plan if step.startswith(("SEARCH", "SCAN"))]
            assert all(step.endswith(SEARCHED_BY) for step in searched), (sql, plan)


def test_a_return_counts_who_is_back_who_is_waited_for_and_who_is_missing(store: Store) -> None:
    with store.connected():
        hear(store, "office", "second", site=True)
        hear(store, "back-1", "back-2", "back-3", at=NOON + 900)
        hear(store, "fell", "slow", "gone", "returns")
        hear(store, "uplinked", site=True, gateway="office", network=ELSEWHERE)
        office = gateway(store, "office")
        outage = Outage(7, office.job.id, NOON + 60, NOON + 900)
        job = store.tables.job
        for name, change in {
            "fell": {job.reprieve: "excused", job.excused_by: 7},
            "slow": {job.reprieve: "excused", job.excused_by: 6},
            "gone": {job.missed_at: NOON},
            "returns": {job.missed_at: NOON, job.back_at: NOON + 900},
        }.items():
            query = job.update(change).where(job.cronname == name)
            store.write(lambda tx, query=query: query.execute())
        assert sites.report(store, office, [outage], 2) == SiteReport(
            8,
            ((NOON + 60, NOON + 900),),
            back=Named(3, ("back-1", "back-2")),
            fell=Named(1, ("fell",)),
            missing=Named(1, ("gone",)),
        )
        lasts = Outage(8, office.job.id, NOON + 60, None)
        assert sites.report(store, office, [lasts], 2).back == Named(0), "nobody, while it lasts"
        assert sites.report(store, office, [], 2).silences == ()


def test_who_was_heard_from_a_network_after_the_gateway_had_left_it_says_nothing_of_its_site(
    store: Store,
) -> None:
    with store.connected():
        hear(store, "office", site=True)
        hear(store, "backup", at=NOON + 30)
        hear(store, "office", site=True, network=ELSEWHERE, at=NOON + 60)
        office = gateway(store, "office")
        until_at = NOON + 60 + office.job.allowance_s
        hear(store, "neighbour", at=until_at + 1)
        assert Heard(store).since(office, NOON) == [NOON + 60, NOON + 30]
        assert Heard(store).at(office) == NOON + 60
        hear(store, "printer", at=until_at)
        assert Heard(store).at(office) == until_at, "still in time"


def test_gateways_of_one_network_are_asked_for_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'gocron.db'}")
    with store.connected():
        names = [f"office-{number}" for number in range(CROWD)]
        hear(store, *names, site=True)
        hear(store, "backup", at=NOON + 5)
        every = sites.gateways(store, ["web-01"])["web-01"]
        caplog.set_level(logging.DEBUG, "peewee")
        heard = Heard(store)
        heard.ask(every, NOON)
        heard.ask_latest(every)
        assert {tuple(heard.since(one, NOON)) for one in every} == {(NOON + 5,)}
        assert {heard.at(one) for one in every} == {NOON + 5}
    assert len(caplog.records) == 4, "by name and by network, whatever the number of gateways"


def test_what_is_asked_for_is_what_came_later_whoever_it_came_from(store: Store) -> None:
    with store.connected():
        hear(store, "office", site=True)
        hear(store, "backup", at=NOON + 5)
        hear(store, "rotate", at=NOON + 20)
        hear(store, "backup", at=NOON + 50)
        office = gateway(store, "office")
        heard = Heard(store)
        assert sorted(heard.since(office, NOON)) == [NOON + 5, NOON + 20, NOON + 50]
        for since in (NOON + 20, NOON + 5):
            later = [at for at in (NOON + 5, NOON + 20, NOON + 50) if at > since]
            assert sorted(heard.since(office, since)) == later, "of what is known"
            assert sorted(Heard(store).since(office, since)) == later, "asked for"
