"""What `--dry-run` and `explain` say is what the next sweep does, and they leave no trace."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gocron.core.job import Status
from gocron.core.judge import standing
from gocron.rehearse import explain, rehearse
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world
from tests.sweep.test_journal import line
from tests.sweep.test_own_outages import MINUTE, Front

BACK = NOON + 7 * HOUR
TABLES = ("job", "episode", "news", "outage", "silence", "presence", "journal", "instance")


@pytest.fixture(autouse=True)
def no_page(gocron: Gocron) -> None:
    gocron.set(status_dir="")


def rehearsed(gocron: Gocron, now: int, at: int | None = None) -> list[str]:
    world = quiet_world(gocron.config, gocron.knock)
    with gocron.store.connected():
        return rehearse(gocron.store, gocron.config, lambda: now, at, world)


def explained(gocron: Gocron, name: str, now: int) -> str:
    world = quiet_world(gocron.config, gocron.knock)
    with gocron.store.connected():
        told = explain(gocron.store, gocron.config, "web-01", name, lambda: now, world)
    return "\n".join(told)


def after_own_outage(gocron: Gocron, tmp_path: Path) -> int:
    """gocron was away for seven hours, and no sweep has run since."""
    front = Front(gocron)
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON)
    gocron.sweep(NOON)
    front.live(BACK, BACK + 50)
    return BACK + 50


def after_journal(gocron: Gocron, tmp_path: Path) -> int:
    """nginx has kept the check-in that no front took."""
    gocron.hear("backup", NOON)
    (tmp_path / "journal.log").write_bytes(line("backup", NOON + HOUR))
    gocron.set(journal=str(tmp_path / "journal.log"))
    return NOON + HOUR + 60


def after_site_outage(gocron: Gocron, tmp_path: Path) -> int:
    """The site is back, and no sweep has run since."""
    gocron.hear("backup", NOON)
    for at in range(NOON, NOON + 90 * MINUTE, 5 * MINUTE):
        if at < NOON + 50 * MINUTE:
            gocron.hear("office", at, frequency_s=5 * MINUTE, grace_s=MINUTE, site=True)
        gocron.sweep(at + 10)
    gocron.hear("office", NOON + 90 * MINUTE, frequency_s=5 * MINUTE, grace_s=MINUTE, site=True)
    return NOON + 90 * MINUTE + 30


def behind_two_gateways(gocron: Gocron, tmp_path: Path) -> int:
    """A site is down, and the job is behind a gateway behind it."""
    gocron.hear("office", NOON, frequency_s=5 * MINUTE, site=True)
    gocron.hear("floor", NOON, frequency_s=10 * MINUTE, site=True, gateway="office",
                address="198.51.100.7")  # fmt: skip
    gocron.hear("backup", NOON, frequency_s=10 * MINUTE, gateway="floor", address="192.0.2.1")
    gocron.sweep(NOON + 6 * MINUTE)
    return NOON + 12 * MINUTE


def behind_a_gateway_that_becomes_missing(gocron: Gocron, tmp_path: Path) -> int:
    """The gateway is behind another itself, and both became overdue since the last sweep."""
    gocron.hear("office", NOON, frequency_s=5 * MINUTE, site=True)
    gocron.hear("backup", NOON, frequency_s=5 * MINUTE, site=True, gateway="office",
                address="198.51.100.7")  # fmt: skip
    return NOON + 8 * MINUTE


def alone(gocron: Gocron, tmp_path: Path) -> int:
    """Nothing excuses it."""
    gocron.hear("backup", NOON)
    return NOON + 2 * HOUR


STORIES = [
    after_own_outage,
    after_journal,
    after_site_outage,
    behind_two_gateways,
    behind_a_gateway_that_becomes_missing,
    alone,
]


@pytest.mark.parametrize("story", STORIES)
def test_the_next_sweep_does_what_was_rehearsed(
    gocron: Gocron, tmp_path: Path, story: Callable[[Gocron, Path], int]
) -> None:
    now = story(gocron, tmp_path)
    before = {table: gocron.rows(table) for table in TABLES}
    lines = [line for line in rehearsed(gocron, now) if "backup" in line]
    text = explained(gocron, "backup", now)
    if story is not after_journal:
        assert {table: gocron.rows(table) for table in TABLES} == before
    gocron.mail.received.clear()
    gocron.sweep(now)
    would = {
        Status.MISSED: ("would tell ops@example.com that backup", "tell that it is missing"),
        Status.EXCUSED: ("would excuse backup", "excuse it until"),
        Status.SUPPRESSED: ("would suppress backup", "suppress it, until"),
        Status.UP: ("", "nothing, it is in time"),
    }[standing(gocron.job("backup"), now)]
    assert [line.startswith(would[0]) for line in lines] == [True] * bool(would[0])
    assert f"next sweep:    {would[1]}" in text
    assert ("backup" in gocron.mail.told_names()) == (story is alone)


def test_what_a_sweep_would_complain_of_is_rehearsed(gocron: Gocron, tmp_path: Path) -> None:
    gocron.set(journal=str(tmp_path / "journal.log"))
    (tmp_path / "journal.log").mkdir()
    gocron.hear("backup", NOON)
    (told,) = rehearsed(gocron, NOON + 60)
    assert told.startswith(f"would complain: journal {tmp_path}/journal.log: ")
    assert f"complaint:     journal {tmp_path}/journal.log: " in explained(gocron, "backup", NOON)


def test_a_later_time_is_judged_by_what_is_known_now(gocron: Gocron) -> None:
    """That no front has lived until then says nothing of it."""
    Front(gocron).live(NOON - 60, NOON)
    gocron.hear("backup", NOON)
    (told,) = rehearsed(gocron, NOON, NOON + 2 * HOUR)
    assert told.startswith("would tell ops@example.com that backup (web-01) is missing, 1 h over")
