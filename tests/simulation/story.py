"""A made-up week of a fleet: who runs when, who dies, and what else goes wrong meanwhile.

All times are whole seconds. A story is drawn from a source of chance, `random.Random` or one
of Hypothesis's, and is the same for the same source.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

START = 1_790_000_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400

# What is shorter costs no check-in: the retries of the documented line bridge it.
OWN_OUTAGE_LEAST_S = 60

# For so long the documented crontab line tries again.
RETRIES_S = 31

# Once all trouble is over only one sweep of so many is told of: what has to be said is still said.
SELDOM = 4

PERIODS = {
    "minutes": (60, 120, 300, 600),
    "hours": (900, HOUR, 2 * HOUR, 4 * HOUR),
    "days": (6 * HOUR, DAY, 2 * DAY, 7 * DAY),
}
LENGTHS = {"minutes": 2 * HOUR, "hours": 2 * DAY, "days": 21 * DAY}


@dataclass(frozen=True)
class Span:
    """From one moment to another, the first included."""

    began_at: int
    ended_at: int

    def holds(self, at: int) -> bool:
        return self.began_at <= at < self.ended_at


@dataclass(frozen=True)
class Jump:
    """For so long the one clock, the database's, says `by_s` more than it is."""

    span: Span
    by_s: int


@dataclass
class Cron:
    """One job: it runs each `period_s` from `first_at` on, up to `jitter_s` late.

    From each moment in `declares` on it tells another frequency, and runs as before.
    """

    name: str
    account: str
    period_s: int
    frequency_s: int
    grace_s: int
    jitter_s: int
    first_at: int
    address: str
    site: bool = False
    behind: str | None = None
    named: bool = False
    email: str = "ops@example.com"
    dead: list[Span] = field(default_factory=list)
    declares: list[tuple[int, int]] = field(default_factory=list)

    @property
    def allowance_s(self) -> int:
        """For how long it may be silent by the longest frequency that it ever told."""
        return max([self.frequency_s, *(told for _, told in self.declares)]) + self.grace_s

    def frequency_at(self, at: int) -> int:
        told = [frequency_s for since, frequency_s in self.declares if since <= at]
        return told[-1] if told else self.frequency_s

    def allowance_at(self, at: int) -> int:
        return self.frequency_at(at) + self.grace_s

    def runs(self, until: int, chance: Random) -> Iterator[int]:
        at = self.first_at
        while at < until:
            yield at + chance.randint(0, self.jitter_s)
            at += self.period_s


@dataclass
class Story:
    """What happens; `ends_at` is long after the last mishap."""

    crons: dict[str, Cron]
    site_outages: dict[str, list[Span]]
    front_down: list[Span]
    sweeps_down: list[Span]
    mail_down: list[Span]
    moves: dict[str, list[int]]
    jumps: list[Jump]
    sweep_every: tuple[int, int]
    kills: dict[int, tuple[int, bool]]
    is_public: bool
    hold_s: int
    troubled_until: int
    ends_at: int
    seed: int
    # Jobs whose name the mail server refuses to take in a mail.
    unspeakable: frozenset[str] = frozenset()
    # In these of `front_down` the front is up: it can leave signs of life, and keep no check-in.
    unkept: tuple[Span, ...] = ()
    # In these nginx keeps a journal, by the clock of its host, which is so far ahead.
    journalled: tuple[Span, ...] = ()
    host_ahead_s: int = 0

    def shown(self, at: int) -> int:
        """Return what the one clock says at this moment."""
        return at + sum(jump.by_s for jump in self.jumps if jump.span.holds(at))

    def sweeps(self) -> list[int]:
        chance = Random(self.seed)
        least, most = self.sweep_every
        at, found = START + 30, []
        while at < self.ends_at:
            if not any(span.holds(at) for span in self.sweeps_down):
                found.append(at)
            apart_s = chance.randint(least, most)
            at += apart_s if at < self.troubled_until else SELDOM * apart_s
        return found


