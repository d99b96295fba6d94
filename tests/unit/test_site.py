"""Who is behind which site, and what of an address tells."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network

import pytest

from gocron.core.job import Job
from gocron.core.network import network_of
from gocron.core.outage import Outage, away_s, longer_than_late_s, stretches_of_silence
from gocron.core.site import Gateway, Gateways, Site, ways_of

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
    assert stretches_of_silence([10, 20, 99, 5], 0, 120, 30) == [(20, 99)]
    assert stretches_of_silence([], 0, 120, 30) == [(0, 120)]
    assert stretches_of_silence([200, -5], 0, 30, 30) == []


@pytest.mark.parametrize(
    ("allowance_s", "longest_s"), [(60, 120), (120, 180), (300, 375), (360, 450), (7200, 9000)]
)
def test_a_gateway_that_is_late_by_a_minute_or_a_quarter_was_not_away(
    allowance_s: int, longest_s: int
) -> None:
    assert longer_than_late_s(allowance_s) == longest_s


def test_an_outage_touches_what_begins_as_it_ends_or_ends_as_it_begins() -> None:
    over, lasts = Outage(1, 7, 10, 20), Outage(1, 7, 10, None)
    assert [over.touches(*at) for at in ((20, 30), (21, 30), (0, 10), (0, 9))] == [
        True,
        False,
        True,
        False,
    ]
    assert lasts.touches(99, 99)


def test_how_long_a_site_was_away_is_counted_once_however_many_gateways_say_so() -> None:
    outages = [
        Outage(1, 7, 10, 20),
        Outage(2, 8, 5, 18),
        Outage(3, 7, 30, 40),
        Outage(4, 7, 50, None),
    ]
    assert away_s(outages, 0, 100) == 15 + 10 + 50
    assert away_s(outages, 12, 35) == 8 + 5
    assert away_s([], 0, 100) == 0


DEADLINE = SEEN + 360


def speaks_until(*outages: Outage, heard_at: int = 0, **more: object) -> int | None:
    """Until when a gateway may yet be heard that is due by DEADLINE, and may be silent 360 s."""
    gateway = job("office", site=True, id=7, **more)
    return Site((gateway,), max(heard_at, SEEN), outages).speaks_until


def test_a_gateway_that_is_not_missing_has_until_its_deadline() -> None:
    assert speaks_until(due_at=DEADLINE) == DEADLINE
    assert speaks_until(due_at=DEADLINE, excused_until=DEADLINE + 99) == DEADLINE + 99


def test_a_gateway_that_is_missing_while_its_site_is_heard_is_dead() -> None:
    missing = {"due_at": DEADLINE, "missed_at": DEADLINE}
    assert speaks_until(heard_at=DEADLINE + 9, **missing) is None
    before = Outage(1, 7, DEADLINE + 1, DEADLINE + 900)
    assert speaks_until(before, **missing) is None, "it was dead before its site went down"
    assert speaks_until(Outage(1, 7, SEEN, None), **missing) is None, "the site is down still"
    assert speaks_until(Outage(1, 8, SEEN, SEEN + 900), **missing) is None, "another site"


def test_a_missing_gateway_whose_site_is_back_may_be_silent_once_more() -> None:
    missing = {"due_at": DEADLINE, "missed_at": DEADLINE}
    over = Outage(1, 7, DEADLINE, SEEN + 900)
    assert speaks_until(over, heard_at=SEEN + 900, **missing) == SEEN + 900 + 360
    assert speaks_until(over, **missing) == SEEN + 900 + 360, "whoever it was that was heard"
    later = SEEN + 900 + 360
    assert speaks_until(over, heard_at=later, **missing) == later + 360, "heard in that time"
    assert speaks_until(over, heard_at=later + 1, **missing) is None, "heard again after it"


def test_of_several_gateways_the_one_that_may_be_heard_last_counts() -> None:
    dead = job("dead", site=True, id=8, due_at=SEEN, missed_at=SEEN)
    late = job("late", site=True, id=9, due_at=DEADLINE + 5)
    site = Site((dead, late, job("office", site=True, id=7, due_at=DEADLINE)), SEEN)
    assert site.speaks_until == DEADLINE + 5
