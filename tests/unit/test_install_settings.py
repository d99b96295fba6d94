"""install.sh reads what a process of another user printed, and never runs it."""

import subprocess
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[2] / "contrib/install"

GOOD = {
    "front_host": "127.0.0.1",
    "front_port": "8080",
    "front_bound": "0.0.0.0",
    "front_database": "postgresql://u:p'\"$(id)@h/d?x=1&y=`id`",
    "page_folder": "/var/cache/gocron/status",
    "page_url": "http://gocron.example.com/status/",
}

READ = """
set -eu
SCRATCH={folder} CONFIG=/etc/gocron/config.yml
fail() {{ echo "install.sh: $*" >&2; exit 1; }}
. {install}/config.sh
ask() {{ cat {folder}/told; }}
read_settings
printf '%s\\n' "$front_host" "$front_port" "$front_bound" "$front_database" "$page_folder" \
    "$page_url"
"""


def read(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "told").write_text(text)
    script = READ.format(folder=folder, install=INSTALL)
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=folder)


def told(**other: str) -> str:
    return "".join(f"{name}={value}\n" for name, value in {**GOOD, **other}.items())


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"front_host": "[fe80::1%eth0]", "front_bound": "fe80::1%eth0"},
        {"front_host": "gocron-1.example.com", "page_url": "", "page_folder": ""},
        {"page_folder": "/srv/Straße-1_a.b+c@d/..page"},
    ],
    ids=["default", "ipv6", "name", "folder"],
)
def test_settings_are_read_as_they_are(tmp_path: Path, other: dict[str, str]) -> None:
    done = read(tmp_path, told(**other))
    assert done.stderr == ""
    assert done.stdout.splitlines() == list({**GOOD, **other}.values())


@pytest.mark.parametrize(
    "other",
    [
        *({"front_host": f"127.0.0.1{bad}"} for bad in "|;&$/ '\"`\\"),
        *({"front_bound": f"0.0.0.0{bad}"} for bad in "|;&$/ '\"`\\["),
        *({"front_port": bad} for bad in ("", "80 80", "8080;", "$(id)", "-1")),
        *({"page_folder": f"/srv/a{bad}b"} for bad in " '\"`;{}$|&\\<>#\t\x1b"),
        *({"page_folder": bad} for bad in ("page", "/srv/../etc", "$(id)", "/srv/..")),
        *({"page_url": f"http://a{bad}"} for bad in (" ", "\t", "\x1b[31m", "ä")),
        {"front_database": "\x1b[31m"},
        {"PATH": "/tmp"},
        {"IFS": "x"},
        {"": "x"},
    ],
    ids=ascii,
)
def test_what_is_no_setting_is_refused_and_not_run(tmp_path: Path, other: dict[str, str]) -> None:
    done = read(tmp_path, told(**other))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "install.sh: /etc/gocron/config.yml: gocron's answer about it is no setting;"
        " nothing was done with it\n"
    )


@pytest.mark.parametrize("line", ["touch ran", "; touch ran", "$(touch ran)", "`touch ran`", "x"])
def test_a_line_that_is_no_setting_is_not_run(tmp_path: Path, line: str) -> None:
    for text in (f"{line}\n", f"{told()}{line}\n", told(page_folder=f"/srv\n{line}")):
        assert read(tmp_path, text).returncode == 1
    assert not (tmp_path / "ran").exists()


def test_no_part_of_the_installer_runs_a_text(tmp_path: Path) -> None:
    for path in (INSTALL.parents[1] / "install.sh", *INSTALL.glob("*.sh")):
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.lstrip().startswith("eval ")], path
