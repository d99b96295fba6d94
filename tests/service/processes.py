"""The real programs as processes, each in a session of its own so that all of it can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Longer than a front is missed before it counts as gone, on a machine that is busy.
PATIENCE_S = 60


@contextmanager
def program(name: str, *arguments: object, **more: object) -> Iterator[subprocess.Popen]:
    """Run the function `name` of gocron.cli for the length of the block."""
    start = f"import sys; from gocron import cli; sys.exit(cli.{name}())"
    process = subprocess.Popen(
        [sys.executable, "-c", start, *map(str, arguments)], start_new_session=True, **more
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def front(config: Path, port: int, **more: object) -> Iterator[subprocess.Popen]:
    """Run gocron-front for the length of the block, from its first answer on."""
    with program("front", "--config", config, **more) as process:
        until(lambda: process.poll() is not None or answers(port))
        if process.poll() is not None:
            pytest.fail(f"the front ended with {process.returncode}")
        yield process


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=5).close()
        return True
    return False


def check_in(url: str, query: str) -> int:
    """Ask as a crontab does; return the status of the answer."""
    try:
        with urllib.request.urlopen(f"{url}?{query}", timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def until(true: Callable[[], object]) -> None:
    """Return once `true` is; fail when that takes too long."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > give_up_at:
            pytest.fail(f"nothing came of it within {PATIENCE_S} s")
        time.sleep(0.05)
