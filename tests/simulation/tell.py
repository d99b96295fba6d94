"""Tell a story to a real store by real sweeps and signs of life, with a clock that is a number."""

import json
import re
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path
from random import Random
from unittest.mock import patch
from urllib.parse import urlencode

from jinja2 import Environment
from peewee import fn

from gocron.config import Config, load_config
from gocron.core.checkin import CheckIn
from gocron.core.network import network_of
from gocron.core.news import Kind
from gocron.core.own_outage import SIGN_EVERY_S, Knock, Knocked
from gocron.host import this_host
from gocron.notify import Unreachable, Unwanted
from gocron.render.templates import Templates
from gocron.store import checkins
from gocron.store.clocks import Clock
from gocron.store.database import Store
from gocron.store.lives import LifeSigns
from gocron.sweep import sweep
from gocron.sweep.world import World
from tests.simulation.statements import Compiled
from tests.simulation.story import RETRIES_S, START, Cron, Story

# What is compiled once for all stories that a process tells.
ENVIRONMENTS: dict[tuple[Path | bool, ...], Environment] = {}
COMPILED = {"sqlite": Compiled(), "postgres": Compiled()}


class Killed(BaseException):
    """The process that swept is gone."""


class MortalStore(Store):
    """A store whose process can be made to die at a write, right before it or right after."""

    writes_left: int | None = None
    dies_after = False
    # What the database's clock says.
    shown: Callable[[], float]

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.db.execute = self._execute
        if not self.is_postgres:
            # More than a story asks: what SQLite has prepared once stays so.
            self.db.connect_params["cached_statements"] = 1000

    def _execute(self, query, **options):
        if options:
            return type(self.db).execute(self.db, query, **options)

        def anew():
            return self.db.get_sql_context().parse(query)

        return self.db.execute_sql(*COMPILED[self.kind].of(query, anew))

    def moment(self):
        return self.shown()

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
    # By (job, time in its check-in) when that really was.
    stamped: dict[tuple[str, int], int] = field(default_factory=dict)


@lru_cache(maxsize=1)
def mortal_store(url: str) -> MortalStore:
    """Return the store at `url`; whose file is replaced by the next story's is the same one.

    What it has compiled stays compiled.
    """
    return MortalStore(url)


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
    with tempfile.TemporaryDirectory() as folder, _compiling_templates_once():
        config = replace(config, journal=f"{folder}/journal.log")
        teller = _Teller(story, store, config)
        for at, _, what in sorted(moments, key=lambda moment: moment[:2]):
            teller.tell(at, what)
    return Outcome(
        runs,
        _told(store, teller.queued),
        teller.mails,
        teller.operator_mails,
        story.sweeps(),
        teller.stamped,
    )


@contextmanager
def _compiling_templates_once() -> Iterator[None]:
    """Let all sweeps share what each compiles where it is a process of its own."""
    made = Templates._environment

    def shared(self: Templates, autoescape: bool) -> Environment:
        key = (*self._folders, autoescape)
        if key not in ENVIRONMENTS:
            ENVIRONMENTS[key] = made(self, autoescape)
        return ENVIRONMENTS[key]

    with patch.object(Templates, "_environment", shared):
        yield


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
                moments.append((at, 1, cron))
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
    if any(span.holds(at) for span in story.front_down if span not in story.journalled):
        return "own"
    return "heard"


def _checkin(story: Story, cron: Cron, at: int, seen_at: int) -> CheckIn:
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
        seen_at=seen_at,
        network=network_of(address, (), 64),
        gateway=cron.behind if cron.named else None,
    )


