"""install.sh reads what a process of another user printed, and never runs it."""

import subprocess
from pathlib import Path

import pytest

from gocron.sweep.world import reachable

INSTALL = Path(__file__).parents[2] / "contrib/install"

# As `gocron config get` prints them, a line each.
GOOD = {
    "listen_host": "0.0.0.0",
    "listen_port": "8080",
    "status_dir": "/var/cache/gocron/status",
    "public_url": "http://gocron.example.com/status/",
    "operator_email": "ops@example.com",
}

READ = """
set -eu
SCRATCH={folder} CONFIG=/etc/gocron/config.yml
fail() {{ echo "install.sh: $*" >&2; exit 1; }}
. {install}/config.sh
new_gocron() {{ echo "$@" >{folder}/asked; cat {folder}/told; }}
read_settings
printf '%s\\n' "$front_bound" "$front_port" "$page_folder" "$page_url" "$operator_email" \
    "$front_host"
"""


def read(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "told").write_text(text)
    script = READ.format(folder=folder, install=INSTALL)
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=folder)


def told(**other: str) -> str:
    return "".join(f"{value}\n" for value in {**GOOD, **other}.values())


@pytest.mark.parametrize(
    ("other", "reached_at"),
    [
        ({}, "127.0.0.1"),
        ({"listen_host": "localhost"}, "127.0.0.1"),
        ({"listen_host": "::"}, "[::1]"),
        ({"listen_host": "fe80::1%eth0"}, "[fe80::1%eth0]"),
        ({"listen_host": "192.0.2.1", "operator_email": ""}, "192.0.2.1"),
        ({"listen_host": "gocron-1.example.com", "public_url": "", "status_dir": ""}, None),
        ({"status_dir": "/srv/Straße-1_a.b+c@d/..page"}, "127.0.0.1"),
    ],
    ids=["default", "localhost", "any-ipv6", "ipv6", "ipv4", "name", "folder"],
)
def test_settings_are_read_as_they_are(
    tmp_path: Path, other: dict[str, str], reached_at: str | None
) -> None:
    done = read(tmp_path, told(**other))
    assert done.stderr == ""
    settings = {**GOOD, **other}
    host = reached_at or settings["listen_host"]
    assert done.stdout.splitlines() == [*settings.values(), host]
    assert reachable(settings["listen_host"]) == host, "as gocron itself reaches it"
    assert (tmp_path / "asked").read_text().split() == ["config", "get", *GOOD]


@pytest.mark.parametrize(
    "other",
    [
        {"listen_host": ""},
        *({"listen_host": f"0.0.0.0{bad}"} for bad in "|;&$/ '\"`\\[\r"),
        *({"listen_port": bad} for bad in ("", "80 80", "8080;", "$(id)", "-1", "80\r")),
        *({"status_dir": f"/srv/a{bad}b"} for bad in " '\"`;{}$|&\\<>#\t\x1b"),
        *({"status_dir": bad} for bad in ("page", "/srv/../etc", "$(id)", "/srv/..")),
        *({"public_url": f"http://a{bad}"} for bad in (" ", "\t", "\x1b[31m", "ä")),
        {"operator_email": "\x1b[31m"},
        {"more": "PATH=/tmp"},
        {"more": ""},
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
    for text in (f"{line}\n", f"{told()}{line}\n", told(status_dir=f"/srv\n{line}"), told()[:-1]):
        assert read(tmp_path, text).returncode == 1
    assert not (tmp_path / "ran").exists()


def test_no_part_of_the_installer_runs_a_text(tmp_path: Path) -> None:
    for path in (INSTALL.parents[1] / "install.sh", *INSTALL.glob("*.sh")):
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.lstrip().startswith("eval ")], path
