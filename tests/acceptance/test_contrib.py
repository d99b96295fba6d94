"""The files in contrib/ hold what they promise, by the word of the programs they are for."""

import re
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import Files
from tests.acceptance.hosts import Host, Network
from tests.history import CHECKOUT

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

MOST_EXPOSED = 1.5
UNITS = sorted(path.name for path in (CHECKOUT / "contrib/systemd").glob("*.service"))
PROGRAMS = ("gocron-front", "gocron-sweep", "gocron-summary")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def bare(request: pytest.FixtureRequest, network: Network, checkout: Files) -> Iterator[Host]:
    with network.host("bare", request.param) as host:
        host.put_tree(checkout, "/root/gocron")
        for program in PROGRAMS:
            host.put(f"/opt/gocron/venv/bin/{program}", "#!/bin/sh\n", mode=0o755)
        yield host


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_walled_in(bare: Host, unit: str) -> None:
    analysis = bare.run(f"systemd-analyze security --offline=true gocron/contrib/systemd/{unit}")
    exposure = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", analysis)[1]
    assert float(exposure) <= MOST_EXPOSED, analysis


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_bounds_its_memory_and_its_tasks_and_says_why(unit: str) -> None:
    text = (CHECKOUT / "contrib/systemd" / unit).read_text()
    for bound in ("MemoryMax", "TasksMax"):
        assert re.search(rf"(?m)^# .+\n{bound}=\d", text), bound


def test_systemd_has_nothing_to_say_against_the_units(bare: Host) -> None:
    units = "gocron/contrib/systemd/*.service gocron/contrib/systemd/*.timer"
    done = bare.ask(f"systemd-analyze verify --man=no {units}")
    assert (done.returncode, done.stderr) == (0, "")


def test_user_and_folders_are_made_as_described(bare: Host) -> None:
    bare.run("systemd-sysusers /root/gocron/contrib/sysusers.d/gocron.conf")
    bare.run("systemd-tmpfiles --create /root/gocron/contrib/tmpfiles.d/gocron.conf")
    modes = bare.run("stat -c '%U:%G %a' /var/lib/gocron /var/cache/gocron/status")
    assert modes == "gocron:gocron 750\ngocron:gocron 755\n"
    modes = bare.run("stat -c '%U:%G %a' /var/log/gocron /var/log/gocron/journal.log")
    assert modes == "root:gocron 751\nroot:gocron 640\n"
    assert bare.run("getent passwd gocron").endswith("/nologin\n")


def test_cron_takes_the_file_in_cron_d(bare: Host) -> None:
    text = (CHECKOUT / "contrib/cron/gocron").read_text()
    assert text.endswith("\n")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    jobs = [line.split() for line in lines if line[0] in "*0123456789"]
    assert [job[5] for job in jobs] == ["gocron", "gocron"]
    for job in jobs:
        # The program comes last, behind what watches it.
        for program in (job[6], "timeout", job[-1]):
            bare.run(f"command -v {program}")
