"""`install.sh --demo` touches nothing of the system, whoever starts it."""

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = ("sh", "dirname", "mktemp", "rm", "id", "cat")


@pytest.mark.parametrize("manager", ["apt-get", "dnf"])
def test_where_no_python_will_do_the_demo_says_so_and_installs_none(
    tmp_path: Path, manager: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (programs / name).symlink_to(found.stdout.strip())
    for name in (manager, "python3"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} >>{tmp_path}/called\nexit 1\n")
        (programs / name).chmod(0o755)
    done = subprocess.run(
        [CHECKOUT / "install.sh", "--demo"],
        env={"PATH": str(programs), "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no Python from 3.10 on that can make environments; install python3" in done.stderr
    assert set((tmp_path / "called").read_text().split()) == {"python3"}
    assert not (tmp_path / "home").exists()
