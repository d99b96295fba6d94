"""nginx promises to keep a check-in only where there is room, and somebody who looks for it."""

from pathlib import Path

import pytest

from gocron import host
from gocron.promise import PERIOD_S, flags, renew_promise_of

NOW = 1_790_000_000
PERIOD = "179000"
NEXT = "179001"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.log"
    path.touch()
    return path


def promised(journal: Path) -> set[str]:
    folder = flags(journal)
    return {flag.name for flag in folder.iterdir()} if folder.is_dir() else set()


def test_while_there_is_room_it_is_promised_for_hours_and_no_longer(journal: Path) -> None:
    assert renew_promise_of(journal, NOW) == []
    assert promised(journal) == {PERIOD, NEXT}
    assert renew_promise_of(journal, NOW + PERIOD_S) == []
    assert promised(journal) == {NEXT, "179002"}


@pytest.mark.parametrize(
    ("disk", "said"),
    [
        ({"f_bavail": 3_000, "f_files": 0}, "12 MB free at {folder}; make room, 16 MB at least"),
        ({"f_files": 10**6, "f_favail": 9}, "room for 9 files at {folder}; remove some"),
    ],
)
def test_without_room_nothing_is_promised_and_a_sweep_says_so(
    journal: Path, monkeypatch: pytest.MonkeyPatch, disk: dict, said: str
) -> None:
    renew_promise_of(journal, NOW)
    whole = {"f_bavail": 10**9, "f_frsize": 4096, "f_files": 10**6, "f_favail": 10**6, **disk}
    monkeypatch.setattr(host.os, "statvfs", lambda _: type("Disk", (), whole))
    complaint = f"nginx keeps no check-ins in {journal}: {said.format(folder=journal.parent)}"
    assert renew_promise_of(journal, NOW) == [complaint]
    assert promised(journal) == set()


def test_a_folder_of_flags_that_can_not_be_written_is_complained_of(journal: Path) -> None:
    flags(journal).write_text("no folder")
    (said,) = renew_promise_of(journal, NOW)
    assert said == f"nginx keeps no check-ins in {journal}: {flags(journal)}: File exists"


def test_where_nginx_writes_no_journal_nobody_complains(tmp_path: Path) -> None:
    assert renew_promise_of(tmp_path / "none/journal.log", NOW) == []
    assert not (tmp_path / "none").exists()
    flags(tmp_path / "journal.log").write_text("no folder")
    assert renew_promise_of(tmp_path / "journal.log", NOW) == []


def test_a_web_server_may_look_at_the_flags_whatever_the_umask(journal: Path) -> None:
    mask = host.os.umask(0o077)
    try:
        renew_promise_of(journal, NOW)
    finally:
        host.os.umask(mask)
    assert flags(journal).stat().st_mode & 0o777 == 0o755
