"""The table that is printed, and what machine its figures are of."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TypeVar

HEAD = ("question", "measured", "limit measured", "ratio", "wanted")

Figure = TypeVar("Figure")


@dataclass(frozen=True)
class Row:
    """One figure, the limit that it is held against, and what is wanted of it."""

    question: str
    measured: str
    limit: str = ""
    ratio: str = ""
    wanted: str = ""


def share(part: float, whole: float) -> str:
    """Return `part` as a percentage of `whole`."""
    return f"{100 * part / whole:.0f} %"


def middle(rounds: Sequence[Figure], of: Callable[[Figure], float]) -> float:
    """Return the median over `rounds` of what `of` tells of each."""
    return median(of(figure) for figure in rounds)


def print_table(rows: Sequence[Row]) -> None:
    """Print `rows` under their heads, each column as wide as it needs to be."""
    lines = [HEAD, *(astuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print(" | ".join(cells).rstrip())


def print_machine(folder: Path, postgres: str) -> None:
    """Print what the figures depend on."""
    print(f"machine   {os.cpu_count()} cores, {_cpu()}, Linux {platform.release()}")
    print(f"disk      {_filesystem(folder)} at {folder}")
    print(
        f"software  Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"Postgres {postgres}, granian {version('granian')}, peewee {version('peewee')}"
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _filesystem(folder: Path) -> str:
    told = subprocess.run(
        ["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()
