"""A disk that is full for real: something can still be written, but no check-in, and no sign."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gocron.errors import StoreError
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns
from gocron.store.schema import open_store
from tests.service.processes import until
from tests.store.conftest import HOUR, NOON, checkin, look, record

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of this size, mounted for the length of the block."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path, but_for: int = 0) -> Path:
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - but_for)
    return ballast


def keeps(group_commit: GroupCommit) -> bool:
    return look(group_commit).is_keeping


def lives(url: str) -> int:
    store = Store(url)
    with store.connected():
        return len(list(store.tables.presence.select()))


def test_sqlite_on_a_full_disk_is_told_of_with_nobody_waiting(
    tmp_path: Path, sqlite_template: Path
) -> None:
    with small_disk(tmp_path, "16m") as disk:
        url = f"sqlite:///{shutil.copy(sqlite_template, disk / 'gocron.db')}"
        store = Store(url)
        group_commit = GroupCommit(store, life_signs=LifeSigns(store, time.time, "front-01"))
        assert keeps(group_commit)
        ballast = fill(disk)
        until(lambda: not keeps(group_commit))
        assert "No space left on device" in group_commit.known.not_kept
        ballast.unlink()
        until(lambda: keeps(group_commit))
        assert record(group_commit, checkin("after")) == NOON + HOUR
        assert lives(url) == 2


def test_on_a_disk_with_little_room_what_is_kept_is_said_to_be_kept(
    tmp_path: Path, sqlite_template: Path
) -> None:
    with small_disk(tmp_path, "16m") as disk:
        url = f"sqlite:///{shutil.copy(sqlite_template, disk / 'gocron.db')}"
        store = Store(url)
        group_commit = GroupCommit(store, life_signs=LifeSigns(store, time.time, "front-01"))
        assert record(group_commit, checkin("before")) == NOON + HOUR
        fill(disk, but_for=512 * 1024)
        for number in range(4):
            assert record(group_commit, checkin(f"job-{number}")) == NOON + HOUR
            assert keeps(group_commit), group_commit.known.not_kept
        assert lives(url) == 1


def test_postgres_on_a_full_disk_has_no_life_while_some_check_ins_fail_and_others_do_not(
    tmp_path: Path, postgres
) -> None:
    folder = Path(postgres.url.rpartition("host=")[2])
    tablespace = f"small_{secrets.token_hex(4)}"
    with small_disk(folder, "24m") as disk:
        shutil.chown(disk, "nobody")
        postgres.execute(f"CREATE TABLESPACE {tablespace} LOCATION '{disk}'")
        try:
            postgres.execute(f"CREATE DATABASE {tablespace} TABLESPACE {tablespace}")
            url = postgres.url_of(tablespace)
            store = open_store(url)
            group_commit = GroupCommit(store, life_signs=LifeSigns(store, time.time, "front-01"))
            assert keeps(group_commit)
            assert record(group_commit, checkin("small")) == NOON + HOUR
            ballast = fill(disk)
            failing = first_that_fails(group_commit)
            assert "No space left on device" in str(failing)
            # What needs no new page is kept, signs could be written, and no life begins.
            began_with = lives(url)
            assert record(group_commit, checkin("small")) == NOON + HOUR
            assert not keeps(group_commit)
            assert lives(url) == began_with
            ballast.unlink()
            until(lambda: keeps(group_commit))
            assert lives(url) == began_with + 1
        finally:
            postgres.execute(f"DROP DATABASE IF EXISTS {tablespace} WITH (FORCE)")
            postgres.execute(f"DROP TABLESPACE {tablespace}")


def first_that_fails(group_commit: GroupCommit) -> StoreError:
    """New jobs check in until one needs a page more than there is."""
    for number in range(5000):
        outcome = record(group_commit, checkin(f"{'long-' * 30}{number}"))
        if isinstance(outcome, StoreError):
            return outcome
    pytest.fail("the disk was not full")
