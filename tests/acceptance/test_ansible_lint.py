"""The roles and plays are as the production profile of ansible-lint wants them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.plays import ROOT, SETTINGS, program

pytestmark = pytest.mark.root


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(program('ansible')).parent}:/usr/bin:/bin"
    return subprocess.run(
        command, cwd=ROOT, env={**SETTINGS, "PATH": path}, capture_output=True, text=True
    )


def test_ansible_lint_finds_nothing() -> None:
    linted = run(
        program("ansible-lint"),
        *("--offline", "--strict", "--nocolor", "--config-file", ".config/ansible-lint.yml"),
        "ansible",
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "Passed: 0 failure(s), 0 warning(s)" in linted.stdout + linted.stderr


@pytest.mark.parametrize("inventory", ["one-host", "five-hosts"])
def test_each_inventory_is_understood(inventory: str) -> None:
    path = f"ansible/inventory/{inventory}.yml"
    checked = run(
        program("ansible-playbook"), "--syntax-check", "--inventory", path, "ansible/site.yml"
    )
    assert checked.returncode == 0, checked.stderr


def test_the_same_sources_make_the_same_archive(tmp_path: Path) -> None:
    pack = ROOT / "ansible/roles/gocron/files/pack.py"
    told = [run(sys.executable, str(pack), str(ROOT), str(tmp_path / name)).stdout for name in "ab"]
    assert told[0] == told[1] != ""
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
