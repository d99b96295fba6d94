"""The files of a page: each is written beside its place and renamed into it."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gocron.errors import PageError
from gocron.host import clock

# What a publication leaves that was killed while it wrote; no other is at work so long.
UNFINISHED = ".new"
UNFINISHED_FOR_S = 3600


@contextmanager
def as_page_error(folder: Path) -> Iterator[None]:
    """Raise PageError for what the block can't write below `folder`."""
    try:
        yield
    except OSError as error:
        raise PageError(
            str(error.filename or folder),
            f"can't write the status page: {error.strerror}",
            "check status_dir and its owner",
        ) from error


def make_folders(folder: Path) -> None:
    """Make what is missing, for the web server to read whatever the umask is."""
    accounts_folder = folder / "account"
    for path in (*reversed(folder.parents), folder, accounts_folder):
        if not path.is_dir():
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
    told, wanted = accounts_folder.stat(), stat.S_IMODE(folder.stat().st_mode)
    if told.st_uid == os.geteuid() and stat.S_IMODE(told.st_mode) != wanted:
        accounts_folder.chmod(wanted)


def tidy(folder: Path) -> None:
    """Remove what killed publications left behind; what can't be removed does no harm."""
    for path in (*folder.glob(f".*{UNFINISHED}"), *folder.glob(f"account/.*{UNFINISHED}")):
        with suppress(OSError):
            if clock() - path.stat().st_mtime > UNFINISHED_FOR_S:
                path.unlink()


def write(path: Path, content: str | bytes) -> None:
    """Put `content` in the place of `path` at once, unless it is there already."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    except FileNotFoundError:
        pass
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}{UNFINISHED}")
    try:
        beside.write_bytes(data)
        beside.chmod(0o644)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
