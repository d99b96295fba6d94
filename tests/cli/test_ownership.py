"""Root acts as the user to whom the data belongs: no link that he plants leads root anywhere."""

import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import Postgres
from tests.peers import free_port

pytestmark = pytest.mark.root

OWNER = pwd.getpwnam("nobody")
SECRET = "for root alone"


class Place:
    """A folder of another user's, in which gocron keeps its data, and what only root may write."""

    def __init__(self, folder: Path) -> None:
        # Others must be able to come here, as they come to /var/lib.
        below = len(Path(tempfile.gettempdir()).parents) + 1
        for path in (folder, *folder.parents[:-below]):
            path.chmod(0o755)
        self.data = folder / "data"
        self.page = folder / "page"
        for path in (self.data, self.page):
            path.mkdir()
            give(path)
        self.precious = folder / "precious"
        self.precious.mkdir(mode=0o700)
        (self.precious / "file").write_text(SECRET)
        self.database = self.data / "gocron.db"
        self.config = folder / "config.yml"
        self.configure()

    def configure(self, **options: object) -> None:
        told = {
            "database_url": f"sqlite:///{self.database}",
            "status_dir": str(self.page),
            "journal": "",
            "reports_dir": "",
            "smtpserver": "127.0.0.1",
            "smtpport": 9,
            **options,
        }
        self.config.write_text(yaml.safe_dump(told))

    def precious_state(self) -> list[tuple[str, int, str]]:
        return [
            (path.name, path.stat().st_uid, path.read_text() if path.is_file() else "")
            for path in (self.precious, *sorted(self.precious.rglob("*")))
        ]


def give(path: Path) -> None:
    os.chown(path, OWNER.pw_uid, OWNER.pw_gid, follow_symlinks=False)


def link(at: Path, target: Path) -> None:
    at.symlink_to(target)
    give(at)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(place: Place, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    start = f"import sys; from gocron import cli; sys.exit(cli.{program}())"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments, "--config", str(place.config)],
        capture_output=True,
        text=True,
    )


