"""The line in /etc/cron.d/gocron, as cron hands it to sh: sweeps don't pile up, none hangs."""

import os
import subprocess
from pathlib import Path

from tests.service.processes import until

CRON_FILE = Path(__file__).parents[2] / "contrib/cron/gocron"
SWEEP = "/opt/gocron/venv/bin/gocron-sweep"


class Sweeps:
    """A host on which cron starts sweeps, which are scripts."""

    def __init__(self, folder: Path, limit: str = "300") -> None:
        self.program = folder / "sweep"
        self.started = folder / "started"
        self.held = folder / "held"
        (line,) = (line for line in CRON_FILE.read_text().splitlines() if line.endswith(SWEEP))
        _, user, command = line[len("* * * * ") :].split(" ", 2)
        assert user == "gocron"
        assert (" 300 " in command, "%" in command) == (True, False)
        for ours, here in {
            SWEEP: self.program,
            "/var/lib/gocron": folder,
            " 300 ": f" {limit} ",
        }.items():
            assert ours in command
            command = command.replace(ours, str(here))
        self.command = command

    def do(self, script: str) -> None:
        self.program.write_text(f"#!/bin/sh\necho >>{self.started}\n{script}\n")
        self.program.chmod(0o755)

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["/bin/sh", "-c", self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def count(self) -> int:
        return len(self.started.read_text().splitlines()) if self.started.exists() else 0

    def finish(self, process: "subprocess.Popen[str]") -> None:
        """Let a sweep end that reads from `held`."""
        self.held.write_text("")
        process.communicate()


def test_a_sweep_that_takes_long_is_not_joined_by_others(tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path)
    os.mkfifo(sweeps.held)
    sweeps.do(f"exec cat {sweeps.held}")
    long = sweeps.start()
    until(lambda: sweeps.count() == 1)
    for _ in range(3):
        later = sweeps.start()
        assert later.communicate()[0] == "", "cron would mail it"
        assert later.returncode == 0
    assert sweeps.count() == 1
    sweeps.finish(long)


def test_a_sweep_that_hangs_is_ended_and_told_of_and_the_next_one_sweeps(tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path, limit="0.2")
    os.mkfifo(sweeps.held)
    sweeps.do(f"exec cat {sweeps.held}")
    said = sweeps.start().communicate()[0]
    assert "timeout: sending signal TERM to command" in said
    sweeps.do("exit 5")
    after = sweeps.start()
    assert after.communicate()[0] == ""
    assert (after.returncode, sweeps.count()) == (5, 2)


def test_where_there_is_no_folder_for_gocron_that_is_said(tmp_path: Path) -> None:
    sweep = Sweeps(tmp_path / "none").start()
    assert "none" in sweep.communicate()[0]
    assert sweep.returncode != 0
