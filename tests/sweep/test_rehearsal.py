"""What `--dry-run` and `explain` say is what the next sweep does, and they leave no trace."""

import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import gocron.sweep.rehearse as gocron_rehearse
import gocron.sweep.verdicts as gocron_verdicts
from gocron.core.checkin import CheckIn
from gocron.core.job import Job, Status
from gocron.core.judge import Judgement, judge, standing
from gocron.errors import StoreError
from gocron.store import checkins
from gocron.store.database import Store
from gocron.sweep.rehearse import explain, rehearse
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world
from tests.sweep.test_journal import line
from tests.sweep.test_own_outages import MINUTE, Front

BACK = NOON + 7 * HOUR
TABLES = (
    "job",
    "episode",
    "news",
    "redeclaration",
    "outage",
    "silence",
    "presence",
    "journal",
    "instance",
)


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
        Status.MISSING: ("would tell ops@example.com that backup", "tell that it is missing"),
        Status.EXCUSED: ("would excuse backup", "excuse it until"),
        Status.SUPPRESSED: ("would suppress backup", "suppress it, until"),
        Status.UP: ("", "nothing, it is in time"),
    }[standing(gocron.job("backup"), now)]
    assert [line.startswith(would[0]) for line in lines] == [True] * bool(would[0])
    assert f"next sweep:    {would[1]}" in text
    assert ("backup" in gocron.mail.told_names()) == (story is alone)


def test_who_waits_already_is_no_line_of_a_rehearsal_and_is_explained(
    gocron: Gocron, tmp_path: Path
) -> None:
    now = behind_two_gateways(gocron, tmp_path)
    gocron.sweep(now)
    assert [line for line in rehearsed(gocron, now + 60) if "backup" in line] == []
    text = explained(gocron, "backup", now + 60)
    assert "not told of:   suppressed, judged anew by each sweep" in text
    assert "next sweep:    suppress it, until" in text


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


@pytest.mark.parametrize("what", ["dry run", "explain"])
@pytest.mark.parametrize("story", [after_site_outage, behind_two_gateways, alone])
def test_a_check_in_that_comes_while_a_sweep_is_rehearsed_is_kept_at_once(
    gocron: Gocron,
    tmp_path: Path,
    story: Callable[[Gocron, Path], int],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever was judged, locked or written so far: each moment at which a job is judged."""
    now = story(gocron, tmp_path)
    kept = []

    def judge_and_hear(job: Job, *more: object) -> Judgement:
        judgement = judge(job, *more)
        # By another connection, as a front does, that waits for nobody.
        for name in [row["cronname"] for row in before["job"]]:
            hear_at_once(gocron, name, now)
            kept.append(name)
        return judgement

    before = {table: gocron.rows(table) for table in TABLES}
    for module in (gocron_rehearse, gocron_verdicts):
        monkeypatch.setattr(module, "judge", judge_and_hear)
    told = rehearsed(gocron, now) if what == "dry run" else explained(gocron, "backup", now)
    assert "backup" in str(told)
    assert kept
    assert {row["last_seen_at"] for row in gocron.rows("job")} == {now}


def hear_at_once(gocron: Gocron, name: str, at: int) -> None:
    """Check in, and fail rather than wait for anybody."""
    store = Store(gocron.config.database_url)
    told = CheckIn("web-01", name, "ops@example.com", HOUR, None, None, "203.0.113.9", at)
    with store.connected():
        store.db.execute_sql(
            "SET lock_timeout = 1" if store.is_postgres else "PRAGMA busy_timeout = 0"
        )
        store.write(lambda tx: checkins.record(tx, [told]))


def test_a_copy_that_finds_no_room_says_where_to_make_some(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if gocron.store.is_postgres:
        return
    gocron.hear("backup", NOON)
    (tmp_path / "full").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    with pytest.raises(StoreError, match="name another folder in TMPDIR"), full_disk():
        rehearsed(gocron, NOON)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file that grows may become larger than this, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
