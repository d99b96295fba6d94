"""What git knows of this checkout, and gocron as it once was."""

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


def git(*arguments: str) -> str:
    """Ask git about the checkout."""
    asked = _ask(*arguments)
    asked.check_returncode()
    return asked.stdout.decode()


def unpack(commit: str, folder: Path) -> Path:
    """Lay what was in `commit` into `folder`, and return it; fail where this clone lacks it."""
    archive = _ask("archive", commit)
    if archive.returncode:
        pytest.fail(
            f"git: {CHECKOUT}: no commit {commit[:7]}, the older gocron of this test "
            f"({archive.stderr.decode().strip()}); get the whole history by `git fetch --unshallow`"
        )
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def _ask(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    # CI may run as another user than the one that cloned it.
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True)
