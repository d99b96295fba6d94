"""Who is behind which site, and what of an address tells."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network

import pytest

from gocron.core.address import network_of
from gocron.core.job import Job
from gocron.core.outage import Outage, silences
from gocron.core.site import Gateway, Gateways, site_report, ways_of

SEEN = 1_800_000_000


def job(name: str, network: str = "203.0.113.9", **more: object) -> Job:
    given = {"id": hash(name), "site": False, "last_seen_at": SEEN, **more}
    one = Job(1, "acme", name, "", 300, 60, False, "x", 0, SEEN, SEEN + 360, network=network)
    return replace(one, **given)


OFFICE = job("office", site=True)


def names(one: Job, *sites: Job, left: Sequence[tuple[str, int]] = ()) -> list[str]:
    gateways = Gateways(Gateway(site, ways_of(site, left)) for site in sites)
    return [gateway.job.cronname for gateway in gateways.of(one)]


def test_a_job_is_behind_the_site_whose_address_it_shares() -> None:
    assert names(job("backup"), OFFICE, job("other", "192.0.2.1", site=True)) == ["office"]


def test_it_may_be_behind_several() -> None:
    assert names(job("backup"), OFFICE, job("second", site=True)) == ["office", "second"]


def test_a_name_counts_more_than_an_address() -> None:
    other = job("other", "192.0.2.1", site=True)
    assert names(job("backup", gateway="other"), OFFICE, other) == ["other"]
    assert names(job("backup", gateway="nobody"), OFFICE) == []


def test_an_unknown_address_is_shared_with_nobody() -> None:
    assert names(job("backup", ""), job("office", "", site=True)) == []


def test_a_site_is_behind_another_by_name_only_and_never_behind_itself() -> None:
    assert names(OFFICE, OFFICE, job("second", site=True)) == []
    uplink = job("uplink", "192.0.2.1", site=True)
    assert names(replace(OFFICE, gateway="uplink"), OFFICE, uplink) == ["uplink"]
    assert names(replace(OFFICE, gateway="office"), OFFICE) == []


def test_who_was_heard_from_the_sites_old_address_stays_behind_it() -> None:
    left = [("192.0.2.1", SEEN)]
    assert names(job("backup", "192.0.2.1"), OFFICE, left=left) == ["office"]
    late = job("backup", "192.0.2.1", last_seen_at=SEEN + 361)
    assert names(late, OFFICE, left=left) == [], "somebody else's by now"


def test_a_site_that_moved_away_leaves_those_who_stayed_to_the_one_that_is_there() -> None:
    there = job("branch", "192.0.2.1", site=True)
    gateways = Gateways([Gateway(OFFICE, ways_of(OFFICE, [("192.0.2.1", SEEN)])),
                         Gateway(there, ways_of(there, []))])  # fmt: skip
    assert [one.job.cronname for one in gateways.of(job("backup", "192.0.2.1"))] == ["branch"]


def test_a_site_that_came_back_to_its_old_address_is_there_for_all() -> None:
    left = [(OFFICE.network, SEEN)]
    assert names(job("backup", last_seen_at=SEEN + 9999), OFFICE, left=left) == ["office"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:0:1:aa::7", "2001:db8:0:1::/64"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("0.0.0.0", ""),
        ("10.1.2.3", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_what_of_an_address_tells_of_a_gateway(address: str, network: str) -> None:
    assert network_of(address, (ip_network("10.0.0.0/8"),), 64) == network


def test_a_silence_is_what_lies_between_two_signs_and_is_long_enough() -> None:
    assert silences([10, 20, 99, 5], 0, 120, 30) == [(20, 99)]
    assert silences([], 0, 120, 30) == [(0, 120)]
    assert silences([200, -5], 0, 30, 30) == []


def test_a_return_tells_who_is_back_whose_run_fell_in_and_who_is_missing() -> None:
    outage = Outage(1, OFFICE.id, SEEN + 60, SEEN + 900)
    back = job("back", last_seen_at=SEEN + 900)
    fell = job("fell")
    slow = job("slow", frequency_s=99_999, due_at=SEEN + 99_999, gaps=(99_999,) * 3)
    gone = job("gone", missed_at=SEEN)
    report = site_report([back, fell, slow, gone], [outage])
    assert (report.behind, report.silences) == (4, ((SEEN + 60, SEEN + 900),))
    assert (report.back, report.fell, report.missing) == ((back,), (fell,), (gone,))
