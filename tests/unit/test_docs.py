"""The docs name what there is, all of it and nothing else, and their examples work."""

import argparse
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import yaml

from gocron.cli import PROGRAMS, parser_of
from gocron.config import OPTIONS, canonical, load_config
from gocron.core import odd
from gocron.core.checkin import FIELDS, CheckIn, Refused, first_time_needs, read_checkin
from gocron.core.ping import read_ping
from gocron.core.signal import FAIL, LOG, OK, START
from gocron.errors import ExitStatus
from gocron.fields import BODY_LIMIT, read_fields
from gocron.store import tables

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PAGES}
OPTION_NAMES = {option.name for option in OPTIONS}

# Other words in code type that are written like an option.
COLUMNS = {column for name in ("JOB", "EPISODE", "NEWS") for column in getattr(tables, name)}
OTHER_WORDS = COLUMNS | {"last_sweep", "auth_basic", "pg_restore"}

BANNED = re.compile(
    r"\b(?-i:I)\b|\b(?:simply|just|easy|easily|obviously|of course|blazing|powerful|seamless\w*"
    r"|leverag\w+|utili[sz]\w+|state of the art|we|us|our|let's|TODO|FIXME)\b",
    re.IGNORECASE,
)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]+`", "", re.sub(r"(?m)^ {4}.*$", "", text))


def code_spans(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def code_lines(text: str) -> Iterator[str]:
    """The lines of indented blocks."""
    for line in text.splitlines():
        if line.startswith("    "):
            yield line.strip()


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """`parser` and those below it, but for groups, which can't be run."""
    if parser.get_default("run"):
        yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from leaves(sub)


@pytest.fixture
def commands() -> dict[str, argparse.ArgumentParser]:
    found = [leaf for program in PROGRAMS for leaf in leaves(parser_of(program).whole())]
    return {leaf.prog.replace(" ACCOUNT CRONNAME", ""): leaf for leaf in found}


def table(page: str) -> list[list[str]]:
    """The rows of the first table of `page`, without its heading."""
    rows = re.findall(r"(?m)^\|(.+)\|$", TEXT[page])
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows[2:]]


def check_ins() -> Iterator[tuple[str, CheckIn]]:
    """What every curl line in the docs sends, as the front reads it."""
    for page, text in TEXT.items():
        for line in code_lines(text):
            command = line.rpartition("curl ")[2]
            if command == line or "http" not in command or "/healthcheck" in command:
                continue
            words = shlex.split(command.replace("\\%", "%"))
            (url,) = (word for word in words if word.startswith("http"))
            sent = [words[at + 1] for at, word in enumerate(words) if word == "-d"]
            form = "application/x-www-form-urlencoded"
            # The shell puts a number there.
            url = url.replace("$?", "0")
            fields = read_fields(urlsplit(url).query, form, "&".join(sent).encode())
            yield f"{page}: {line}", read_checkin(fields, "203.0.113.9", 0)


# What the code generates


def test_generated_parts_are_up_to_date() -> None:
    make = runpy.run_path(str(ROOT / "docs/make.py"))
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, content in make["generated"]().items()
        if not path.exists() or path.read_text("utf-8") != content
    ]
    assert stale == [], "run: .venv/bin/python docs/make.py"


def test_the_example_file_names_every_option_and_is_a_configuration(tmp_path: Path) -> None:
    example = (ROOT / "contrib/config.example.yml").read_text("utf-8")
    uncommented = re.sub(r"(?m)^#(\w+: )", r"\1", example)
    assert list(yaml.safe_load(uncommented)) == [option.name for option in OPTIONS]
    (tmp_path / "config.yml").write_text(example)
    assert load_config(tmp_path / "config.yml", {}) == load_config(None, {})


# Options


def test_the_readme_shows_ten_settings_with_their_defaults() -> None:
    shown = re.findall(r"(?m)^\| `(\w+)` \| (.+?) \|", TEXT["README.md"])
    settings = {name: default for name, default in shown if name in OPTION_NAMES}
    assert len(settings) == len(shown) == 10
    defaults = {
        option.name: f"`{option.default}`" if option.default else "empty" for option in OPTIONS
    }
    assert settings == {name: defaults[name] for name in settings}


def test_every_word_in_code_type_that_looks_like_an_option_is_one() -> None:
    for page, text in TEXT.items():
        names = (re.match(r"([a-z]+(?:_[a-z]+)+)(?:: |$)", span) for span in code_spans(text))
        words = {name[1] for name in names if name}
        assert words - OPTION_NAMES - OTHER_WORDS == set(), page


def test_every_line_of_a_configuration_is_one() -> None:
    read = 0
    for page in ("README.md", "docs/configuration.md"):
        for line in code_lines(TEXT[page]):
            if found := re.fullmatch(r"([a-z_]+): \S+", line):
                assert found[1] in OPTION_NAMES, f"{page}: {line}"
                read += 1
    assert read > 3


def test_every_variable_is_an_option() -> None:
    known = {canonical(name) for name in OPTION_NAMES}
    for page, text in TEXT.items():
        for name in re.findall(r"\bGC_([A-Z_]+)", text):
            assert canonical(name) in known, f"{page}: GC_{name}"


# Commands


def test_every_command_and_flag_is_in_the_docs(
    commands: dict[str, argparse.ArgumentParser],
) -> None:
    page = TEXT["docs/commands.md"]
    preface, rows = page.split("| command |")[0], table("docs/commands.md")
    for prog, parser in commands.items():
        mine = " ".join(
            f"{command} {meaning}"
            for command, meaning in rows
            if re.match(rf"`{re.escape(prog)}[ `]", command)
        )
        assert mine, f"docs/commands.md lacks {prog}"
        for action in parser._actions:
            for flag in action.option_strings:
                assert re.search(rf"(?<![\w-]){flag}(?![\w-])", mine + preface), f"{prog} {flag}"
            if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
                assert str(action.metavar) in mine, f"{prog} {action.metavar}"


def test_the_docs_name_no_other_command_or_flag(
    commands: dict[str, argparse.ArgumentParser],
) -> None:
    flags = {
        flag
        for parser in commands.values()
        for action in parser._actions
        for flag in action.option_strings
    }
    page = TEXT["docs/commands.md"]
    named = {flag for span in code_spans(page) for flag in re.findall(r"--[a-z-]+", span)}
    assert named - flags - {"--version"} == set()
    groups = {prog.rpartition(" ")[0] for prog in commands} - {""}
    for name, text in TEXT.items():
        # The Go program's own commands are told of where it is left.
        for span in code_spans(text):
            found = re.match(r"gocron(?:-[a-z]+)?(?: [a-z][a-z-]*)*(?![\w.@/])", span)
            if found is None:
                continue
            told = found[0]
            if name == "CHANGELOG.md" and told.split()[-1] in ("frontend", "backend", "api"):
                continue
            assert told in commands or told in groups, f"{name}: {told}"


def test_the_exit_statuses_are_those_of_the_code() -> None:
    told = [(int(number), name.strip("`")) for number, name, *_ in table("docs/exit-status.md")]
    assert told == [(status.value, status.name) for status in ExitStatus]


# Examples


def test_every_curl_line_is_a_check_in() -> None:
    found = dict(check_ins())
    assert len(found) >= 5
    for line, checkin in found.items():
        if "email=" in line or '"email"' in line:
            assert first_time_needs(checkin) is None, line
    shown = [checkin for line, checkin in found.items() if line.startswith("README.md")]
    assert len(shown) == 2, "the simplest line, and the one that reports failures"
    for one in shown:
        assert (one.key, one.email) == (("web-01", "backup"), "ops@example.com")
        assert (one.frequency_s, one.grace_s) == (86_400, 7_200)


def test_every_field_of_a_check_in_is_in_the_table() -> None:
    section = TEXT["docs/check-in.md"].partition("## Fields")[2].partition("\n## ")[0]
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", section)) == set(FIELDS)


def test_the_curl_lines_print_nothing_and_try_again() -> None:
    for line, _ in check_ins():
        assert "curl -fsS -m 10 " in line, line
        assert "-o /dev/null " in line, line


NEW = "account=a&cronname=b&email=ops@example.com&frequency=1d&"
BAD_QUERIES = (
    "cronname=b&account=+",
    f"account=a&cronname={'b' * 201}",
    "account=a&cronname=%E2%80%8B",
    "account=a&cronname=b%0Ac",
    "account=a&cronname=b&cronname=c",
    "account=a&cronname=b&emial=ops@example.com",
    "account=a&cronname=b",
    "account=a&cronname=b&frequency=1d&email=foo",
    "account=a&cronname=b&frequency=1d&email=",
    "account=a&cronname=b&frequency=1d&email=" + ",".join(["ops@example.com"] * 11),
    "account=a&cronname=b&email=ops@example.com&frequency=abc",
    "account=a&cronname=b&email=ops@example.com&frequency=0",
    f"{NEW}exit=",
    f"{NEW}exit=x",
    f"{NEW}exit=3&state=ok",
    f"{NEW}exit=3&state=start",
    f"{NEW}state=x",
    f"{NEW}duration=x",
    f"{NEW}site=maybe",
    "cronname=%FF",
    "x=1&" * 33,
)
BAD_NAMES = ("back\u200bup", "a\u00a0b", "a\ue000", "\u0301a", "a" + 5 * "\u0316")
BAD_BODIES = (
    ("text/plain", b"x" * (BODY_LIMIT + 1)),
    ("multipart/form-data", b"x"),
    ("", b"{bad"),
    ("", b'{"cronname": []}'),
)


def refusal(query: str, content_type: str = "", body: bytes = b"") -> str:
    with pytest.raises(Refused) as caught:
        checkin = read_checkin(read_fields(query, content_type, body), "203.0.113.9", 0)
        raise first_time_needs(checkin) or AssertionError(f"{query} was taken")
    return str(caught.value)


def test_every_refusal_is_in_the_docs_as_it_is_said() -> None:
    section = TEXT["docs/check-in.md"].partition("## Refusals")[2].partition("## The client")[0]
    told = re.findall(r"(?m)^\| `(.+?)` \|", section)
    said = [refusal(query) for query in BAD_QUERIES]
    said += [refusal("", content_type, body) for content_type, body in BAD_BODIES]
    assert len(told) == len(said)
    for line, real in zip(told, said, strict=True):
        assert line == real or (line.endswith("...") and real.startswith(line[:-3])), real


def test_every_refusal_of_a_name_is_in_the_docs_as_it_is_said() -> None:
    section = TEXT["docs/check-in.md"].partition("## Names")[2].partition("## How")[0]
    told = re.findall(r"(?m)^\| `(.+?)` \|", section)
    assert told == [refusal(f"account=a&{urlencode({'cronname': name})}") for name in BAD_NAMES]


def test_the_notes_are_in_the_docs_as_they_are_said() -> None:
    section = TEXT["docs/check-in.md"].partition("### Notes")[2].partition("## Refusals")[0]
    told = re.findall(r"(?m)^\| `(.+?)` \|", section)
    said = [*odd.declared(1, 0, False, 60), *odd.declared(86_400, 2, True, 60), odd.SEVERAL_HOSTS]
    assert told == said


def test_what_may_stand_behind_a_name_is_in_the_docs_as_it_is_read() -> None:
    section = TEXT["docs/check-in.md"].partition("## Healthchecks' protocol")[2]
    rows = re.findall(r"(?m)^\| (nothing.+?|`/.+?`) \| (.+) \|$", section.partition("Names")[0])
    read = {}
    for row, meaning in rows:
        for tail in re.findall(r"`(/.+?)`", row):
            ping = read_ping(f"/ping/web-01/backup{tail}", [])
            assert ping is not None, tail
            read[tail] = (read_checkin(ping.fields, "").signal.kind, meaning)
    words = {OK: "worked", START: "began", FAIL: "failed", LOG: "output"}
    assert len(read) == 9
    for tail, (kind, meaning) in read.items():
        assert words[kind] in meaning or tail[1:].isdigit() or "killed" in meaning, tail


# Text


def anchors(text: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    for page, text in TEXT.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith(("https://", "mailto:")):
                continue
            file, _, anchor = target.partition("#")
            path = (ROOT / page).parent / file if file else ROOT / page
            assert path.exists(), f"{page}: {target}"
            if anchor:
                assert anchor in anchors(path.read_text("utf-8")), f"{page}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    for page in TEXT:
        if page != "README.md":
            name = "docs/adr/" if page.startswith("docs/adr/") else page
            assert f"({name}" in TEXT["README.md"], page


def test_the_words_are_plain() -> None:
    for page, text in TEXT.items():
        assert BANNED.findall(without_code(text)) == [], page


def test_the_architecture_names_files_that_are_there() -> None:
    named = re.findall(
        r"`(?:gocron/)?([a-z_]+/[a-z_]+\.py|[a-z_]+\.py)`", TEXT["docs/architecture.md"]
    )
    assert len(named) > 40
    assert [
        name for name in named if not any((ROOT / at / name).exists() for at in ("gocron", "."))
    ] == []


def test_the_readmes_figures_name_the_command_that_prints_them() -> None:
    figures = TEXT["README.md"].split("### Figures")[1]
    assert "`bench/run --quick`" in figures
    assert (ROOT / "bench/run").stat().st_mode & 0o111
