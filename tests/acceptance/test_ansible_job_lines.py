"""The lines that gocron_job writes for cron: each reports how all of it ended.

No host is booted: the role writes files here, and they are run as cron runs them.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.plays import ROOT, SETTINGS, program

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

ROLE = ROOT / "ansible/roles/gocron_job"
USUAL = {"command": "true", "frequency": "1d"}
Results = dict[str, dict[str, str]]
VARIABLES = {
    "gocron_job_url": "https://gocron.example.com/",
    "gocron_job_account": "web-01",
    "gocron_job_email": "ops@example.com",
    "gocron_job_server": "",
}

# (command, whether all of it ends well). What it prints is `ok`, and nothing else, where it does.
COMMANDS = {
    "true": ("echo ok", True),
    "false": ("false", False),
    "missing": ("/no/such/program", False),
    "comment": ("echo ok # and a comment", True),
    "comment-alone": ("false # || true", False),
    "comment-with-background": ("echo ok # tea & biscuits", True),
    "exit": ("echo ok; exit 0", True),
    "exit-1": ("echo ok; exit 1", False),
    "exec": ("exec echo ok", True),
    "sequence": ("false; echo ok", True),
    "sequence-fails": ("echo ok; false", False),
    "and": ("true && echo ok", True),
    "and-fails": ("true && false", False),
    "or": ("false || echo ok", True),
    "or-fails": ("false || false", False),
    "or-and": ("true || true && false", False),
    "pipe": ("echo ko | rev", True),
    "pipe-fails": ("echo ok | false", False),
    "pipe-ends-well": ("false | echo ok", True),
    "negated": ("! true", False),
    "group": ("{ echo ok; }", True),
    "subshell": ("(echo ok)", True),
    "subshell-fails": ("(exit 3)", False),
    "if": ("if true; then echo ok; fi", True),
    "loop": ("for one in ok; do echo $one; done", True),
    "errexit": ("set -e; false; echo no", False),
    "variable": ("WORD=ok; echo $WORD", True),
    "environment": ("WORD=ok env | sed -n 's/^WORD=//p'", True),
    "single-quotes": ("echo 'o''k' | grep '^ok$'", True),
    "double-quotes": ('echo "ok"', True),
    "nested-quotes": ("""sh -c 'echo "o"'"'k'" """.strip(), True),
    "percent": ("printf '%s\\n' ok", True),
    "percent-date": ("test $(date +%%) = % && echo ok", True),
    "escaped-percent": (r"test '\%' = \\% && echo ok", True),
    "backslashes": (r"test '\\\\' = \\\\\\\\ && echo ok", True),
    "backslash": (r"test 'a\b' = a\\b && echo ok", True),
    "backslash-quote": (r"""test \' = "'" && echo ok""", True),
    "trailing-backslash": ("echo ok \\", True),
    "redirection": ("echo ok 2>&1 >&1", True),
    "redirection-in": ("echo ok <&0", True),
    "closed": ("echo ok 2>&-", True),
    "ampersand-quoted": ("test 'a & b' = \"a & b\" && echo ok", True),
    "ampersand-escaped": (r"test a\&b = 'a&b' && echo ok", True),
    "hash-in-word": ("test a#b = 'a#b' && echo ok", True),
    "dollar": ("test \"$HOME\" = '~' || echo ok", True),
    "backquotes": ("echo `echo ok`", True),
    "curl-like": ("echo ok && false '", None),
    "background": ("false &", None),
    "background-first": ("false & echo ok", None),
    "background-both": ("echo ok &> /dev/null", None),
    "background-in-parentheses": ("(false &) ", None),
    "background-between": ("true &false", None),
    "background-after-comment-sign": ("echo a#b & false", None),
    "heredoc": ("cat <<END", None),
    "here-string": ("cat <<<ok", None),
    "double-unbalanced": ('echo "ok', None),
    "open-parenthesis": ("(echo ok", None),
    "open-group": ("{ echo ok", None),
    "open-substitution": ("echo $(echo ok", None),
    "open-backquote": ("echo `echo ok", None),
    "open-pipe": ("echo ok |", None),
    "open-and": ("echo ok &&", None),
    "open-if": ("if true", None),
    "only-and": ("&& echo ok", None),
    "long": ("echo ok #" + "x" * 990, None),
    "lines": ("echo ok\nfalse", None),
    "line-at-the-end": ("echo ok\n", None),
    "return": ("echo ok\r", None),
    "nul": ("echo ok\x00", None),
}

# What one that ends well prints, where it isn't `ok`.
PRINTS = {"trailing-backslash": "ok \\"}

