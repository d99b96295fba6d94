"""How many check-ins a second: 16 connections, 50,000 jobs, every one synced to the disk."""

import re
import sqlite3
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import randrange
from typing import Any

from bench import jobs
from bench.stage import HOST, NO_DATABASE, Site, Stage, program
from bench.table import Row, middle, share
from gocron.core.checkin import CheckIn
from gocron.store import checkins
from gocron.store.checkin_row import row_of

CONNECTIONS = 16
JOBS = 50_000
WANTED = {"sqlite": "35 %, goal 55 %", "postgres": "33 %, goal 40 %"}
SCRIPT = Path(__file__).with_name("checkins.lua")


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    requests: int
    per_second: float
    p99_ms: float
    failed: int


def measure(stage: Stage, rounds: int, seconds: float) -> list[Row]:
    """Ask all fronts and limits in turn, so that what disturbs one disturbs the others."""
    nothing = stage.site("sqlite")
    stage.front(nothing, NO_DATABASE)
    sites = {kind: stage.site(kind) for kind in WANTED}
    for site in sites.values():
        jobs.fill(site.store, JOBS, int(time.time()))
        stage.front(site)
    for site in (nothing, *sites.values()):
        wrk(site, 1)
    seen: dict[str, list[Load]] = defaultdict(list)
    limits: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, site in (("no database", nothing), *sites.items()):
            seen[name].append(wrk(site, seconds))
        limits["sqlite"].append(commits_one_by_one(sites["sqlite"], seconds))
        limits["postgres"].append(pgbench(sites["postgres"], seconds))
    return [row for kind in WANTED for row in _rows(kind, seen, limits)]


def wrk(site: Site, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Let wrk check in for `seconds`."""
    told = subprocess.run(
        [program("wrk"), "-t2", f"-c{connections}", f"-d{max(round(seconds), 1)}s"]
        + ["--timeout", "10s", "-s", SCRIPT, f"http://{HOST}:{site.port}/", "--", str(JOBS)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures = re.search(r"^figures (\d+) (\d+) (\d+) (\d+)$", told.stdout, re.M)
    assert figures, told.stdout
    requests, micros, p99, failed = map(int, figures.groups())
    return Load(requests, requests / micros * 1e6, p99 / 1e3, failed)


def commits_one_by_one(site: Site, seconds: float) -> float:
    """Return how many single upserts, each synced, plain SQLite does a second."""
    sql, tail = checkins._statement(site.store, 1, plain=True)
    with sqlite3.connect(site.url.removeprefix("sqlite:///"), isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        done, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < seconds:
            connection.execute(sql, _row(randrange(JOBS)) + tail).fetchall()
            done += 1
    connection.close()
    return done / took


def _row(number: int) -> list[Any]:
    """Return what a check-in of a job writes, as the front's own statement takes it."""
    account, cronname = divmod(number, jobs.ACCOUNT_JOBS)
    names = f"account-{account}", f"job-{cronname}"
    email, now = f"team-{account % jobs.RECIPIENTS}@example.com", int(time.time())
    checkin = CheckIn(*names, email, jobs.DAY_S, None, None, HOST, now, HOST)
    return list(row_of(checkin, email, jobs.DAY_S))


def pgbench(site: Site, seconds: float) -> float:
    """Return how many single upserts a second pgbench does over as many connections."""
    sql, tail = checkins._statement(site.store, 1, plain=True)
    values = [
        "'account-' || :job / 100",
        "'job-' || :job % 100",
        "'team-' || :job / 100 % 50 || '@example.com'",
        *map(_literal, _row(0)[3:]),
        *map(_literal, tail),
    ]
    for value in values:
        sql = sql.replace("%s", value, 1)
    script = site.config.with_name("upsert.sql")
    script.write_text(f"\\set job random(0, {JOBS - 1})\n{sql};\n".replace(":job", ":job::int"))
    told = subprocess.run(
        [program("pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j2"]
        + ["-T", str(max(round(seconds), 1)), "-f", script, site.url],
        check=True,
        capture_output=True,
        text=True,
    )
    rate = re.search(r"^tps = ([\d.]+)", told.stdout, re.M)
    assert rate, told.stdout
    return float(rate[1])


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _rows(kind: str, seen: dict[str, list[Load]], limits: dict[str, list[float]]) -> list[Row]:
    per_second = middle(seen[kind], lambda load: load.per_second)
    free = middle(seen["no database"], lambda load: load.per_second)
    limit = middle(limits[kind], float)
    p99_ms = middle(seen[kind], lambda load: load.p99_ms)
    free_ms = middle(seen["no database"], lambda load: load.p99_ms)
    bare = "plain loop of synced upserts" if kind == "sqlite" else "pgbench, same upsert"
    return [
        Row(
            f"check-ins, {kind}",
            f"{per_second:,.0f}/s",
            f"{free:,.0f}/s without database",
            share(per_second, free),
            WANTED[kind],
        ),
        Row("", "", f"{limit:,.0f}/s {bare}", share(per_second, limit)),
        Row(
            "  99 of 100 within",
            f"{p99_ms:.1f} ms",
            f"{free_ms:.1f} ms without database",
            f"{p99_ms / free_ms:.1f}",
        ),
        Row("  not answered 201", f"{sum(load.failed for load in seen[kind])}", wanted="0"),
    ]
