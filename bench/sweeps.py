"""What a sweep costs: with nothing due among few and many jobs, and with 1,000 newly due."""

import dataclasses
import json
import sys
import time
from collections import defaultdict

from bench import jobs
from bench.stage import SWEEP, Site, Stage, run_measured
from bench.table import Row, middle
from gocron.config import load_config
from gocron.sweep import sweep
from gocron.sweep.publish import PROGRESS_FILE

SIZES = (1_000, 50_000, 1_000_000)
DUE = 1_000
KINDS = ("sqlite", "postgres")

# What lies between two jobs that fall due, of accounts with 100 jobs each.
SPREADS = {"all of 10 accounts": 1, "1 of 1,000 accounts each": jobs.ACCOUNT_JOBS}


class Sites:
    """The databases of the sizes that are asked about, each filled once."""

    def __init__(self, stage: Stage, whole: bool) -> None:
        self._stage = stage
        self._whole = whole
        self._mail_port = stage.mail_sink()
        self._made: dict[tuple[str, int], Site] = {}
        self.published: dict[tuple[str, int], tuple[float, float]] = {}

    def get(self, kind: str, size: int) -> Site:
        """Return the site with `size` jobs, its page published (or, in short, said to be)."""
        if (kind, size) not in self._made:
            _say(f"filling {kind} with {size:,} jobs")
            site = self._stage.site(kind, smtpserver="127.0.0.1", smtpport=self._mail_port)
            jobs.fill(site.store, size, int(time.time()))
            if self._whole or size < SIZES[-1]:
                self.published[kind, size] = _sweep_process(site)
            else:
                site.status_dir.mkdir()
                (site.status_dir / PROGRESS_FILE).write_text(
                    json.dumps({"published_at": int(time.time()) + jobs.DAY_S})
                )
            _sweep_process(site)
            self._made[kind, size] = site
        return self._made[kind, size]


def measure_quiet(sites: Sites, rounds: int) -> list[Row]:
    """Sweep all sizes in turn, first the database part alone, then as whole processes."""
    rows = []
    bare = [run_measured([sys.executable, "-c", "pass"])[0] for _ in range(rounds)]
    bare_s = middle(bare, float)
    for kind in KINDS:
        took: dict[int, list[float]] = defaultdict(list)
        used: dict[int, list[float]] = defaultdict(list)
        by_size = {size: sites.get(kind, size) for size in SIZES}
        for _ in range(rounds * 10):
            for size, site in by_size.items():
                took[size].append(_database_part(site))
        for _ in range(rounds):
            for size, site in by_size.items():
                used[size].append(_sweep_process(site)[0])
        least_ms = 1e3 * middle(took[SIZES[0]], float)
        for size in SIZES:
            ms = 1e3 * middle(took[size], float)
            rows.append(
                Row(
                    f"quiet sweep, {size:,} jobs, {kind}",
                    f"{ms:.1f} ms",
                    f"{least_ms:.1f} ms with {SIZES[0]:,} jobs",
                    f"{ms / least_ms:.2f}",
                    "1.50",
                )
            )
        for size in SIZES:
            cpu_s = middle(used[size], float)
            rows.append(
                Row(
                    f"  its process, page too, {size:,} jobs",
                    f"{cpu_s:.2f} s CPU",
                    f"{bare_s:.2f} s python -c pass",
                    f"{cpu_s / bare_s:.1f}",
                    "0.40 s",
                )
            )
        for size in SIZES:
            if (kind, size) in sites.published:
                cpu_s, clock_s = sites.published[kind, size]
                said = f"{cpu_s:.1f} s CPU, {clock_s:.1f} s"
                rows.append(Row(f"  its first page, {size:,} jobs", said))
    return rows


def measure_due(sites: Sites) -> list[Row]:
    """Let 1,000 of a million jobs fall due, lying together and spread thinly."""
    rows = []
    for kind in KINDS:
        site = sites.get(kind, SIZES[-1])
        first = 0
        for spread, step in SPREADS.items():
            quiet_s, _ = _sweep_process(site)
            jobs.make_due(site.store, first, step, DUE, int(time.time()))
            due_s, clock_s = _sweep_process(site)
            next_s, _ = _sweep_process(site)
            jobs.age_accounts(site.store)
            first += DUE * step
            limit = f"{quiet_s:.2f} s CPU with none due"
            rows += [
                Row(
                    f"{DUE:,} of {SIZES[-1]:,} due, {spread}, {kind}",
                    f"{due_s:.2f} s CPU, {clock_s:.1f} s",
                    limit,
                    f"{due_s / quiet_s:.1f}",
                    "2.00 s",
                ),
                Row(
                    "  the sweep after it", f"{next_s:.2f} s CPU", limit, f"{next_s / quiet_s:.1f}"
                ),
            ]
    return rows


def _database_part(site: Site) -> float:
    """Return how long a sweep takes in a process that runs already, without the page."""
    config = dataclasses.replace(load_config(site.config, {}), status_dir="")
    with site.store.connected():
        began = time.perf_counter()
        sweep(site.store, config, lambda: int(time.time()))
        return time.perf_counter() - began


def _sweep_process(site: Site) -> tuple[float, float]:
    return run_measured([sys.executable, *SWEEP, "--config", str(site.config)])


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
