"""What is older than anybody looks back is removed, and nothing that only looks old."""

import pytest

from gocron.store import job_row
from tests.sweep.conftest import HOUR, NOON, Gocron

DAY = 24 * HOUR
KEPT = 400 * DAY


@pytest.fixture(autouse=True)
def pageless(gocron: Gocron) -> None:
    gocron.set(status_dir="")


def silence(gocron: Gocron, cronname: str, at: int) -> int:
    """Let a job be silent for two hours and return; return when it was heard again."""
    gocron.hear(cronname, at)
    gocron.sweep(at + HOUR + 60)
    gocron.hear(cronname, at + 2 * HOUR)
    gocron.sweep(at + 2 * HOUR + 60)
    return at + 2 * HOUR


def ended(gocron: Gocron, table: str) -> list[int]:
    """Return when what is in `table` and is over ended."""
    return [row["ended_at"] for row in gocron.rows(table) if row["ended_at"] is not None]


def sweep_hourly(gocron: Gocron, at: int) -> None:
    """Sweep at `at`, and an hour before: after a longer pause the clock may be wrong."""
    gocron.sweep(at - HOUR)
    gocron.sweep(at)


def test_a_silence_and_its_news_are_kept_for_400_days_and_no_longer(gocron: Gocron) -> None:
    ended_at = silence(gocron, "backup", NOON)
    sweep_hourly(gocron, ended_at + KEPT)
    assert ended(gocron, "episode") == [ended_at]
    sweep_hourly(gocron, ended_at + KEPT + 2 * HOUR)
    assert ended(gocron, "episode") == []


def test_a_silence_that_lasts_is_kept_however_old(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + HOUR + 60)
    sweep_hourly(gocron, NOON + KEPT + 2 * DAY)
    assert len(gocron.rows("episode")) == 1


def test_an_account_is_kept_while_it_has_jobs_and_for_400_days_after(gocron: Gocron) -> None:
    gocron.hear("backup", NOON, account="web-01")
    gocron.hear("backup", NOON, account="web-02")
    gocron.sweep(NOON)
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", "backup")
    gocron.sweep(NOON + 60)
    sweep_hourly(gocron, NOON + KEPT)
    assert {row["name"] for row in gocron.rows("account")} == {"web-01", "web-02"}
    sweep_hourly(gocron, NOON + KEPT + 2 * HOUR)
    assert {row["name"] for row in gocron.rows("account")} == {"web-02"}


class Front:
    """A front that goes on living, once it has begun to."""

    def __init__(self, gocron: Gocron) -> None:
        self._gocron = gocron
        self._presence = gocron.store.tables.presence

    def begin(self, at: int) -> None:
        life = {"host": "front-01", "began_at": at, "until_at": at, "heard_at": 0}
        with self._gocron.store.connected():
            self._life = self._presence.insert(life).execute()

    def live_on(self, until: int) -> None:
        with self._gocron.store.connected():
            sign = self._presence.update({self._presence.until_at: until})
            sign.where(self._presence.id == self._life).execute()


def test_an_own_outage_is_kept_for_400_days_and_no_longer(gocron: Gocron) -> None:
    front = Front(gocron)
    front.begin(NOON)
    gocron.sweep(NOON)
    ended_at = NOON + 2 * HOUR
    front.begin(ended_at)
    gocron.sweep(ended_at)
    for age_s, expected in ((KEPT, [ended_at]), (KEPT + 2 * HOUR, [])):
        front.live_on(ended_at + age_s)
        sweep_hourly(gocron, ended_at + age_s)
        assert ended(gocron, "outage") == expected


def test_nothing_is_removed_by_the_first_sweep_after_a_day_without_one(gocron: Gocron) -> None:
    ended_at = silence(gocron, "backup", NOON)
    gocron.sweep(NOON + 900 * DAY)
    assert ended(gocron, "episode") == [ended_at]
