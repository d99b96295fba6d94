"""Who is behind a gateway, as the database is asked for it."""

import logging
from pathlib import Path

import pytest

from gocron.core.site import CROWD, Gateway, Way
from gocron.store import checkins, sites
from gocron.store.database import Store
from gocron.store.schema import open_store
from tests.store.conftest import NOON, checkin

SEARCHED_BY = (
    "INDEX job_gateway (account=? AND gateway=?)",
    "INDEX job_network (account=? AND network=?)",
    "INDEX job_site (account=?)",
    "INDEX job_site (account=? AND network=?)",
    "INTEGER PRIMARY KEY (rowid=?)",
)
OFFICE, ELSEWHERE = "203.0.113.9", "198.51.100.7"


def hear(store: Store, *names: str, network: str = OFFICE, at: int = NOON, **told: object) -> None:
    for name in names:
        one = checkin(name, at, address=network, network=network, **told)
        store.write(lambda one=one: checkins.record(store, [one]))


def gateway(store: Store, name: str) -> Gateway:
    (found,) = (one for one in sites.gateways(store, "web-01") if one.job.cronname == name)
    assert sites.gateway(store, found.job.id) == found, "however it is asked for"
    return found


def behind(store: Store, name: str) -> list[str]:
    return [job.cronname for job in sites.behind(store, gateway(store, name))]


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
        sites.heard_at(store, office)
        sites.heard_since(store, office, NOON)
        asked = [record.msg for record in caplog.records if '"job"' in record.msg[0]]
        assert len(asked) == 5
        for sql, parameters in asked:
            plan = store.db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            searched = [step for *_, step in plan if step.startswith(("SEARCH", "SCAN"))]
            assert all(step.endswith(SEARCHED_BY) for step in searched), (sql, plan)
