"""Whose files are: root acts as the user to whom gocron's data belongs, never in his place.

Who owns a folder decides where the links in it lead. Root that opens, makes or gives away a file
there does so wherever that owner likes.
"""

import email
import encodings
import importlib
import os
import pkgutil
import pwd
import stat
from contextlib import suppress
from pathlib import Path

import gocron
from gocron.config import Config
from gocron.errors import ConfigError
from gocron.host import user_name

SQLITE = "sqlite:///"

# More links on one way lead in circles; the kernel allows as many.
_LINKS_LIMIT = 40


def become_author(file: Path) -> None:
    """Make this process, if it is root's, one of the user who may write the configuration `file`.

    It says which files are read as secrets, and to whom they are sent. Raises ConfigError.
    """
    if os.geteuid() == 0 and (author := _owner(str(file), file.absolute())):
        _become(author)


def become_owner(config: Config) -> None:
    """Make this process, if it is root's, one of the user to whom the data belongs; for good.

    Raises ConfigError where the data belongs to several users, or where others than root may
    put files beside root's.
    """
    if os.geteuid() != 0:
        return
    owners = {option: _owner(option, path) for option, path in _places(config).items()}
    others = {option: owner for option, owner in owners.items() if owner != 0}
    if not others:
        return
    option, owner = next(iter(others.items()))
    if owners.get("database_url") == 0:
        raise ConfigError(
            option,
            f"belongs to {user_name(owner)}, and the database to root",
            "give both to the user as whom gocron runs",
        )
    _become(owner)


def _places(config: Config) -> dict[str, Path]:
    """Return what gocron writes and believes, by option, in the order in which owners count."""
    database = config.database_url
    told = {
        "database_url": database.removeprefix(SQLITE) if database.startswith(SQLITE) else "",
        "status_dir": config.status_dir,
        "journal": str(Path(config.journal).parent) if config.journal else "",
        "reports_dir": config.reports_dir,
    }
    return {option: Path(path) for option, path in told.items() if path}


def _owner(option: str, path: Path) -> int:
    """Return the first user but root who decides where `path` leads; 0 where only root does.

    Each step of the way counts, and each step that a link takes. Raises ConfigError.
    """
    folder, steps, links = Path("/"), list(reversed(path.parts[1:])), 0
    while steps:
        step = folder / steps.pop()
        try:
            told = step.lstat()
        except FileNotFoundError:
            break
        except OSError as error:
            raise ConfigError(option, f"{step}: {error.strerror}") from None
        if told.st_uid != 0:
            return told.st_uid
        if stat.S_ISLNK(told.st_mode):
            target = step.readlink()
            steps += reversed(target.parts[target.is_absolute() :])
            folder = Path("/") if target.is_absolute() else folder
            links += 1
            if links > _LINKS_LIMIT:
                raise ConfigError(option, f"{step}: leads in circles")
        elif stat.S_ISDIR(told.st_mode):
            folder = step
            if told.st_mode & stat.S_IWOTH and not told.st_mode & stat.S_ISVTX:
                raise _for_others(option, folder)
    if option in ("database_url", "status_dir") and _is_for_others(folder.stat()):
        raise _for_others(option, folder)
    return 0


def _is_for_others(told: os.stat_result) -> bool:
    """Tell whether others than root may make files in a folder."""
    by_group = told.st_mode & stat.S_IWGRP and told.st_gid != 0
    return bool(told.st_mode & stat.S_IWOTH or by_group)


def _for_others(option: str, folder: Path) -> ConfigError:
    return ConfigError(
        option,
        f"others than root may write to {folder}, so root opens nothing there",
        "give the folder to the user as whom gocron runs",
    )


def _become(uid: int) -> None:
    _import_all()
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        # A number without a name, as in containers.
        os.setgroups([])
        os.setgid(uid)
        os.environ["HOME"] = "/"
    else:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)
    os.setuid(uid)
    if not os.access(".", os.X_OK):
        os.chdir("/")


def _import_all() -> None:
    """Import now what commands import when they need it: the owner may not read root's Python."""
    importlib.import_module("playhouse.migrations")
    for package in (gocron, encodings, email):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." not in module.name:
                # Some codecs are for other systems.
                with suppress(ImportError):
                    importlib.import_module(module.name)
