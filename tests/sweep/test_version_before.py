"""A sweep of the version before runs beside this one: it puts off for a day whoever waits.

It wakes them for what it learns itself, and for nothing that a sweep of this version learns.
"""

from collections.abc import Callable

import pytest

from gocron.core.job import Status
from gocron.core.own_outage import Knock
from gocron.store import job_row
from tests.sweep.conftest import HOUR, NOON, Gocron
from tests.sweep.test_own_outages import MINUTE, Front

DAY = 24 * HOUR
DOWN = NOON + 6 * MINUTE


@pytest.fixture(autouse=True)
def no_page(gocron: Gocron) -> None:
    gocron.set(status_dir="")


def put_ahead(gocron: Gocron) -> None:
    """Let whoever waits be looked at in a day, as the version before keeps it."""
    job = gocron.store.tables.job
    waits = job.reprieve.in_([Status.HELD.value, Status.SUPPRESSED.value])
    with gocron.store.connected():
        assert gocron.store.write(
            lambda tx: job.update({job.judge_at: NOON + DAY}).where(waits).execute()
        )


def come_back(gocron: Gocron) -> None:
    gocron.hear("office", DOWN + 6 * MINUTE, frequency_s=5 * MINUTE, site=True)


def forget(gocron: Gocron) -> None:
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", "office")


def give_up(gocron: Gocron) -> None:
    news = gocron.store.tables.news
    with gocron.store.connected():
        gocron.store.write(
            lambda tx: news.update({news.sent_at: None, news.given_up_at: DOWN}).execute()
        )


@pytest.mark.parametrize(
    ("happens", "reprieve"),
    [(come_back, Status.EXCUSED), (forget, None), (give_up, None)],
)
def test_who_waits_for_a_site_is_judged_by_what_this_version_learns(
    gocron: Gocron, happens: Callable[[Gocron], None], reprieve: Status | None
) -> None:
    gocron.hear("office", NOON, "net@example.com", frequency_s=5 * MINUTE, site=True)
    gocron.hear("backup", NOON, frequency_s=4 * MINUTE, grace_s=MINUTE)
    gocron.sweep(DOWN)
    assert gocron.job("backup").spared is Status.SUPPRESSED
    put_ahead(gocron)
    gocron.sweep(DOWN + 5 * MINUTE)
    assert gocron.job("backup").spared is Status.SUPPRESSED
    happens(gocron)
    gocron.sweep(DOWN + 6 * MINUTE + 1)
    backup = gocron.job("backup")
    assert (backup.spared, backup.missed_at is None) == (reprieve, reprieve is not None)


def test_who_is_held_while_gocron_can_not_be_reached_is_judged_once_it_can(gocron: Gocron) -> None:
    front = Front(gocron)
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON - HOUR + 5 * MINUTE)
    gocron.sweep(NOON)
    gocron.knock = Knock.FAILED
    for at in range(NOON + 2 * MINUTE, NOON + 10 * MINUTE, MINUTE):
        gocron.sweep(at)
    assert gocron.job("backup").spared is Status.HELD
    put_ahead(gocron)
    gocron.knock = Knock.KEPT
    front.live(NOON + 10 * MINUTE, NOON + 11 * MINUTE)
    gocron.sweep(NOON + 11 * MINUTE)
    assert gocron.job("backup").spared is Status.EXCUSED
