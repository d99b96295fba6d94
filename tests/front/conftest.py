"""The front as a WSGI server sees it, held to the letter of WSGI."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import psycopg2
import pytest

from gocron.config import Config, load_config
from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.signal import Signal
from gocron.front.routes import Front
from gocron.front.wsgi import make_app
from gocron.store import jobs
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit, Outcome

NOON = 1_800_014_400
WHOLE = {
    "cronname": "backup",
    "account": "web-01",
    "email": "ops@example.com",
    "frequency": "3600",
}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """The body where it is one line of text, as every refusal is."""
        assert self.headers["Content-Type"] == "text/plain; charset=utf-8"
        text = self.body.decode("utf-8")
        assert text.endswith("\n")
        assert text[:-1].isprintable(), "one line, and no traceback"
        assert "Traceback" not in text
        return text[:-1]


class Listening(GroupCommit):
    """A group commit that tells what is handed in."""

    def __init__(self, store: Store) -> None:
        self.came: list[CheckIn] = []
        super().__init__(store)

    def submit(self, checkin: CheckIn, tell: Callable[[Outcome], None]) -> None:
        self.came.append(checkin)
        super().submit(checkin, tell)

    @property
    def signals(self) -> list[Signal]:
        return [checkin.signal for checkin in self.came]


class Site:
    """One front on one database, and what a client does with it."""

    def __init__(self, config: Config, store: Store, readable: Store | None = None) -> None:
        self.config = config
        self.store = store
        self._readable = readable or store
        self.now: float = NOON
        self._group_commit = GroupCommit(store)
        self.configure()

    def configure(self, **changed: Any) -> None:
        """Make the application anew with some options changed."""
        self.config = replace(self.config, **changed)
        front = Front(self.config, self._readable, lambda: self.now, self._group_commit)
        self._app = validator(make_app(front))

    def ask(
        self,
        method: str = "GET",
        path: str = "/",
        query: str = "",
        body: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
        peer: str = "192.0.2.1",
        length: int | None = None,
        server: Mapping[str, Any] | None = None,
    ) -> Response:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": peer,
            "CONTENT_LENGTH": str(len(body) if length is None else length),
            "wsgi.input": BytesIO(body),
            **(server or {}),
        }
        if content_type:
            environ["CONTENT_TYPE"] = content_type
        for name, value in (headers or {}).items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        setup_testing_defaults(environ)
        began: list[Any] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _: Any = None
        ) -> Callable[[bytes], Any]:
            began[:] = [int(status[:3]), dict(headers)]
            return lambda _: None

        # `validator` notices a server that lacks `close` or asks for more than there is.
        answer = self._app(environ, start_response)
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        return Response(began[0], began[1], content)

    def check_in(self, **changed: str | None) -> Response:
        """Check in as WHOLE says with some fields changed, or left out where None."""
        told = {name: value for name, value in {**WHOLE, **changed}.items() if value is not None}
        return self.ask(query=urlencode(told))

    def jobs(self) -> list[Job]:
        with self.store.connected():
            return list(jobs.every_job(self.store))


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    file = tmp_path / "config.yml"
    file.write_text(f"database_url: '{database_url}'\nstatus_dir: ''\n")
    return load_config(file, {})


@pytest.fixture
def site(config: Config, store: Store) -> Iterator[Site]:
    return Site(config, store)


@contextmanager
def away(url: str) -> Iterator[None]:
    """Take the database away for the length of the block."""
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        hidden = folder.rename(folder.with_name("hidden"))
        yield
        hidden.rename(folder)
        return
    name = urlsplit(url).path.removeprefix("/")
    with closing(psycopg2.connect(urlsplit(url)._replace(path="/postgres").geturl())) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (name,),
            )
            yield
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
