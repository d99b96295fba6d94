"""A SQLite file that is replaced, removed or restored under a running front."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playhouse.migrations import Runner

from gocron.errors import StoreError
from gocron.store import jobs
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns, has_sign
from gocron.store.schema import HISTORY, MIGRATIONS, open_store, pending
from tests.store.conftest import HOUR, NOON, checkin, record


@pytest.fixture
def path(tmp_path: Path, sqlite_template: Path) -> Path:
    """A database in a folder of its own, which a link leads to."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data/gocron.db")
    (tmp_path / "link").symlink_to("data")
    return tmp_path / "link/gocron.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def names(path: Path) -> list[str]:
    """The jobs that a sweep which begins now would find."""
    store = Store(url(path))
    with store.connected():
        return [job.cronname for job in jobs.every_job(store)]


def backup(path: Path) -> Path:
    """A whole copy of the database, as docs tell how to make one."""
    copy = path.parent.parent / "backup.db"
    with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    return copy


def without_the_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def moved_over(path: Path) -> None:
    copy = backup(path)
    without_the_log(path)
    copy.rename(path)


def copied_over(path: Path) -> None:
    """The file stays the same one: only its contents are others."""
    copy = backup(path)
    without_the_log(path)
    shutil.copyfile(copy, path)


def removed_and_made_anew(path: Path) -> None:
    path.unlink()
    without_the_log(path)
    open_store(url(path))


def folder_replaced(path: Path) -> None:
    copy = backup(path)
    shutil.rmtree(path.parent.resolve())
    path.parent.resolve().mkdir()
    copy.rename(path)