# What a field of a job, or of all jobs, must not be.
FIELDS: list[tuple[str, Any]] = [
    *(("name", bad) for bad in ("a\n", "a.b", "a/b", "", "a b", "-a", "../a", "ä")),
    *(("user", bad) for bad in ("root\n", "root root", "root;", "", "-x", "a\tb", "$(id)")),
    *(
        (field, bad)
        for field in ("minute", "hour", "day", "month", "weekday")
        for bad in ("*\n", "* *", "", "1;2", "@reboot", "%", "1\x0b2")
    ),
    *(("email", bad) for bad in ("a@b\n", "a@b\n* * * * * root id", "a", "a b@c", "", "a@b\x1b[m")),
    *(("frequency", bad) for bad in ("1d\n", "soon", "", "-1", "1d 2")),
    *(("grace", bad) for bad in ("1h\n", "soon", "", "-1")),
    *(("account", bad) for bad in ("web\n", "web\r", "we\x00b", "a\u2028b", "a\x85b")),
    *(("gateway", bad) for bad in ("office\n", "off\tice")),
]
VARIABLES_BAD: list[tuple[str, str]] = [
    *(
        ("gocron_job_url", f"https://gocron.example.com{bad}")
        for bad in (
            "/\n",
            "/'",
            '/"',
            "/%41",
            "/?a=b",
            "/#a",
            "/ a",
            "/$(id)",
            "/`id`",
            "/\\",
            "/;",
        )
    ),
    ("gocron_job_url", "ftp://gocron.example.com/"),
    ("gocron_job_url", ""),
    *(("gocron_job_email", bad) for bad in ("a@b\n", "a@b\n* * * * * root id", "a@b\r", "a")),
    *(("gocron_job_account", bad) for bad in ("web\n* * * * * root id", "a\tb", "a\x1bb")),
    ("gocron_job_server", "gocron-01\n"),
]


def case(variables: dict[str, str], **job: object) -> dict[str, object]:
    return {**VARIABLES, **variables, "gocron_job_jobs": [{"name": "a", **USUAL, **job}]}


@pytest.fixture(scope="module")
def results() -> Results:
    """What the role made of each case: a file for cron, or why it was refused."""
    cases = {f"command {name}": case({}, command=told[0]) for name, told in COMMANDS.items()}
    cases |= {f"field {n}": case({}, **{name: bad}) for n, (name, bad) in enumerate(FIELDS)}
    cases |= {f"variable {n}": case({name: bad}) for n, (name, bad) in enumerate(VARIABLES_BAD)}
    done = subprocess.run(
        [program("python"), Path(__file__).with_name("preflight.py"), ROLE],
        env={**os.environ, **SETTINGS},
        input=json.dumps(cases),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_cron_takes_it(command: str, keeps_backslashes: bool) -> str:
    """Return what cron hands to sh: up to the first bare %, less backslashes."""
    taken = ""
    escaped = False
    for char in command:
        if escaped:
            if char == "%" or (char == "\\" and not keeps_backslashes):
                taken = taken[:-1]
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "%":
            break
        taken += char
    return taken


def run(file: str, folder: Path, keeps_backslashes: bool) -> tuple[str, list[str], int]:
    """Run the one job of a file of cron's; return what it printed, what it reported, its status."""
    lines = [line for line in file.splitlines() if not line.startswith("#")]
    assert lines[:2] == [
        "SHELL=/bin/sh",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    (line,) = lines[2:]
    *_, user, command = line.split(" ", 6)
    assert user == "root"
    assert len(command) <= 998
    (folder / "curl").write_text(
        '#!/bin/sh\nfor last; do :; done; echo "$last" >>"$CALLED"\nexit 22\n'
    )
    (folder / "curl").chmod(0o755)
    called = folder / "called"
    done = subprocess.run(
        ["/bin/sh", "-c", as_cron_takes_it(command, keeps_backslashes)],
        env={"PATH": f"{folder}:/usr/bin:/bin", "CALLED": str(called), "HOME": "/root"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.stdout, called.read_text().splitlines(), done.returncode


@pytest.mark.parametrize("keeps_backslashes", [False, True])
@pytest.mark.parametrize("name", [name for name, told in COMMANDS.items() if told[1] is not None])
def test_a_command_reports_once_how_all_of_it_ended_and_ends_so_itself(
    results: Results, tmp_path: Path, name: str, keeps_backslashes: bool
) -> None:
    result = results[f"command {name}"]
    assert "file" in result, result
    printed, called, status = run(result["file"], tmp_path, keeps_backslashes)
    url = "https://gocron.example.com/?cronname=a&account=web-01&email=ops%40example.com"
    assert called == [f"{url}&frequency=1d&exit={status}"]
    assert (status == 0) == COMMANDS[name][1]
    if COMMANDS[name][1]:
        assert printed.strip() == PRINTS.get(name, "ok")


@pytest.mark.parametrize("name", [name for name, told in COMMANDS.items() if told[1] is None])
def test_a_command_whose_end_cannot_be_known_is_refused(results: Results, name: str) -> None:
    assert "gocron_job_jobs: a: " in results[f"command {name}"].get("refused", "")


@pytest.mark.parametrize("number", range(len(FIELDS)), ids=lambda n: ascii(FIELDS[n]))
def test_no_field_of_a_job_makes_a_line_of_its_own(results: Results, number: int) -> None:
    refusal = results[f"field {number}"].get("refused", "")
    assert "gocron_job_jobs: " in refusal
    assert refusal.isprintable(), "what is refused can't steer a terminal"


@pytest.mark.parametrize("number", range(len(VARIABLES_BAD)), ids=lambda n: ascii(VARIABLES_BAD[n]))
def test_no_variable_makes_a_line_of_its_own(results: Results, number: int) -> None:
    refusal = results[f"variable {number}"].get("refused", "")
    assert re.match("gocron_job_(jobs|url|email|account|server)", refusal)


def test_no_pattern_of_a_role_lets_a_line_break_pass() -> None:
    """In Python's patterns a $ stands before a line break at the end, too."""
    for path in (ROOT / "ansible").rglob("*.yml"):
        told = json.dumps(yaml.safe_load(path.read_text()))
        assert not re.search(r"match', '[^']*\$'|match\('[^']*\$'\)", told), path
