"""Tell many stories, by hand, on either database:

.venv/bin/python -m tests.simulation.soak 0 5000 --jobs 2   # the stories 0 to 4999
.venv/bin/python -m tests.simulation.soak 0 500 postgres

The status is 1 where a promise was broken.
"""

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from gocron.store.schema import open_store
from tests.conftest import Postgres, own_postgres
from tests.simulation.databases import Databases, postgres_databases, sqlite_databases
from tests.simulation.promises import broken
from tests.simulation.statements import Differs
from tests.simulation.story import draw
from tests.simulation.tell import config_of, mortal_store, tell

PROGRESS_EACH = 100


@dataclass(frozen=True)
class Template:
    """What each story's database is a copy of: a file, or a database of a server."""

    name: str
    server: Postgres | None = None

    def databases(self, folder: Path) -> Databases:
        if self.server is not None:
            return postgres_databases(self.name, self.server)
        mine = folder / str(os.getpid())
        mine.mkdir(exist_ok=True)
        return sqlite_databases(Path(self.name), mine)


@dataclass(frozen=True)
class Found:
    """What came of one story: its broken promises in words, and of how much it told."""

    seed: int
    problems: list[str]
    news: int = 0
    mails: int = 0


def main(first: int, count: int, database: str, jobs: int) -> int:
    """Tell the stories and say which promises were broken; return the exit status."""
    began = time.monotonic()
    # Queries are full of cycles that live for a moment; to look for these takes a tenth.
    gc.set_threshold(100_000)
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as folder, _template(database, Path(folder)) as template:
        for one in _all(template, Path(folder), range(first, first + count), jobs):
            found.append(one)
            for problem in one.problems[:3]:
                print(f"story {one.seed}: {problem}", flush=True)
            if len(found) % PROGRESS_EACH == 0 or len(found) == count:
                news, mails = sum(one.news for one in found), sum(one.mails for one in found)
                told = f"{len(found)} of {count} on {database}, {news} news, {mails} mails"
                print(f"{time.monotonic() - began:.0f} s: {told}", flush=True)
    bad = sum(bool(one.problems) for one in found)
    print(f"{count} stories, {bad} broken")
    return int(bad > 0)


def _all(template: Template, folder: Path, seeds: range, jobs: int) -> Iterator[Found]:
    tell_one = partial(_tell_one, template, folder)
    if jobs == 1:
        yield from map(tell_one, seeds)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(tell_one, seeds, chunksize=5)


def _tell_one(template: Template, folder: Path, seed: int) -> Found:
    try:
        story = draw(Random(seed))
        with template.databases(folder)() as url:
            store = mortal_store(url)
            with store.connected():
                outcome = tell(story, store, config_of(url))
        return Found(seed, broken(story, outcome), len(outcome.told), len(outcome.mails))
    except (Exception, Differs):
        # The other thousands are told nevertheless.
        return Found(seed, [traceback.format_exc()])


@contextmanager
def _template(kind: str, folder: Path) -> Iterator[Template]:
    if kind == "sqlite":
        template = folder / "template.db"
        open_store(f"sqlite:///{template}")
        yield Template(str(template))
        return
    with own_postgres(folder) as url, Postgres(url).database() as name:
        server = Postgres(url)
        open_store(server.url_of(name))
        yield Template(name, server)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tell many stories; status 1: a broken promise.")
    parser.add_argument("first", type=int, help="the number of the first story")
    parser.add_argument("count", type=int, help="how many stories")
    parser.add_argument("database", nargs="?", default="sqlite", choices=("sqlite", "postgres"))
    parser.add_argument("--jobs", type=int, default=1, help="in how many processes (default 1)")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    sys.exit(main(given.first, given.count, given.database, given.jobs))
