"""Tell a story to a real store by real sweeps, with a clock that is a number."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from random import Random

from peewee import fn

from gocron.config import Config, load_config
from gocron.core.address import network_of
from gocron.core.checkin import CheckIn
from gocron.core.door import Knock, Knocked
from gocron.core.job import Kind
from gocron.host import this_host
from gocron.notify import Unreachable, Unwanted
from gocron.outside import Outside
from gocron.store import checkins
from gocron.store.database import Store
from gocron.sweep import sweep
from tests.simulation.story import RETRIES_S, START, Cron, Story


class Killed(BaseException):
    """The process that swept is gone."""


class MortalStore(Store):
    """A store whose process can be made to die at a write, right before it or right after."""

    writes_left: int | None = None
    dies_after = False

    def write(self, work, one_statement=False):
        if self.writes_left is None:
            return super().write(work, one_statement)
        self.writes_left -= 1
        if self.writes_left >= 0:
            return super().write(work, one_statement)
        if self.dies_after:
            super().write(work, one_statement)
        raise Killed


@dataclass(frozen=True)
class Run:
    """One run that was due: when it would have checked in, and what became of it."""

    at: int
    fate: str  # heard, dead, site, own


@dataclass(frozen=True)
class Told:
    """One piece of news, as the database kept it; it was queued when it really was."""

    kind: Kind
    job: str
    missed_at: int
    last_seen_at: int
    queued_at: int
    sent_at: int | None


@dataclass
class Outcome:
    """What a story came to."""

    runs: dict[str, list[Run]]
    told: list[Told]
    mails: list[EmailMessage]
    operator_mails: list[EmailMessage] = field(default_factory=list)
    sweeps: list[int] = field(default_factory=list)


def config_of(url: str) -> Config:
    """Return the configuration of a gocron that is told stories."""
    return load_config(
        environment={
            "GC_DATABASE_URL": url,
            "GC_STATUS_DIR": "",
            "GC_JOURNAL": "",
            "GC_MAIL_FROM": "gocron@example.com",
            "GC_OPERATOR_EMAIL": "admin@example.com",
        }
    )


def tell(story: Story, store: MortalStore, config: Config) -> Outcome:
    """Let all of `story` happen; return what came of it."""
    config = replace(
        config,
        self_url="http://gocron.example.com/" if story.is_public else "",
        site_hold_max=story.hold_s,
    )
    runs, moments = _moments(story)
    teller = _Teller(story, store, config)
    # Nobody looks between two sweeps: what comes in there is written together.
    came: list[CheckIn] = []
    for at, _, what in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(what, CheckIn):
            came.append(what)
        elif what == "up":
            teller.begin_life(at)
        elif what == "down":
            teller.end_life(at)
        elif what == "jump":
            teller.jump(at)
        else:
            store.write(lambda: checkins.record(store, came))
            came.clear()
            teller.sweep(at)
    return Outcome(
        runs, _told(store, teller.queued), teller.mails, teller.operator_mails, story.sweeps()
    )


def _moments(story: Story) -> tuple[dict[str, list[Run]], list[tuple[int, int, object]]]:
    """Return all runs by job, and what happens in the order of (time, rank)."""
    chance = Random(story.seed)
    moments: list[tuple[int, int, object]] = [(START, 0, "up")]
    for jump in story.jumps:
        moments += [(jump.span.began_at, -1, "jump"), (jump.span.ended_at, -1, "jump")]
    runs: dict[str, list[Run]] = {}
    for cron in story.crons.values():
        runs[cron.name] = []
        for at in cron.runs(story.ends_at, chance):
            at = _tried_until(story, at)
            fate = _fate(story, cron, at)
            runs[cron.name].append(Run(at, fate))
            if fate == "heard":
                moments.append((at, 1, _checkin(story, cron, at)))
    for span in story.front_down:
        lost = [run.at for some in runs.values() for run in some if run.fate == "own"]
        met = [at for at in lost if span.holds(at)]
        # Where the front is up, the first check-in that it can't keep ends its life.
        began_at = min(met, default=None) if span in story.unkept else span.began_at
        if began_at is not None:
            moments += [(began_at, 0, "down"), (span.ended_at, 0, "up")]
    moments += [(at, 2, "sweep") for at in story.sweeps()]
    return runs, moments


def _tried_until(story: Story, at: int) -> int:
    """Return when a run that checks in at this moment gets through, if trying again is enough."""
    ends = [span.ended_at for span in story.unkept if span.holds(at)]
    return ends[0] if ends and ends[0] - at <= RETRIES_S else at


def _fate(story: Story, cron: Cron, at: int) -> str:
    if any(span.holds(at) for span in cron.dead):
        return "dead"
    site = cron.name if cron.site else cron.behind
    if site is not None and any(span.holds(at) for span in story.site_outages[site]):
        return "site"
    if any(span.holds(at) for span in story.front_down):
        return "own"
    return "heard"


def _checkin(story: Story, cron: Cron, at: int) -> CheckIn:
    address = cron.address
    site = cron.name if cron.site else cron.behind
    if site is not None and not cron.named:
        moved = sum(when <= at for when in story.moves[site])
        if moved:
            address = f"192.0.2.{10 * moved + int(site[-1])}"
    return CheckIn(
        account=cron.account,
        cronname=cron.name,
        email=cron.email,
        frequency_s=cron.frequency_at(at),
        grace_s=cron.grace_s,
        site=cron.site,
        address=address,
        seen_at=story.shown(at),
        network=network_of(address, (), 64),
        gateway=cron.behind if cron.named else None,
    )


class _Teller:
    """The processes of one gocron, as a story has them live and die."""

    def __init__(self, story: Story, store: MortalStore, config: Config) -> None:
        self.story = story
        self.store = store
        self.config = config
        self.mails: list[EmailMessage] = []
        self.operator_mails: list[EmailMessage] = []
        # Up to which news was queued, and when that really was.
        self.queued: list[tuple[int, int]] = []
        self._life: int | None = None
        self._began_at = 0
        self._count = 0

    def begin_life(self, at: int, jumped_s: int = 0) -> None:
        presence = self.store.tables.presence
        shown = self.story.shown(at)
        begun = {"host": this_host(), "began_at": shown, "until_at": shown, "heard_at": 0}
        begun["jumped_s"] = jumped_s
        self._life = self.store.write(presence.insert(begun).execute)
        self._began_at = at

    def end_life(self, at: int) -> None:
        # Its last sign of life was a few seconds before.
        self._prolong(max(at - 5, self._began_at))
        self._life = None

    def jump(self, at: int) -> None:
        """To a front whose clock jumps its life is another one."""
        if self._life is not None:
            self.end_life(at)
            before_s = self.story.shown(at - 1) - (at - 1)
            self.begin_life(at, max(self.story.shown(at) - at - before_s, 0))

    def _prolong(self, at: int) -> None:
        presence = self.store.tables.presence
        if self._life is not None:
            sign = presence.update({presence.until_at: self.story.shown(at)})
            self.store.write(sign.where(presence.id == self._life).execute)

    def sweep(self, at: int) -> None:
        self._prolong(at)
        knock = Knock.KEPT if self._life is not None else Knock.FAILED
        world = Outside(lambda _: Knocked(knock), lambda _: self._courier(at), lambda: None)
        killed = self.story.kills.get(self._count)
        self._count += 1
        if killed is not None:
            self.store.writes_left, self.store.dies_after = killed
        try:
            sweep(self.store, self.config, lambda: self.story.shown(at), world)
        except Killed:
            pass
        finally:
            self.store.writes_left = None
        news = self.store.tables.news
        (row,) = news.select(fn.MAX(news.id).alias("last"))
        self.queued.append((row["last"] or 0, at))

    @contextmanager
    def _courier(self, at: int) -> Iterator["_Teller"]:
        self._now = at
        yield self

    def send(self, message: EmailMessage, recipient: str, _lease: object = None) -> None:
        if any(span.holds(self._now) for span in self.story.mail_down):
            raise Unreachable("no mail server")
        read = f"{message['Subject']}\n{message.get_body(('plain',)).get_content()}"
        if any(re.search(rf"\b{name}\b", read) for name in self.story.unspeakable):
            raise Unwanted("554 5.7.1 message contains a refused name")
        (self.operator_mails if recipient == "admin@example.com" else self.mails).append(message)


def _told(store: Store, queued: list[tuple[int, int]]) -> list[Told]:
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    query = (
        news.select(
            news.id,
            news.kind,
            job.cronname,
            episode.missed_at,
            episode.last_seen_at,
            news.sent_at,
        )
        .join(episode, on=(episode.id == news.episode_id))
        .join(job, on=(job.id == episode.job_id))
        .order_by(news.id)
    )
    return [
        Told(
            Kind(row["kind"]),
            row["cronname"],
            row["missed_at"],
            row["last_seen_at"],
            queued[bisect_left(queued, (row["id"], 0))][1],
            row["sent_at"],
        )
        for row in query
    ]
