"""How far the check-in journals were read, file by file, and which lines were left in them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from peewee import EXCLUDED, fn

from gocron.store.database import Store, Transaction


class Stretch(NamedTuple):
    """A stretch of a file, in bytes from its beginning."""

    begins_at: int
    ends_at: int


def read_to(store: Store, name: str) -> int:
    """Return how many bytes of the file `name` were read."""
    journal = store.tables.journal
    for row in journal.select().where(journal.name == name):
        return int(row["read_to"])
    return 0


def settled_at(store: Store) -> int | None:
    """Return when any file was read last, None: never."""
    journal = store.tables.journal
    (row,) = journal.select(fn.MAX(journal.settled_at).alias("at"))
    at: int | None = row["at"]
    return at


def mark_read(
    store: Store, name: str, size: int, now: int, left: Mapping[Stretch, int] | None = None
) -> None:
    """Keep that the first `size` bytes of the file `name` were read, but for lines `left` there.

    `left` tells since when each waits to be read again.
    """

    def work(tx: Transaction) -> None:
        _set(tx, name, size, now)
        for line, left_at in (left or {}).items():
            _set(tx, _left_name(name, line.begins_at), line.ends_at, left_at)

    store.write(work)


def left(store: Store, name: str) -> dict[Stretch, int]:
    """Return the lines that were left in the file `name`, and when each was read last."""
    journal = store.tables.journal
    prefix = _left_name(name, "")
    rows = journal.select().where(fn.SUBSTR(journal.name, 1, len(prefix)) == prefix)
    return {
        Stretch(int(row["name"].removeprefix(prefix)), row["read_to"]): row["settled_at"]
        for row in rows
    }


def leave(store: Store, name: str, line: Stretch, now: int) -> None:
    """Keep that a line of the file `name` was read at `now`, and is to be read again."""
    store.write(lambda tx: _set(tx, _left_name(name, line.begins_at), line.ends_at, now))


def take_up(store: Store, name: str, line: Stretch) -> None:
    """Keep that nothing is to be done any more about a line that was left."""
    journal = store.tables.journal
    mine = journal.name == _left_name(name, line.begins_at)
    store.write(lambda tx: journal.delete().where(mine).execute())


def _left_name(name: str, begins_at: Any) -> str:
    """Return under which name a line is kept: a version that knows no such lines skips it."""
    return f"{name} line at {begins_at}"


def _set(tx: Transaction, name: str, size: int, now: int) -> None:
    journal = tx.tables.journal
    journal.insert({"name": name, "read_to": size, "settled_at": now}).on_conflict(
        conflict_target=("name",),
        update={"read_to": EXCLUDED.read_to, "settled_at": EXCLUDED.settled_at},
    ).execute()
