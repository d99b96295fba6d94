"""Hosts, the checkout that is installed on them, and a mail server that they can reach."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests.acceptance.hosts import Host, Network, missing
from tests.history import CHECKOUT, git, unpack
from tests.peers import MailPeer

VERSION = re.compile(r'(?<=__version__ = ")[^"]+')

# The host's own Python, but for its age.
OLD_PYTHON = """#!/bin/sh
case $* in
*version_info*) exit 1 ;;
-V) echo Python 3.9.2 ;;
*) exec /usr/bin/python3 "$@" ;;
esac
"""

Files = dict[str, Path]


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """A network of hosts. In CI it must be possible; elsewhere what it lacks is said."""
    if lacks := missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            f"hosts can't be booted here without {', '.join(lacks)}"
        )
    with Network() as network:
        yield network


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A copy of what a clone of this checkout would hold, and of what is not committed yet."""
    folder = tmp_path_factory.mktemp("checkout")
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    files = {name: CHECKOUT / name for name in names if name and (CHECKOUT / name).is_file()}
    lay(files, folder)
    return {name: folder / name for name in files}


@pytest.fixture(scope="module")
def bare(network: Network, checkout: Files) -> Iterator[Host]:
    """A host with nothing on it but the checkout; one for all tests of a module."""
    with network.host("web", "bookworm") as host:
        host.put_tree(checkout, "/root/gocron")
        yield host


@pytest.fixture(scope="session")
def older_checkout(checkout: Files, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The newest commit whose program differs and that can be installed; else an imitation."""
    folder = tmp_path_factory.mktemp("older")
    for commit in git("log", "--format=%H", "-100").split():
        differs = git("diff", "--name-only", commit, "--", "gocron", "reports")
        names = git("ls-tree", "-r", "--name-only", commit).splitlines()
        if differs and "ansible/site.yml" in names:
            unpack(commit, folder)
            return {name: folder / name for name in names}
    imitation = folder / "__init__.py"
    present = checkout["gocron/__init__.py"].read_text()
    imitation.write_text(VERSION.sub("0.0.1", present))
    return {**checkout, "gocron/__init__.py": imitation}


def lay(files: Files, folder: Path) -> Path:
    """Copy files, by their names, into a folder of this machine, and return it."""
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    return folder


class MailServer(MailPeer):
    """A mail server that other hosts reach."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host

    def start(self) -> None:
        with socket.socket() as trial:
            trial.bind((self.host, self.port))
            self.port = trial.getsockname()[1]
        self._controller = Controller(self, hostname=self.host, port=self.port)
        self._controller.start()


@pytest.fixture
def mail_server(network: Network) -> Iterator[MailServer]:
    """A mail server at the network's gateway."""
    server = MailServer(network.gateway)
    server.start()
    yield server
    server.stop()


def configure(host: Host, **options: object) -> None:
    """Set options in the host's configuration, as its sysadmin would with an editor."""
    path = "/etc/gocron/config.yml"
    text = host.read(path)
    for name, value in options.items():
        text, count = re.subn(rf"(?m)^#?{name}: .*$", f"{name}: {value}", text)
        assert count == 1, f"{name} in {path}: {count} times"
    host.path(path).write_text(text)