def link_led_elsewhere(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.mkdir()
    backup(path).rename(elsewhere / path.name)
    path.parent.unlink()
    path.parent.symlink_to("elsewhere")


def log_removed(path: Path) -> None:
    without_the_log(path)


@pytest.mark.parametrize(
    "change",
    [
        *(moved_over, copied_over, removed_and_made_anew, folder_replaced),
        *(link_led_elsewhere, log_removed),
    ],
)
def test_what_is_kept_is_in_the_file_that_sweeps_read(
    path: Path, change: Callable[[Path], None]
) -> None:
    group_commit = GroupCommit(Store(url(path)))
    assert record(group_commit, checkin("before")) == NOON + HOUR
    change(path)
    assert record(group_commit, checkin("after")) == NOON + HOUR
    assert "after" in names(path)
    assert record(group_commit, checkin("later")) == NOON + HOUR
    assert "later" in names(path)


def test_what_an_old_file_still_held_does_not_get_into_the_one_that_was_restored(
    path: Path,
) -> None:
    group_commit = GroupCommit(Store(url(path)))
    record(group_commit, checkin("in the backup"))
    copy = backup(path)
    record(group_commit, checkin("since the backup"))
    without_the_log(path)
    shutil.copyfile(copy, path)
    record(group_commit, checkin("after"))
    assert names(path) == ["after", "in the backup"]


@pytest.mark.parametrize("away", ["gone for good", "kept elsewhere"])
def test_a_log_left_beside_a_file_that_was_moved_there_is_not_taken_for_its_own(
    path: Path, away: str
) -> None:
    group_commit = GroupCommit(Store(url(path)))
    record(group_commit, checkin("in the backup"))
    copy = backup(path)
    for number in range(40):
        record(group_commit, checkin(f"since the backup {number}"))
    kept = path.rename(path.parent.parent / "kept.db") if away == "kept elsewhere" else None
    copy.rename(path)
    assert record(group_commit, checkin("after")) == NOON + HOUR
    assert names(path) == ["after", "in the backup"]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if kept is not None:
        assert len(names(kept)) == 41, "what was kept in the old file is in it as a whole"


def test_a_log_left_by_a_file_that_was_moved_away_is_not_taken_for_the_next_ones(
    path: Path,
) -> None:
    group_commit = GroupCommit(Store(url(path)))
    record(group_commit, checkin("in the backup"))
    copy = backup(path)
    record(group_commit, checkin("since the backup"))
    kept = path.rename(path.parent.parent / "kept.db")
    assert isinstance(record(group_commit, checkin("lost")), StoreError)
    copy.rename(path)
    assert record(group_commit, checkin("after")) == NOON + HOUR
    assert names(path) == ["after", "in the backup"]
    assert names(kept) == ["in the backup", "since the backup"]


def test_while_the_file_is_gone_check_ins_are_refused_and_no_file_is_made(path: Path) -> None:
    group_commit = GroupCommit(Store(url(path)))
    record(group_commit, checkin("before"))
    hidden = path.rename(path.with_name("hidden.db"))
    outcome = record(group_commit, checkin("lost"))
    assert isinstance(outcome, StoreError)
    assert "the file is gone" in str(outcome)
    reader = Store(url(path))
    with pytest.raises(StoreError, match="the file is gone"), reader.connected(makes_file=False):
        pass
    assert not path.exists()
    hidden.rename(path)
    assert record(group_commit, checkin("after")) == NOON + HOUR
    assert names(path) == ["after", "before"]


def test_an_older_file_that_is_put_back_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    group_commit = GroupCommit(Store(url(path)))
    record(group_commit, checkin("before"))
    older = tmp_path / "older.db"
    made = Store(url(older))
    with made.connected():
        Runner(made.db, str(MIGRATIONS), HISTORY).up("0003_outages")
        assert pending(made)
    without_the_log(path)
    older.rename(path)
    assert record(group_commit, checkin("after")) == NOON + HOUR
    assert names(path) == ["after"]


def test_an_empty_file_is_left_alone_for_it_may_be_a_backup_that_is_on_its_way(path: Path) -> None:
    group_commit = GroupCommit(Store(url(path)))
    record(group_commit, checkin("before"))
    path.unlink()
    without_the_log(path)
    path.touch()
    outcome = record(group_commit, checkin("lost"))
    assert isinstance(outcome, StoreError)
    assert "has no tables" in str(outcome)


def test_a_sweep_that_ends_removes_nothing_of_a_file_that_was_put_in_the_place_of_its_own(
    path: Path,
) -> None:
    sweeping = Store(url(path))
    with sweeping.connected():
        list(jobs.every_job(sweeping))
        moved_over(path)
        group_commit = GroupCommit(Store(url(path)))
        assert record(group_commit, checkin("after")) == NOON + HOUR
    assert path.with_name("gocron.db-wal").exists()
    assert names(path) == ["after"]


def test_a_front_that_finds_itself_in_a_restored_database_begins_another_life(store: Store) -> None:
    """Otherwise the time since the backup would look as if check-ins had been kept."""
    now = [NOON]
    life_signs = LifeSigns(store, lambda: now[0], "front-01")
    presence = store.tables.presence
    with store.connected():
        life_signs.give()
        now[0] += 10
        life_signs.give()
        presence.update({presence.until_at: NOON - HOUR}).execute()
        now[0] += 10
        life_signs.give()
        lives = sorted((row["began_at"], row["until_at"]) for row in presence.select())
    assert lives == [(NOON, NOON - HOUR), (NOON + 20, NOON + 20)]


def test_a_sign_is_found_in_its_own_database_and_in_no_copy_of_it(store: Store) -> None:
    now = [NOON]
    life_signs = LifeSigns(store, lambda: now[0], "front-01")
    with store.connected():
        life_signs.give()
        copied = life_signs.sign
        now[0] += 10
        life_signs.give()
        assert has_sign(store, life_signs.sign)
        assert has_sign(store, copied), "given between knock and look: time goes on"
        # What a copy holds that was made a moment ago.
        presence = store.tables.presence
        presence.update({presence.until_at: NOON}).execute()
        assert not has_sign(store, life_signs.sign)


@pytest.mark.parametrize(
    "sign", ["", "1", "1-2", f"1-{'0' * 16}-1", f"{'9' * 30}-{'0' * 16}-1", "a-b-c"]
)
def test_no_nonsense_is_a_sign(store: Store, sign: str) -> None:
    with store.connected():
        assert not has_sign(store, sign)
