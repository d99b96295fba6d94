"""All crontabs fire at :00: 4,000 fresh connections at once, every one answered 201."""

import asyncio
import time
from dataclasses import dataclass

from bench import jobs
from bench.checkins import JOBS
from bench.stage import HOST, NO_DATABASE, Site, Stage
from bench.table import Row, middle

CLIENTS = 4_000
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Burst:
    """What became of all clients: seconds from the first connect to each one's answer."""

    answered: int
    last_s: float
    median_s: float


def measure(stage: Stage, rounds: int) -> list[Row]:
    """Burst upon each front and upon the one without a database in turn."""
    nothing = stage.site("sqlite")
    sites = {kind: stage.site(kind) for kind in ("sqlite", "postgres")}
    stage.front(nothing, NO_DATABASE)
    for site in sites.values():
        jobs.fill(site.store, JOBS, int(time.time()))
        stage.front(site)
    seen: dict[str, list[Burst]] = {"": [], **{kind: [] for kind in sites}}
    for _ in range(rounds):
        for kind, site in (("", nothing), *sites.items()):
            seen[kind].append(asyncio.run(_burst(site)))
    free_s = middle(seen[""], lambda burst: burst.last_s)
    return [row for kind in sites for row in _rows(kind, seen[kind], free_s)]


def _rows(kind: str, bursts: list[Burst], free_s: float) -> list[Row]:
    last_s = middle(bursts, lambda burst: burst.last_s)
    fewest = min(burst.answered for burst in bursts)
    return [
        Row(f"burst of {CLIENTS:,}, {kind}", f"{fewest:,} answered 201", wanted=f"{CLIENTS:,}"),
        Row(
            "  last answer after",
            f"{last_s:.2f} s",
            f"{free_s:.2f} s without database",
            f"{last_s / free_s:.1f}",
        ),
        Row("  half of them after", f"{middle(bursts, lambda burst: burst.median_s):.2f} s"),
    ]


async def _burst(site: Site) -> Burst:
    began = time.perf_counter()
    answers = await asyncio.gather(*(_check_in(site.port, number) for number in range(CLIENTS)))
    times = sorted(at - began for at in answers if at is not None)
    return Burst(len(times), times[-1], times[len(times) // 2])


async def _check_in(port: int, number: int) -> float | None:
    """Check in on a connection of its own; return when the 201 came, None for anything else."""
    account, cronname = divmod(number, jobs.ACCOUNT_JOBS)
    path = f"/?cronname=job-{cronname}&account=account-{account}&email=a%40b.org&frequency=86400"
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: gocron\r\n\r\n".encode())
            status = await reader.readline()
            at = time.perf_counter()
            writer.close()
    except (OSError, asyncio.TimeoutError):
        return None
    return at if b" 201 " in status else None
