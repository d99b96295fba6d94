"""A new database for each story, on either kind."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.conftest import Postgres

# Yields the URL of a new database with the schema up to date, gone when the block is left.
Databases = Callable[[], AbstractContextManager[str]]


def sqlite_databases(template: Path, folder: Path) -> Databases:
    """Return what copies the file `template` into `folder`."""

    @contextmanager
    def copy() -> Iterator[str]:
        path = folder / "story.db"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        for left in folder.glob("story.db*"):
            left.unlink()

    return copy


def postgres_databases(template: str, server: Postgres) -> Databases:
    """Return what copies the database `template` of `server`."""

    @contextmanager
    def copy() -> Iterator[str]:
        with server.database(template) as name:
            yield server.url_of(name)

    return copy
