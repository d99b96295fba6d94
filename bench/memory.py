"""How much memory a front holds, all its processes, after 100,000 check-ins."""

import time
from pathlib import Path

from bench import jobs
from bench.checkins import JOBS, wrk
from bench.stage import NO_DATABASE, Stage
from bench.table import Row, share

CHECKINS = 100_000


def measure(stage: Stage) -> list[Row]:
    """Load a front of each kind, and read what the kernel says of its processes."""
    nothing = stage.site("sqlite")
    free = resident_mb(stage.front(nothing, NO_DATABASE))
    rows = []
    for kind in ("sqlite", "postgres"):
        site = stage.site(kind)
        jobs.fill(site.store, JOBS, int(time.time()))
        front = stage.front(site)
        done = 0
        while done < CHECKINS:
            done += wrk(site, 5).requests
        pss, rss = resident_mb(front)
        rows.append(
            Row(
                f"memory of the front, {kind}",
                f"{pss:.0f} MB (RSS {rss:.0f} MB)",
                f"{free[0]:.0f} MB unused, no database",
                share(pss, free[0]),
                "120 MB",
            )
        )
    return rows


def resident_mb(session: int) -> tuple[float, float]:
    """Return the proportional and the plain resident memory of all processes of a session."""
    pss = rss = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) != session:
                continue
            for line in (process / "smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "Pss":
                    pss += int(value.split()[0]) / 1024
                elif name == "Rss":
                    rss += int(value.split()[0]) / 1024
        except (FileNotFoundError, ProcessLookupError):
            continue
    return pss, rss
