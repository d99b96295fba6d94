"""A sign of life proves that check-ins are kept: where they can't be, there is none."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from gocron.errors import StoreError
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns
from tests.service.processes import until
from tests.store.conftest import HOUR, NOON, checkin, look, record

pytestmark = pytest.mark.timeout(180)


class Front:
    """One that keeps check-ins and leaves signs of it, with lives that end and begin."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        kept = Store(url)
        self.group_commit = GroupCommit(kept, life_signs=LifeSigns(kept, time.time, "front-01"))

    @property
    def keeps(self) -> bool:
        return look(self.group_commit).is_keeping

    def lives(self) -> list[int]:
        presence = self.store.tables.presence
        with self.store.connected():
            return [row["id"] for row in presence.select().order_by(presence.id)]


@pytest.fixture
def front(database_url: str) -> Front:
    return Front(database_url)


def admin(url: str, *statements: str) -> None:
    """Run statements as whoever owns the database."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
            for statement in statements:
                other.execute(statement)
            other.commit()
        return
    with closing(psycopg2.connect(url)) as other:
        other.autocommit = True
        with other.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


FAILS = {
    "sqlite": "CREATE TRIGGER broken {when} ON job BEGIN SELECT RAISE(ABORT, 'broken'); END",
    "postgres": "CREATE TRIGGER broken {when} ON job FOR EACH ROW EXECUTE FUNCTION broken()",
}
BROKEN = (
    "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'broken'; END $$"
)


@pytest.mark.parametrize("when", ["BEFORE INSERT", "AFTER UPDATE"])
def test_while_no_check_in_can_be_kept_there_is_no_sign_though_signs_could_be_written(
    front: Front, database: str, database_url: str, when: str
) -> None:
    assert front.keeps
    assert len(front.lives()) == 1
    if database == "postgres":
        admin(database_url, BROKEN)
    admin(database_url, FAILS[database].format(when=when))
    until(lambda: not front.keeps)
    admin(database_url, "DROP TRIGGER broken" + (" ON job" if database == "postgres" else ""))
    until(lambda: front.keeps)
    assert len(front.lives()) == 2


def test_a_check_in_that_was_not_kept_ends_the_life_and_the_next_one_begins_when_it_could_be(
    front: Front, database: str, database_url: str
) -> None:
    """Only this one fails, as where the disk is full and it alone needs a new page."""
    assert record(front.group_commit, checkin("small")) == NOON + HOUR
    with locked_row(database, database_url, "small"):
        assert isinstance(record(front.group_commit, checkin("small")), StoreError)
        assert not front.group_commit.is_keeping
        if database == "postgres":
            # Others are kept, and signs could be written: that proves nothing for this one.
            assert record(front.group_commit, checkin("other")) == NOON + HOUR
            assert not front.keeps
    until(lambda: front.keeps)
    assert len(front.lives()) == 2


@contextmanager
def locked_row(database: str, url: str, cronname: str) -> Iterator[None]:
    if database == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    with closing(psycopg2.connect(url)) as other, other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM job WHERE cronname = %s FOR UPDATE", (cronname,))
        yield


def test_a_check_in_that_the_database_can_not_hold_is_no_outage(front: Front) -> None:
    assert front.keeps
    for _ in range(3):
        outcome = record(front.group_commit, checkin("big", frequency_s=2**63))
        assert isinstance(outcome, StoreError)
    until(lambda: front.keeps)
    assert len(front.lives()) == 1


def test_a_database_that_turned_read_only_keeps_no_check_in(postgres, postgres_template) -> None:
    with postgres.database(postgres_template) as name:
        front = Front(postgres.url_of(name))
        assert front.keeps
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgres.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        until(lambda: not front.keeps)
        assert "read-only" in front.group_commit.known.not_kept
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        until(lambda: front.keeps)


def test_a_full_disk_is_told_of_before_a_check_in_meets_it(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gocron.db").write_bytes(sqlite_template.read_bytes())
    front = Front(f"sqlite:///{tmp_path}/gocron.db")
    assert front.keeps
    monkeypatch.setattr("gocron.store.files.GROUP_NEEDS_B", 2**60)
    until(lambda: not front.keeps)
    assert f"in {tmp_path}" in front.group_commit.known.not_kept
    monkeypatch.undo()
    until(lambda: front.keeps)
    assert len(front.lives()) == 2


def test_nothing_of_a_sign_is_left_among_jobs_and_counts(front: Front) -> None:
    assert front.keeps
    with front.store.connected():
        assert not list(front.store.tables.job.select())
        assert not list(front.store.tables.change.select())


def test_however_many_ask_the_database_is_asked_once_a_second(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    prove = GroupCommit._prove

    def counted(group_commit: GroupCommit) -> None:
        if group_commit is front.group_commit:
            asked.append(time.monotonic())
        prove(group_commit)

    assert front.keeps
    monkeypatch.setattr(GroupCommit, "_prove", counted)
    ends_at = time.monotonic() + 2.5
    while time.monotonic() < ends_at:
        assert front.keeps
    assert 1 <= len(asked) <= 3


def test_a_check_in_that_was_waited_for_in_vain_says_at_once_that_none_is_kept(
    front: Front,
) -> None:
    assert front.keeps
    # A database that hangs leaves no sign that it does.
    front.group_commit.too_late()
    assert not front.group_commit.is_keeping
    until(lambda: front.keeps)
