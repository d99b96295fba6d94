"""How far the check-in journals were read, file by file."""

from peewee import EXCLUDED, fn

from gocron.store.database import Store


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


def settle(store: Store, name: str, size: int, now: int) -> None:
    """Keep that the first `size` bytes of the file `name` were read."""
    journal = store.tables.journal
    query = journal.insert({"name": name, "read_to": size, "settled_at": now}).on_conflict(
        conflict_target=("name",),
        update={"read_to": EXCLUDED.read_to, "settled_at": EXCLUDED.settled_at},
    )
    store.write(query.execute)