COMMANDS = {
    "list": ("main", "jobs", "list"),
    "add": ("main", "jobs", "add", "a", "b", "--email=a@example.com", "--frequency=1d"),
    "forget": ("main", "jobs", "forget", "a", "b"),
    "explain": ("main", "explain", "a", "b"),
    "upgrade": ("main", "db", "upgrade"),
    "check": ("main", "check"),
    "before-start": ("main", "check", "--before-start"),
    "test": ("main", "test", "a@example.com"),
    "sweep": ("sweep",),
    "dry-run": ("sweep", "--dry-run"),
    "summary": ("summary",),
    "back": ("back", "--summary"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_of_root_follows_a_link_in_anothers_folder(
    place: Place, command: tuple[str, ...]
) -> None:
    for name in ("gocron.db", "gocron.db-wal", "gocron.db-shm", "gocron.db-journal"):
        link(place.data / name, place.precious / name)
    for name in ("account", "style.css", ".published.json"):
        link(place.page / name, place.precious / "file")
    before = place.precious_state()
    done = run(place, *command)
    assert place.precious_state() == before
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_root_makes_belongs_to_the_owner_and_others_cannot_read_the_database(
    place: Place, command: tuple[str, ...]
) -> None:
    done = run(place, *command)
    assert "Traceback" not in done.stderr
    made = [*place.data.rglob("*"), *place.page.rglob("*")]
    assert {path.stat().st_uid for path in made} <= {OWNER.pw_uid}
    assert all(path.stat().st_mode & 0o027 == 0 for path in place.data.iterdir())
    if command == ("main", "jobs", "list"):
        assert (done.returncode, done.stdout) == (0, "no jobs\n")


@pytest.mark.parametrize("command", [("check", "--before-start"), ("db", "upgrade")], ids=str)
def test_root_may_tell_the_configuration_by_standard_input(
    place: Place, command: tuple[str, ...]
) -> None:
    place.configure(listen_port=free_port())
    start = "import sys; from gocron import cli; sys.exit(cli.main())"
    done = subprocess.run(
        [sys.executable, "-c", start, "--config", "/dev/stdin", *command],
        input=place.config.read_text(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    made = [*place.data.rglob("*"), *place.page.rglob("*")]
    assert bool(made) == (command[0] == "db")
    assert {path.stat().st_uid for path in made} <= {OWNER.pw_uid}


def test_a_sweep_of_root_writes_the_page_as_its_owner(place: Place) -> None:
    run(place, *COMMANDS["add"])
    assert run(place, "sweep").returncode in (0, 5)
    assert (place.page / "index.html").stat().st_uid == OWNER.pw_uid


ways = pytest.mark.parametrize(
    "plant",
    [
        lambda place: link(place.data / "way", place.precious),
        lambda place: (place.data / "way").symlink_to("../precious"),
        lambda place: (place.data / "way").mkdir(),
    ],
    ids=["link", "relative-link-of-roots", "folder-of-roots"],
)


@ways
def test_a_folder_below_anothers_is_the_others(
    place: Place, plant: Callable[[Place], object]
) -> None:
    plant(place)
    place.configure(database_url=f"sqlite:///{place.data}/way/gocron.db")
    before = place.precious_state()
    done = run(place, "main", "jobs", "list")
    assert done.returncode in (3, 4), done.stderr
    assert place.precious_state() == before
    assert not (place.data / "way/gocron.db").exists()


def test_a_folder_that_is_reached_by_roots_own_link_belongs_to_whom_it_belongs(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("data")
    place.configure(database_url=f"sqlite:///{tmp_path}/link/gocron.db")
    assert run(place, "main", "jobs", "list").returncode == 0
    assert place.database.stat().st_uid == OWNER.pw_uid


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_root_opens_nothing_in_a_folder_of_his_own_into_which_others_may_write(
    place: Place, tmp_path: Path, mode: int
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, 0, OWNER.pw_gid)
    shared.chmod(mode)
    place.configure(database_url=f"sqlite:///{shared}/gocron.db", status_dir="")
    done = run(place, "main", "jobs", "list")
    assert done.returncode == 3
    assert "database_url: others than root may write to" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(shared.iterdir()) == []


def test_a_database_of_roots_and_a_page_of_anothers_are_refused(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    place.configure(database_url=f"sqlite:///{tmp_path}/own/gocron.db")
    done = run(place, "sweep")
    assert done.returncode == 3
    assert "status_dir: belongs to nobody, and the database to root" in done.stderr
    assert [*place.page.iterdir(), *(tmp_path / "own").iterdir()] == []


def test_what_is_all_roots_is_worked_on_by_root(place: Place, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    place.configure(
        database_url=f"sqlite:///{tmp_path}/own/gocron.db", status_dir=f"{tmp_path}/own/page"
    )
    assert run(place, "sweep").returncode == 0
    assert (tmp_path / "own/page/index.html").stat().st_uid == 0


def test_with_postgres_root_becomes_the_owner_of_the_page(place: Place, postgres: Postgres) -> None:
    with postgres.database() as name:
        place.configure(database_url=postgres.url_of(name))
        link(place.page / "account", place.precious)
        before = place.precious_state()
        run(place, *COMMANDS["add"])
        assert json.loads(run(place, "main", "jobs", "list", "--json").stdout)
        run(place, "sweep")
        assert place.precious_state() == before


def test_no_file_of_roots_is_read_for_whoever_writes_the_configuration(
    place: Place, tmp_path: Path
) -> None:
    secret = place.precious / "file"
    place.configure(smtpaddress="a@example.com", smtppassword=f"file:{secret}")
    assert run(place, "main", "jobs", "list").returncode == 0, "root wrote it"
    give(place.config)
    done = run(place, "main", "jobs", "list")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"smtppassword: {secret}: Permission denied" in done.stderr
    os.chown(place.config, 0, 0)
    link(place.page / "config.yml", place.config)
    place.config = place.page / "config.yml"
    assert run(place, "main", "jobs", "list").returncode == 3, "he chose the file"


def test_the_owner_may_be_a_number_without_a_name(place: Place) -> None:
    os.chown(place.data, 54_321, 54_321)
    os.chown(place.page, 54_321, 54_321)
    assert run(place, "main", "jobs", "list").returncode == 0
    assert place.database.stat().st_uid == 54_321