class _Front:
    """A front of a story, which leaves its signs of life ten seconds after one another."""

    def __init__(self, store: Store, at: Callable[[], int]) -> None:
        self._store = store
        self._at = at
        self.clock = Clock(store, at)
        self.life_signs = LifeSigns(store, self.clock.measure, this_host(), at)
        self.sign()

    def sign(self) -> None:
        self.life_signs.give()
        self._signed_at = self._at()

    @property
    def next_sign_at(self) -> int:
        return self._signed_at + SIGN_EVERY_S

    def signed_before(self, at: int) -> None:
        """Have it leave all signs that it leaves before this moment; the clock doesn't jump."""
        last = self._signed_at + (at - 1 - self._signed_at) // SIGN_EVERY_S * SIGN_EVERY_S
        since_s = max(last - self._signed_at, 0)
        self.life_signs._given_at += since_s
        self.life_signs._up_at += since_s
        self._signed_at += since_s
        presence = self._store.tables.presence
        sign = presence.update({presence.until_at: self.life_signs._given_at})
        self._store.write(lambda tx: sign.where(presence.id == self.life_signs._life).execute())


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
        self.stamped: dict[tuple[str, int], int] = {}
        self._at = START
        self._front: _Front | None = None
        self._is_up = False
        self._has_jumped = False
        self._journalled: list[tuple[str, int]] = []
        # Nobody looks between two sweeps: what comes in there is written together.
        self._came: list[CheckIn] = []
        self._count = 0
        store.shown = lambda: story.shown(self._at)

    def tell(self, at: int, what: object) -> None:
        """Let happen what happens at this moment."""
        if self._has_jumped and self._front is not None and self._front.next_sign_at <= at:
            self._at = self._front.next_sign_at
            self._see_jump()
        self._at = at
        if isinstance(what, Cron):
            self._hear(what)
        elif what == "up":
            self._begin_life()
        elif what == "down":
            self._end_life()
        elif what == "jump":
            self._jump()
        else:
            self.store.write(lambda tx: checkins.record(tx, self._came))
            self._came.clear()
            self._sweep()

    def _begin_life(self) -> None:
        if self._front is None:
            self._front = _Front(self.store, lambda: self._at)
        else:
            self._front.sign()
        self._is_up, self._has_jumped = True, False

    def _end_life(self) -> None:
        if self._front is None:
            return
        if not self._has_jumped:
            self._front.signed_before(self._at)
        self._is_up = False
        self._front.life_signs.end()
        if not any(span.holds(self._at) for span in self.story.unkept):
            self._front = None

    def _jump(self) -> None:
        """Whoever is up goes on by the clock before until the next sign."""
        if self._is_up and not self._has_jumped:
            # The signs before this were given by the clock before.
            self._front.signed_before(self._at)
            self._has_jumped = True

    def _see_jump(self) -> None:
        if self._is_up:
            self._front.sign()
        self._has_jumped = False

    def _hear(self, cron: Cron) -> None:
        if self._is_up:
            checkin = _checkin(self.story, cron, self._at, self._front.clock())
            self.stamped[cron.name, checkin.seen_at] = self._at
            self._came.append(checkin)
            self._front.life_signs.heard()
            return
        told = _checkin(self.story, cron, self._at, self._at + self.story.host_ahead_s)
        fields = {"account": told.account, "cronname": told.cronname, "email": told.email}
        fields |= {"frequency": told.frequency_s, "grace": told.grace_s, "site": int(cron.site)}
        if told.gateway is not None:
            fields["gateway"] = told.gateway
        line = {"at": f"{told.seen_at}.5", "address": told.address, "method": "GET"}
        line |= {"query": urlencode(fields), "content_type": "", "length": "", "body": ""}
        with Path(self.config.journal).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._journalled.append((cron.name, self._at))

    def _knock(self) -> Knocked:
        if self._is_up:
            if not self._has_jumped:
                self._front.signed_before(self._at)
            self._see_jump()
            return Knocked(Knock.KEPT, sign=self._front.life_signs.sign)
        is_kept = any(span.holds(self._at) for span in self.story.journalled)
        is_journalled = is_kept and self.story.is_public
        return Knocked(Knock.JOURNALLED if is_journalled else Knock.FAILED)

    def _sweep(self) -> None:
        at = self._at
        world = World(
            lambda _: self._knock(),
            lambda _: self._courier(at),
            lambda: None,
            lambda: at + self.story.host_ahead_s,
        )
        killed = self.story.kills.get(self._count)
        self._count += 1
        if killed is not None:
            self.store.writes_left, self.store.dies_after = killed
        try:
            sweep(self.store, self.config, self.store.now, world)
        except Killed:
            pass
        finally:
            self.store.writes_left = None
        # What nginx kept was turned into the clock's times by this sweep.
        for name, came_at in self._journalled:
            self.stamped[name, came_at + self.store.now() - at] = came_at
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
