"""Nobody stays untold for ever: neither by a door that keeps shutting nor by a site gone."""

from collections.abc import Callable

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.own_outage import Knock
from gocron.store import declarations, job_row, lives
from tests.sweep.conftest import HOUR, NOON, Gocron

DAY = 24 * HOUR
PACE = 600


@pytest.fixture(autouse=True)
def quiet(gocron: Gocron) -> None:
    gocron.set(status_dir="")


def hours_until_told(gocron: Gocron, knock_of: Callable[[int], Knock], away_s: int = 0) -> float:
    """Return how long a job was dead before it was told of, while others are heard."""
    now = NOON
    life_signs = lives.LifeSigns(gocron.store, lambda: now, "front-01")
    for number in range(4):
        gocron.hear("dead", NOON - (3 - number) * HOUR, grace_s=60, address="198.51.100.7")
    for at in range(NOON, NOON + 2 * DAY, PACE):
        life_signs.heard()
        with gocron.store.connected():
            for now in range(at, at + PACE, 10):
                if not 200 < now - at < 200 + away_s:
                    life_signs.give()
        gocron.knock = knock_of(at // PACE)
        gocron.sweep(now)
        if gocron.mail.received:
            return (now - NOON) / HOUR
    raise AssertionError("never told of")


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_front_that_comes_and_goes_for_ever_mutes_nobody(gocron: Gocron) -> None:
    assert hours_until_told(gocron, lambda _: Knock.KEPT, away_s=50) < 28


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_self_url_that_never_works_mutes_nobody(gocron: Gocron) -> None:
    gocron.set(self_url="http://gocron.example.com/")
    assert hours_until_told(gocron, lambda _: Knock.FAILED) < 26


@pytest.mark.parametrize("database", ["sqlite"])
def test_one_of_two_sweeps_that_can_not_check_in_mutes_nobody(gocron: Gocron) -> None:
    gocron.set(self_url="http://gocron.example.com/")
    one = {0: Knock.FAILED, 1: Knock.KEPT}
    assert hours_until_told(gocron, lambda number: one[number % 2]) < 28


def site_goes_down(gocron: Gocron, email: str = "net@example.com") -> int:
    gocron.hear("office", NOON, email, site=True, frequency_s=300)
    gocron.hear("backup", NOON, frequency_s=200)
    gocron.sweep(NOON + 301)
    assert "backup" not in str(gocron.mail.subjects)
    return NOON + 301


def told_soon(gocron: Gocron, since: int) -> bool:
    for at in (since + 60, since + 120):
        gocron.sweep(at)
    return "[gocron] backup (web-01) has not checked in" in gocron.mail.subjects


def test_a_site_of_which_nobody_can_be_told_frees_who_waited(gocron: Gocron) -> None:
    gocron.mail.answers["gone@example.com"] = "550 no such user"
    assert told_soon(gocron, site_goes_down(gocron, "gone@example.com"))


def test_a_forgotten_gateway_frees_who_waited(gocron: Gocron) -> None:
    at = site_goes_down(gocron)
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", "office")
    assert told_soon(gocron, at)


def test_a_job_that_is_declared_no_site_frees_who_waited(gocron: Gocron) -> None:
    at = site_goes_down(gocron)
    declared = CheckIn("web-01", "office", None, None, None, False, "", at)
    with gocron.store.connected():
        declarations.declare(gocron.store, declared)
    assert told_soon(gocron, at)


def test_a_job_that_comes_back_as_no_site_frees_who_waited(gocron: Gocron) -> None:
    at = site_goes_down(gocron)
    gocron.hear("office", at + 10, site=False, frequency_s=300, address="192.0.2.1")
    assert told_soon(gocron, at)


def test_another_frequency_ends_an_excuse_that_was_made_of_the_old_one(gocron: Gocron) -> None:
    now = NOON
    life_signs = lives.LifeSigns(gocron.store, lambda: now, "front-01")
    gocron.hear("backup", NOON, frequency_s=7 * DAY)
    back = NOON + 8 * DAY
    for now in (NOON, back):
        with gocron.store.connected():
            life_signs.give()
        gocron.sweep(now)
    assert gocron.job("backup").excused_until == back + 7 * DAY
    declared = CheckIn("web-01", "backup", None, HOUR, 0, None, "", back)
    with gocron.store.connected():
        declarations.declare(gocron.store, declared)
    for at in range(back + 10, back + HOUR + 120, 10):
        now = at
        with gocron.store.connected():
            life_signs.give()
    gocron.sweep(now)
    assert gocron.mail.subjects == ["[gocron] backup (web-01) has not checked in"]


def test_a_gateway_that_never_keeps_its_address_stops_no_sweep(gocron: Gocron) -> None:
    for number in range(400):
        address = f"10.1.{number // 250}.{number % 250}"
        gocron.hear("truck", NOON + number, site=True, frequency_s=600, address=address)
    gocron.hear("in-the-truck", NOON + 5, frequency_s=60, address="10.1.0.5")
    gocron.hear("elsewhere", NOON, account="other", frequency_s=60, address="10.9.9.9")
    gocron.sweep(NOON + 2000)
    assert "elsewhere" in str(gocron.mail.subjects)
