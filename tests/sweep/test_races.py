"""Many at once, and killed at any moment: nothing is lost, nothing is told twice."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

import gocron.sweep
import gocron.sweep.deliver
from gocron.config import Config
from gocron.core.channel import MAIL
from gocron.core.checkin import CheckIn
from gocron.core.job import Job, Status
from gocron.core.own_outage import Knock
from gocron.store import checkins, counts, declarations, episodes, outages, outbox, verdicts
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.store.schema import open_store
from gocron.store.verdicts import Spared
from gocron.sweep import sweep
from gocron.sweep.sites import watch_sites
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world

LATE = NOON + 2 * HOUR

# A process that is not a copy of this one: no open database, no thread, as cron starts it.
PROCESSES = multiprocessing.get_context("spawn")


def sweep_alone(config: Config, now: int) -> None:
    store = open_store(config.database_url)
    with store.connected():
        sweep(store, config, lambda: now, quiet_world(config))


def sweep_until(config: Config, now: int, room: str, step: str, after: bool) -> None:
    """Sweep, and die of SIGKILL right before or after the first call of `step`."""
    module = {"sweep": gocron.sweep, "outbox": outbox, "accounts": counts}[room]
    original: Callable[..., object] = getattr(module, step)

    def fatal(*arguments: object, **more: object) -> object:
        if after:
            original(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, step, fatal)
    sweep_alone(config, now)


def run_killed(config: Config, now: int, room: str, step: str, after: bool) -> None:
    process = PROCESSES.Process(target=sweep_until, args=(config, now, room, step, after))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "the sweep never came to this step"


def missed(judged: list[Job]) -> list[Silence]:
    return [Silence(job, "no check-in") for job in judged]


def test_eight_sweeps_at_once_tell_two_hundred_jobs_once(gocron: Gocron) -> None:
    for number in range(200):
        gocron.hear(f"job-{number}", NOON, email=f"owner-{number % 20}@example.com")
    sweeps = [
        PROCESSES.Process(target=sweep_alone, args=(gocron.config, LATE + late))
        for late in range(8)
    ]
    for process in sweeps:
        process.start()
    for process in sweeps:
        process.join()
    assert [process.exitcode for process in sweeps] == [0] * 8
    assert len(gocron.rows("episode")) == 200
    ids = [mail["Message-ID"] for mail in gocron.mail.mails]
    assert len(ids) == len(set(ids))
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(200)}


def test_a_check_in_wins_over_a_sweep_that_has_just_judged_it(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    with gocron.store.connected():
        judged = verdicts.overdue(gocron.store, LATE, 10)
    gocron.hear("backup", LATE)
    with gocron.store.connected():
        assert episodes.begin(gocron.store, missed(judged), LATE, MAIL) == []
    gocron.sweep(LATE)
    assert gocron.mail.mails == []


def test_an_address_that_is_mended_while_a_sweep_judges_hears_of_the_silence(
    gocron: Gocron,
) -> None:
    gocron.hear("backup", NOON, email="old@example.com")
    with gocron.store.connected():
        judged = verdicts.overdue(gocron.store, LATE)
        mended = CheckIn("web-01", "backup", "new@example.com", None, None, None, "", LATE)
        declarations.declare(gocron.store, mended)
        assert episodes.begin(gocron.store, missed(judged), LATE, MAIL) == []
    gocron.sweep(LATE)
    silences = [to for to, mail in gocron.mail.received if "not checked in" in mail["Subject"]]
    assert silences == ["new@example.com"]


def test_two_sweeps_that_judged_the_same_job_begin_one_episode(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    store = gocron.store
    with store.connected():
        judged = verdicts.overdue(store, LATE, 10)
        assert len(episodes.begin(store, missed(judged), LATE, MAIL)) == 1
        assert episodes.begin(store, missed(judged), LATE, MAIL) == []
    assert len(gocron.rows("episode")) == 1


OFFICE, ELSEWHERE = "203.0.113.9", "198.51.100.7"


def meanwhile(monkeypatch: pytest.MonkeyPatch, gocron: Gocron, name: str, what: Callable) -> None:
    """Let `what` happen between the judgement that spares `name` and its keeping, once."""
    original = verdicts.spare
    happened: list[str] = []

    def late(store: Store, some: Sequence[Spared]) -> list[Job]:
        if not happened and name in [one.job.cronname for one in some]:
            happened.append(name)
            what(store)
        return original(store, some)

    monkeypatch.setattr(verdicts, "spare", late)


def test_who_is_behind_a_gateway_that_is_suppressed_no_longer_waits_for_the_next_sweep_at_most(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hear(at: int, *names: str) -> None:
        for name, frequency_s, named in (
            ("office", 300, ""),
            ("floor", 600, "office"),
            ("camera", 1200, "floor"),
        ):
            if name in names:
                gocron.hear(name, at, frequency_s=frequency_s, site=name != "camera", gateway=named,
                            address=OFFICE if name == "office" else ELSEWHERE)  # fmt: skip

    def come_back(store: Store) -> None:
        for name, frequency_s, named in (("office", 300, ""), ("floor", 600, "office")):
            came = CheckIn("web-01", name, "ops@example.com", frequency_s, None, True,
                           ELSEWHERE, NOON + 1201, "", named)  # fmt: skip
            store.write(lambda tx, came=came: checkins.record(tx, [came]))
        watch_sites(store, NOON + 1202)

    gocron.set(status_dir="")
    hear(NOON, "office", "floor", "camera")
    for at in range(NOON + 60, NOON + 1200, 60):
        gocron.sweep(at)
    assert gocron.job("floor").spared is Status.SUPPRESSED
    meanwhile(monkeypatch, gocron, "camera", come_back)
    gocron.sweep(NOON + 1201)
    gocron.sweep(NOON + 1202)
    assert gocron.job("camera").spared is not Status.SUPPRESSED


def test_nobody_waits_for_a_gateway_whose_news_was_given_up_meanwhile(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(store: Store) -> None:
        (waiting,) = outbox.due(store, NOON + 400)
        digest = outbox.claim(store, waiting, NOON + 400)
        assert digest is not None
        outbox.give_up(store, digest, NOON + 400, "no such user")

    gocron.set(status_dir="")
    gocron.hear("office", NOON, frequency_s=300, site=True)
    gocron.hear("backup", NOON - 3250)
    meanwhile(monkeypatch, gocron, "backup", give_up)
    gocron.sweep(NOON + 400)
    gocron.sweep(NOON + 460)
    assert gocron.mail.told_names() == ["backup"]


def test_nobody_is_held_for_an_outage_that_ended_while_he_was_judged(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(store: Store) -> None:
        store.write(lambda tx: outages.record_own(tx, NOON, NOON + 90, False, NOON + 90))

    gocron.set(status_dir="")
    gocron.hear("backup", NOON - HOUR + 30, grace_s=HOUR)
    gocron.hear("backup", NOON + 30 - HOUR, grace_s=0)
    with gocron.store.connected():
        record = outages.record_own
        gocron.store.write(lambda tx: record(tx, NOON, None, False, NOON))
    meanwhile(monkeypatch, gocron, "backup", end)
    gocron.knock = Knock.SLOW
    gocron.sweep(NOON + 60)
    assert gocron.job("backup").spared is Status.HELD
    gocron.knock = Knock.KEPT
    gocron.sweep(NOON + 120)
    assert gocron.job("backup").spared is Status.EXCUSED


KILL_POINTS = [
    ("sweep", "end_episodes", False),
    ("sweep", "watch_fronts", False),
    ("sweep", "watch_fronts", True),
    ("sweep", "watch_sites", True),
    ("sweep", "judge_overdue", False),
    ("sweep", "judge_overdue", True),
    ("accounts", "fold_changes", True),
    ("outbox", "claim", False),
    ("outbox", "claim", True),
    ("outbox", "mark_sent", False),
    ("outbox", "mark_sent", True),
    ("sweep", "write_pages", False),
    ("sweep", "write_pages", True),
    ("accounts", "record_sweep", False),
    ("accounts", "record_sweep", True),
]


@pytest.mark.parametrize(("room", "step", "after"), KILL_POINTS)
def test_a_sweep_killed_between_two_steps_loses_nothing(
    gocron: Gocron, room: str, step: str, after: bool
) -> None:
    for number in range(6):
        gocron.hear(f"job-{number}", NOON, email=f"owner-{number % 3}@example.com")
    run_killed(gocron.config, LATE, room, step, after)
    for later in range(60, 2 * outbox.LEASE_S, 60):
        gocron.sweep(LATE + later)

    ids = [mail["Message-ID"] for mail in gocron.mail.mails]
    repeated = [key for key, count in Counter(ids).items() if count > 1]
    # Only the mail that the server took and nobody could mark any more comes again.
    assert len(repeated) == (1 if (step, after) == ("mark_sent", False) else 0)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(6)}
    assert len(gocron.rows("episode")) == 6


@pytest.mark.parametrize(
    ("room", "step", "after"),
    [("sweep", "end_episodes", False), ("sweep", "end_episodes", True), ("outbox", "claim", True)],
)
def test_a_sweep_killed_while_jobs_come_back_tells_each_return_once(
    gocron: Gocron, room: str, step: str, after: bool
) -> None:
    for number in range(4):
        gocron.hear(f"job-{number}", NOON)
    gocron.sweep(LATE)
    gocron.mail.received.clear()
    for number in range(4):
        gocron.hear(f"job-{number}", LATE + 60)
    run_killed(gocron.config, LATE + 120, room, step, after)
    for later in range(180, 3 * outbox.LEASE_S, 60):
        gocron.sweep(LATE + later)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(4)}
    assert gocron.mail.subjects[0].startswith("[gocron] 4 jobs are back")
