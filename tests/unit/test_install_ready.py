"""install.sh asks the new release whether it could start, and ends as that does where it can't."""

import subprocess
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[2] / "contrib/install"

ASK = """
set -eu
for part in config system prove; do . {install}/$part.sh; done
CONFIG={folder}/config.yml SCRATCH={folder} MADE_CONFIG={made} DRY_RUN=false LISTEN_PORT=''
is_staged() {{ return 1; }}
is_built() {{ return 0; }}
doing() {{ return 0; }}
new_gocron() {{
    echo "$*" >>{folder}/asked
    case $1 in
    check)
        printf 'ok    schema: up to date\\nFAIL  port: taken\\033[2J; free it\\n'
        return {check} ;;
    db) echo "gocron: complaint" >&2; echo "applied 0001_first"; return {upgrade} ;;
    config) printf '0.0.0.0\\n8080\\n/srv/page\\n\\n\\n' ;;
    esac
}}
make_ready
echo "ready at $front_host:$front_port"
"""


def make_ready(
    folder: Path, check: int = 0, upgrade: int = 0, made: bool = False
) -> "subprocess.CompletedProcess[str]":
    (folder / "config.yml").touch()
    script = ASK.format(
        folder=folder, install=INSTALL, check=check, upgrade=upgrade, made=str(made).lower()
    )
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True)


def test_a_release_that_could_start_has_its_tables_brought_up_to_date(tmp_path: Path) -> None:
    done = make_ready(tmp_path)
    assert (done.returncode, "FAIL" in done.stderr) == (0, False)
    assert done.stdout == "upgrading the database: 0001_first\nready at 127.0.0.1:8080\n"
    asked = [line.split()[:2] for line in (tmp_path / "asked").read_text().splitlines()]
    assert asked == [["check", "--before-start"], ["db", "upgrade"], ["config", "get"]]


@pytest.mark.parametrize(("status", "ends_with"), [(3, 3), (4, 4), (6, 1), (1, 1), (126, 1)])
@pytest.mark.parametrize("made", [True, False])
def test_one_that_could_not_is_told_why_and_touches_nothing(
    tmp_path: Path, status: int, ends_with: int, made: bool
) -> None:
    done = make_ready(tmp_path, check=status, made=made)
    assert (done.returncode, done.stdout) == (ends_with, "")
    assert done.stderr == "install.sh: port: taken[2J; free it\n", "what steers a terminal is gone"
    assert (tmp_path / "asked").read_text() == "check --before-start\n"
    # Whoever tries again may choose otherwise.
    assert (tmp_path / "config.yml").exists() != made


def test_tables_that_can_not_be_upgraded_end_it_too(tmp_path: Path) -> None:
    done = make_ready(tmp_path, upgrade=4)
    assert (done.returncode, done.stdout) == (4, "")
    assert "gocron: complaint\n" in done.stderr
