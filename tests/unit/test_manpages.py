"""The man pages and the completion say what the commands take: all of it, and nothing else."""

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from gocron.config import OPTIONS
from gocron.errors import ExitStatus

ROOT = Path(__file__).parents[2]
MAKE = runpy.run_path(str(ROOT / "contrib/man/make.py"))
FILES = MAKE["generated"]()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_was_generated_is_not_stale(path: Path) -> None:
    assert path.read_text("utf-8") == FILES[path], "run .venv/bin/python contrib/man/make.py"


def test_each_exit_status_and_each_option_has_its_line() -> None:
    assert set(MAKE["STATUSES"]) == set(ExitStatus)
    page = FILES[ROOT / "contrib/man/gocron-config.5"]
    assert [option.name for option in OPTIONS if f".B {option.name}\n" not in page] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
@pytest.mark.parametrize("path", [path for path in FILES if path.suffix], ids=lambda p: p.name)
def test_groff_has_nothing_to_say_against_a_page(path: Path) -> None:
    said = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", path], capture_output=True, text=True, check=True
    )
    assert said.stderr == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gocron ", "jobs outbox check explain test test-mail db config demo"),
        ("gocron jobs ", "list show add forget"),
        ("gocron --config /etc/hosts jobs f", "forget"),
        ("gocron jobs list --m", "--missing"),
        ("gocron-sweep --d", "--dry-run"),
    ],
)
def test_bash_completes_a_command(typed: str, offered: str) -> None:
    script = f"""
        source {ROOT / "contrib/completion/gocron"}
        read -ra COMP_WORDS <<<"{typed}"
        [[ "{typed}" != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _gocron "${{COMP_WORDS[0]}}" "${{COMP_WORDS[COMP_CWORD]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    words = [word for word in done.stdout.split() if not typed.endswith(" ") or word[0] != "-"]
    assert words == offered.split()
