"""Fronts for clients that nobody here wrote: one that runs, and one that tells what it heard."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from gocron.config import Config, load_config
from gocron.core.signal import WORKED, Signal
from gocron.front.routes import Front
from gocron.front.wsgi import make_app
from gocron.host import clock
from gocron.store.database import Store
from tests.front.conftest import Listening
from tests.front.test_served import Served, serve

KNOWN = (("web-01", "backup"), ("monitoring", "watchdog"))
NEW = "email=ops@example.com&frequency=3600"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A front that knows two jobs, and has these and no other in the end."""
    folder = tmp_path_factory.mktemp("clients")
    with serve(f"sqlite:///{folder / 'gocron.db'}", folder) as served:
        for account, cronname in KNOWN:
            assert served.get(f"/ping/{account}/{cronname}?{NEW}".encode())[0] == 200
        yield served
        assert {(job.account, job.cronname) for job in served.jobs()} == set(KNOWN)
        assert "Traceback" not in served.log.read_text()


@dataclass(frozen=True)
class Ear:
    """A front in this process that tells what it made of what it heard of web-01's backup."""

    port: int
    listening: Listening

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping/web-01/backup"

    def heard(self) -> list[Signal]:
        """What came since the last call."""
        came, self.listening.came[:] = list(self.listening.came), []
        assert {checkin.key for checkin in came} <= {KNOWN[0]}
        return [checkin.signal for checkin in came]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ear(store: Store, database_url: str, tmp_path: Path) -> Iterator[Ear]:
    file = tmp_path / "config.yml"
    file.write_text(f"database_url: '{database_url}'\nstatus_dir: ''\n")
    config: Config = load_config(file, {})
    listening = Listening(store)
    app = make_app(Front(config, store, clock, listening))
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ear = Ear(server.server_port, listening)
        with urlopen(f"{ear.url}?{NEW}") as answer:
            assert answer.status == 200
        assert ear.heard() == [WORKED]
        yield ear
        server.shutdown()