def draw(chance: Random) -> Story:
    scale = chance.choice(list(PERIODS))
    length = LENGTHS[scale]
    crons: dict[str, Cron] = {}
    site_outages: dict[str, list[Span]] = {}
    moves: dict[str, list[int]] = {}
    for number in range(chance.randint(0, 2)):
        gateway = _gateway(chance, number, scale)
        crons[gateway.name] = gateway
        site_outages[gateway.name] = _site_outages(chance, gateway, length)
        moves[gateway.name] = [
            span.ended_at for span in site_outages[gateway.name] if chance.random() < 0.3
        ]
        for _ in range(chance.choice((0, 1, 2, 3, 5, 8))):
            _add_job(chance, crons, scale, gateway)
    for _ in range(chance.randint(0 if crons else 1, 3)):
        _add_job(chance, crons, scale, None)
    if chance.random() < 0.1:
        _add_flood(chance, crons, scale)
        site_outages |= {name: [] for name in crons.keys() - site_outages.keys()}
        moves |= {name: [] for name in crons.keys() - moves.keys()}
    front_down = _spans(
        chance, length, 2, OWN_OUTAGE_LEAST_S, min(length // 6, 20 * HOUR), apart_s=MINUTE
    )
    sweeps_down = _spans(chance, length, 1, MINUTE, length // 4)
    if front_down and chance.random() < 0.5:
        sweeps_down = front_down[:1]
    for cron in crons.values():
        if chance.random() < (0.1 if cron.site else 0.3):
            cron.dead = _death(chance, length)
    hold_s = 4 * HOUR if scale == "days" else 10 * MINUTE
    for name, spans in site_outages.items():
        crons[name].declares = _declares(chance, crons[name], spans, hold_s)
    every = max(length // chance.choice((25, 50, 100)), MINUTE)
    slowest = max(cron.frequency_s + 2 * cron.grace_s for cron in crons.values())
    return Story(
        crons=crons,
        site_outages=site_outages,
        front_down=front_down,
        sweeps_down=sweeps_down,
        mail_down=_spans(chance, length, 1, MINUTE, length // 6),
        moves=moves,
        jumps=_jumps(chance, length, front_down),
        sweep_every=(max(every // chance.choice((1, 4)), MINUTE), every),
        kills={
            chance.randint(0, 80): (chance.randint(0, 12), chance.random() < 0.5)
            for _ in range(chance.choice((0, 0, 3, 10)))
        },
        is_public=chance.random() < 0.5,
        # A gateway that is slower than this could not tell in time that its site is down.
        hold_s=hold_s,
        troubled_until=START + length,
        ends_at=START + length + 2 * slowest + HOUR,
        seed=chance.randint(0, 2**30),
        unspeakable=_unspeakable(chance, crons),
        unkept=(unkept := tuple(span for span in front_down if chance.random() < 0.4)),
        journalled=tuple(
            span for span in front_down if span not in unkept and chance.random() < 0.4
        ),
        host_ahead_s=chance.choice((0, 1, -1)) * chance.randint(1, chance.choice((HOUR, 9 * DAY))),
    )


def _unspeakable(chance: Random, crons: dict[str, Cron]) -> frozenset[str]:
    """Return jobs with a refused name; no gateways, which mails of other jobs name as well."""
    names = [name for name, cron in crons.items() if not cron.site]
    count = chance.choice((0, 0, 1, len(names) // 2))
    return frozenset(chance.sample(names, min(count, len(names))))


def _gateway(chance: Random, number: int, scale: str) -> Cron:
    # Within `site_hold_max` it speaks up or is overdue; a slower one proves less.
    period = chance.choice((60, 120, 300)) if scale == "minutes" else 300
    grace = chance.choice((60, 120, 300))
    if scale == "days":
        # As often as a story of weeks has room for.
        period, grace = 2 * HOUR, HOUR
    jitter = chance.choice((0, grace // 2))
    if chance.random() < 0.3:
        # Nobody thought of cron's jitter: it is late by its own word, now and then.
        grace, jitter = 0, min(chance.choice((1, 2, MINUTE)), period // 2)
    return Cron(
        f"gateway-{number}",
        "account",
        period,
        period,
        grace,
        jitter,
        START + chance.randint(0, period),
        f"203.0.113.{number + 1}",
        site=True,
        email=",".join(f"net-{one}@example.com" for one in range(chance.choice((1, 1, 5)))),
    )


def _add_job(chance: Random, crons: dict[str, Cron], scale: str, gateway: Cron | None) -> None:
    name = f"job-{len(crons)}"
    period = chance.choice(PERIODS[scale])
    grace = chance.choice((30, period // 20 + 30, period // 4 + 30, period))
    looser = chance.choice((1, 1, 1, 1.5))
    named = gateway is not None and chance.random() < 0.3
    address = f"198.51.100.{len(crons) + 1}"
    if gateway is not None and not named:
        address = gateway.address
    crons[name] = Cron(
        name,
        "account",
        period,
        int(period * looser),
        grace,
        chance.choice((0, grace // 2, grace - 5)),
        START + chance.randint(0, period),
        address,
        behind=None if gateway is None else gateway.name,
        named=named,
    )


def _add_flood(chance: Random, crons: dict[str, Cron], scale: str) -> None:
    """Let somebody tell of all his jobs that they are sites, late ones, and many at one address."""
    period = max(PERIODS[scale][1], 5 * MINUTE)
    for number in range(chance.choice((5, 40))):
        crowded = f"192.0.2.{200 + number % 2}"
        crons[f"flood-{number}"] = Cron(
            f"flood-{number}",
            "account",
            period,
            period,
            0,
            chance.choice((1, MINUTE, period // 2)),
            START + chance.randint(0, period),
            chance.choice((crowded, f"198.51.100.{100 + number}")),
            site=True,
        )


def _site_outages(chance: Random, gateway: Cron, length: int) -> list[Span]:
    return _spans(
        chance, length, 3, MINUTE, min(length // 4, 20 * HOUR), apart_s=gateway.allowance_s
    )


def _declares(
    chance: Random, gateway: Cron, outages: list[Span], hold_s: int
) -> list[tuple[int, int]]:
    """Return frequencies that the gateway tells from its return on, and from the next one on."""
    told = []
    slower = False
    for span in outages:
        if chance.random() < 0.3:
            slower = not slower
            longest = hold_s - gateway.grace_s
            frequency_s = min(chance.choice((2, 4)) * gateway.frequency_s, longest)
            told.append((span.ended_at, frequency_s if slower else gateway.frequency_s))
    return told


def _jumps(chance: Random, length: int, front_down: list[Span]) -> list[Jump]:
    """Return when the one clock is wrong. A front that is started by it could not know."""
    if chance.random() < 0.7:
        return []
    spans = _spans(chance, length, 2, MINUTE // 2, min(length // 8, 6 * HOUR), apart_s=HOUR)
    nearest, farthest = (20 * MINUTE, DAY // 2), (5 * DAY, 900 * DAY)
    behind = chance.random() < 0.3
    return [
        Jump(span, -chance.randint(MINUTE, chance.choice(nearest)))
        if behind
        else Jump(span, chance.randint(MINUTE, chance.choice((*nearest, *farthest))))
        for span in spans
        if not any(down.holds(span.began_at) or down.holds(span.ended_at) for down in front_down)
    ]


def _spans(
    chance: Random, length: int, most: int, shortest: int, longest: int, apart_s: int = 0
) -> list[Span]:
    found: list[Span] = []
    at = START + length // 10
    for _ in range(chance.randint(0, most)):
        at += chance.randint(0, length // 2) + apart_s
        lasts = chance.randint(shortest, max(longest // chance.choice((1, 8)), shortest))
        if at + lasts >= START + length:
            break
        found.append(Span(at, at + lasts))
        at += lasts
    return found


def _death(chance: Random, length: int) -> list[Span]:
    at = START + chance.randint(length // 10, length)
    lasts = chance.choice((10**9, 10**9, chance.randint(length // 10, length)))
    return [Span(at, at + lasts)]
