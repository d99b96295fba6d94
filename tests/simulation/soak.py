"""Tell many stories, by hand, on either database:

.venv/bin/python -m tests.simulation.soak 0 5000            # the stories 0 to 4999
.venv/bin/python -m tests.simulation.soak 0 500 postgres
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from gocron.store.schema import open_store
from tests.conftest import Postgres, own_postgres
from tests.simulation.databases import Databases, postgres_databases, sqlite_databases
from tests.simulation.promises import broken
from tests.simulation.story import draw
from tests.simulation.tell import MortalStore, config_of, tell


def main(first: int, count: int, database: str) -> int:
    began = time.monotonic()
    told = mails = bad = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        _databases(database, Path(folder)) as databases,
    ):
        for seed in range(first, first + count):
            with databases() as url:
                story = draw(Random(seed))
                store = MortalStore(url)
                with store.connected():
                    outcome = tell(story, store, config_of(url))
            problems = broken(story, outcome)
            told += len(outcome.told)
            mails += len(outcome.mails)
            bad += bool(problems)
            for problem in problems[:3]:
                print(f"story {seed}: {problem}", flush=True)
    print(
        f"{count} stories on {database} in {time.monotonic() - began:.0f} s: "
        f"{told} news, {mails} mails, {bad} stories with a broken promise"
    )
    return int(bad > 0)


@contextmanager
def _databases(kind: str, folder: Path) -> Iterator[Databases]:
    if kind == "sqlite":
        template = folder / "template.db"
        open_store(f"sqlite:///{template}")
        yield sqlite_databases(template, folder)
        return
    with own_postgres(folder) as url, Postgres(url).database() as name:
        server = Postgres(url)
        open_store(server.url_of(name))
        yield postgres_databases(name, server)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(int(arguments[0]), int(arguments[1]), (arguments[2:] or ["sqlite"])[0]))
