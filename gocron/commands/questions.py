"""What `gocron check` asks before gocron starts: of the host, the database and its folders."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gocron.config import Config
from gocron.errors import ConfigError, ExitStatus, GocronError
from gocron.front.listening import open_listener
from gocron.host import lacks_room, listening_users, this_host, user_name
from gocron.notify import DeliveryFailed
from gocron.notify.http import NoAnswer, fetch
from gocron.store import checkins
from gocron.store.database import Store
from gocron.store.schema import later, pending
from gocron.sweep.world import here_url

# The encodings of a database in which every name has its place.
ENCODINGS = ("UTF8", "SQL_ASCII")

# What is told of before it is too late: a day's worth of a large fleet.
ROOM_LEAST_MB = 64

FRONT_ANSWERS_WITHIN_S = 2

log = logging.getLogger("gocron")


@dataclass(frozen=True)
class Finding:
    """The answer to one question; `status` is how a program ends that needs a good one."""

    subject: str
    said: str
    status: ExitStatus = ExitStatus.OK

    @property
    def good(self) -> bool:
        """Whether all is as it should be."""
        return self.status is ExitStatus.OK


class Bad(Exception):
    """A question whose answer is not good."""


def ask(subject: str, question: Callable[[], str]) -> Finding:
    """Return the answer to `question`."""
    try:
        return Finding(subject, question())
    except GocronError as error:
        return Finding(subject, str(error), error.status)
    except (DeliveryFailed, Bad) as error:
        return Finding(subject, str(error), ExitStatus.CHECK_FAILED)
    except OSError as error:
        # A folder that may not be entered, for one.
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        said += "; run this as the user that gocron runs as"
        return Finding(subject, said, ExitStatus.CHECK_FAILED)
    except Exception as error:
        log.exception("bug: %s", subject)
        return Finding(subject, f"bug: {error!r} (please report)", ExitStatus.BUG)


def before_start(config: Config) -> Iterator[Finding]:
    """Yield what front and sweep need before they start; nothing is changed."""
    yield ask("port", lambda: port(config))
    found = ask("database", lambda: database_to_be(config))
    yield found
    if found.good:
        yield ask("schema", lambda: schema_to_be(config))
    yield ask("page folder", lambda: page_folder(config))


def port(config: Config) -> str:
    """See whether gocron-front can listen: nobody does, or the front that will be restarted."""
    where = f"{config.listen_host}, port {config.listen_port}"
    try:
        open_listener(config.listen_host, config.listen_port).close()
    except ConfigError:
        if listening_users(config.listen_port) == {os.geteuid()} and _front_answers(config):
            return f"{where}: gocron-front listens there"
        raise
    return f"{where}: free"


def database_to_be(config: Config) -> str:
    """See whether the database is there, or can be made."""
    store = Store(config.database_url)
    if not store.is_postgres:
        _require_writable(Path(str(store.db.database)).parent, "database_url")
    if store.lacks_file():
        return f"{store.name}: made at the start"
    return database(config)


def database(config: Config) -> str:
    """See whether the database can be reached, keeps a check-in and can hold every name."""
    store = Store(config.database_url)
    with store.connected():
        version = store.server_version()
        encoding = store.encoding()
        _keeps(store)
    if encoding not in ENCODINGS:
        raise Bad(
            f"{store.name} keeps text as {encoding} and can't hold every name; make one "
            "with ENCODING 'UTF8', and restore a dump of this one into it"
        )
    return f"{store.name}, {store.kind} {version}"


def schema_to_be(config: Config) -> str:
    """See whether this version can go on with the tables."""
    store = Store(config.database_url)
    if store.lacks_file():
        return "made at the start"
    with store.connected():
        lacking = pending(store)
    return f"{len(lacking)} migrations pending, applied at the start" if lacking else "up to date"


def page_folder(config: Config) -> str:
    """See whether the page can be written."""
    if not config.status_dir:
        return "not set, no page is written"
    folder = Path(config.status_dir)
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    _require_writable(existing, "status_dir")
    require_room(existing)
    return str(folder)


def require_room(path: Path) -> None:
    """Raise Bad where the disk of `path` is as good as full."""
    if lack := lacks_room(path, ROOM_LEAST_MB):
        raise Bad(lack)


def _keeps(store: Store) -> None:
    """Have a check-in kept and taken back, unless tables are missing: that is told of elsewhere."""
    if later(store) or pending(store):
        return
    checkins.try_out(store, (), this_host())
    if not store.is_postgres:
        require_room(Path(str(store.db.database)))


def _front_answers(config: Config) -> bool:
    try:
        answer = fetch(here_url(config), FRONT_ANSWERS_WITHIN_S, direct=True)
    except NoAnswer:
        return False
    return answer.body.startswith(b"gocron")


def _require_writable(folder: Path, option: str) -> None:
    """Raise ConfigError unless this user may make files in `folder`."""
    if not folder.is_dir():
        raise ConfigError(str(folder), "is no folder", f"make it, or change {option}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            str(folder),
            f"can't be written by the user {user_name(os.geteuid())}",
            f"see to it, or change {option}",
        )
