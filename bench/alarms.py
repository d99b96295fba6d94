"""How many mails an outage makes: of gocron itself, and of a site; and what a large site costs.

Real sweeps of a real database, with a clock that is a number.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage

from bench.stage import Stage
from bench.table import Row
from gocron.config import load_config
from gocron.core.checkin import CheckIn
from gocron.core.own_outage import Knock, Knocked
from gocron.store import checkins, lives
from gocron.store.database import Store
from gocron.sweep import sweep
from gocron.sweep.world import World

START = 1_790_000_000
MINUTE, HOUR = 60, 3_600
GATEWAY, ELSEWHERE = "203.0.113.1", "198.51.100.1"

FLEET, AWAY_S = 1_000, 3 * HOUR
SITE, LARGE_SITE = 50, 10_000
# What a sweep may cost while a large site is down.
NEXT_MOST_S = 0.5


def measure(stage: Stage) -> list[Row]:
    """Return a row for each question."""
    rows = []
    for kind in ("sqlite", "postgres"):
        rows += [_own_outage(stage, kind), *_site_outage(stage, kind), *_large_site(stage, kind)]
    return rows


class _Gocron:
    """One gocron: its mails are counted, its clock is told."""

    def __init__(self, stage: Stage, kind: str) -> None:
        site = stage.site(kind)
        self.store: Store = site.store
        self.config = replace(
            load_config(site.config, {}),
            status_dir="",
            journal="",
            operator_email="operator@example.com",
        )
        self.mails: list[EmailMessage] = []
        self._now = START
        self._life_signs = lives.LifeSigns(self.store, lambda: self._now, "front-01")

    def hear(
        self, numbers: Sequence[int], at: Callable[[int], int], address: str, frequency_s: int
    ) -> None:
        """Let these jobs check in, each at its moment."""
        told = [
            CheckIn(
                account="acme",
                cronname=f"job-{number}",
                email="owner@example.com",
                frequency_s=frequency_s,
                grace_s=5 * MINUTE,
                site=False,
                address=address,
                seen_at=at(number),
                network=address,
            )
            for number in numbers
        ]
        for first in range(0, len(told), 64):
            some = told[first : first + 64]
            self.store.write(lambda tx: checkins.record(tx, some))  # noqa: B023

    def gateway(self, at: int) -> None:
        """Let the gateway check in."""
        told = CheckIn(
            "acme", "office", "net@example.com", 300, 60, True, GATEWAY, at, network=GATEWAY
        )
        self.store.write(lambda tx: checkins.record(tx, [told]))

    def live(self, since: int, until: int) -> None:
        """Let a front leave signs of life."""
        for self._now in range(since, until + 1, 10):
            self._life_signs.give()

    def sweep(self, at: int) -> float:
        """Sweep once; return the CPU seconds that it took."""
        began = time.process_time()
        knock = Knocked(Knock.KEPT)
        world = World(lambda _: knock, self._channel, lambda: None)
        swept = sweep(self.store, self.config, lambda: at, world)
        took_s = time.process_time() - began
        if swept.complaints or swept.delivered.failures:
            raise RuntimeError(f"{swept.complaints} {swept.delivered.failures}")
        return took_s

    @contextmanager
    def _channel(self, _name: str) -> Iterator["_Gocron"]:
        yield self

    def send(self, message: EmailMessage, _recipient: str, _lease: object = None) -> None:
        """Take a mail."""
        self.mails.append(message)

    def mails_to(self, recipient: str) -> int:
        """Return how many mails went there."""
        return sum(mail["To"] == recipient for mail in self.mails)


def _own_outage(stage: Stage, kind: str) -> Row:
    gocron = _Gocron(stage, kind)
    back = START + 5 * HOUR + AWAY_S
    with gocron.store.connected():
        gocron.live(START, START + 10)
        gocron.sweep(START + 10)
        for hour in range(5):
            since = START + hour * HOUR
            gocron.hear(range(FLEET), lambda number: since + number * 3, ELSEWHERE, HOUR)  # noqa: B023
        gocron.live(START + 20, START + 5 * HOUR)
        gocron.sweep(START + 5 * HOUR)
        # All of gocron is away, and the first sweep comes before the first check-in.
        for at in range(back, back + HOUR, 5 * MINUTE):
            gocron.live(at, at + 10)
            gocron.sweep(at + 10)
            gocron.live(at + 20, at + 5 * MINUTE - 10)
            soon = range((at - back) // 3, min((at - back + 5 * MINUTE) // 3, FLEET))
            gocron.hear(soon, lambda number: back + number * 3, ELSEWHERE, HOUR)
        gocron.sweep(back + HOUR)
    return Row(
        f"false alarms after {AWAY_S // HOUR} h away, {FLEET:,} jobs, {kind}",
        f"{gocron.mails_to('owner@example.com')} mails, "
        f"{gocron.mails_to('operator@example.com')} to the operator",
        f"{FLEET:,} jobs could not be heard",
        wanted="0",
    )


def _site_outage(stage: Stage, kind: str) -> list[Row]:
    gocron = _Gocron(stage, kind)
    down, lasts = START + 5 * HOUR, HOUR
    told_at = 0
    with gocron.store.connected():
        for hour in range(5):
            since = START + hour * HOUR
            gocron.hear(range(SITE), lambda number: since + number * MINUTE, GATEWAY, HOUR)  # noqa: B023
        gocron.gateway(down)
        for at in range(down, down + lasts + 3 * HOUR, MINUTE):
            since = down + lasts
            if at >= since:
                if (at - since) % (5 * MINUTE) == 0:
                    gocron.gateway(at)
                number = (at - since) % HOUR // MINUTE
                # job-7 died in the outage.
                if number < SITE and number != 7:
                    told = CheckIn(
                        "acme", f"job-{number}", None, None, None, None, GATEWAY, at,
                        network=GATEWAY,
                    )  # fmt: skip
                    gocron.store.write(lambda tx: checkins.record(tx, [told]))  # noqa: B023
            gocron.sweep(at + 30)
            if gocron.mails_to("owner@example.com") and not told_at:
                told_at = at + 30
    dead = gocron.mails_to("owner@example.com")
    return [
        Row(
            f"mails for a site with {SITE} jobs, down for 1 h, {kind}",
            f"{gocron.mails_to('net@example.com')}",
            f"{2 * SITE} with one a job, down and back",
            wanted="2",
        ),
        Row(
            "  one of them died in the outage",
            f"told by {dead} mail, {(told_at - down - lasts) // MINUTE} min after its end",
            f"{7 + 5} min: its next run, and its grace",
            wanted="told",
        ),
    ]


def _large_site(stage: Stage, kind: str) -> list[Row]:
    gocron = _Gocron(stage, kind)
    with gocron.store.connected():
        quiet_s = gocron.sweep(START)
        gocron.hear(range(LARGE_SITE), lambda number: START, GATEWAY, HOUR)
        gocron.gateway(START + 50 * MINUTE)
        down_s = gocron.sweep(START + 66 * MINUTE)
        next_s = gocron.sweep(START + 67 * MINUTE)
        gocron.gateway(START + 80 * MINUTE)
        back_s = gocron.sweep(START + 80 * MINUTE + 30)
        later_s = gocron.sweep(START + 82 * MINUTE)
    limit = f"{1000 * quiet_s:.0f} ms CPU of a quiet sweep"
    return [
        Row(
            f"a site with {LARGE_SITE:,} jobs goes down, {kind}",
            f"{down_s:.2f} s CPU, the next sweep {1000 * next_s:.0f} ms",
            limit,
            f"{next_s / quiet_s:.1f}",
            wanted=f"{1000 * NEXT_MOST_S:.0f} ms: judged anew by each sweep",
        ),
        Row(
            "  it comes back",
            f"{back_s:.2f} s CPU, the next sweep {1000 * later_s:.0f} ms",
            limit,
            f"{later_s / quiet_s:.1f}",
        ),
    ]
