"""The house as docs describe it: which room may know which, read from the imports."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from gocron.cli import COMMANDS, PROGRAMS
from gocron.core.channel import CHANNELS

HOUSE = Path(__file__).parents[2] / "gocron"
LINE_LIMIT = 300
FUNCTION_LIMIT = 40

# Ground floor: what every room may know, and which knows no room but for what is true.
GROUND = {"errors", "config", "host", "ownership", "promise", "values", "yaml_text", "__init__"}

# Who may import whom, beside itself and the ground floor.
MAY_IMPORT = {
    **{key: {"core"} for key in GROUND},
    "core": set(),
    "store": {"core"},
    "notify": {"core"},
    "render": {"core"},
    "fields": {"core"},
    "front": {"core", "store", "render", "fields"},
    "sweep": {"core", "store", "notify", "render", "fields"},
}
# The top floor may know every room.
TOP = {"cli", "commands", "demo", "output"}

# What time it is, the store tells, and it is handed down. The host's own clock is SQLite's; nginx
# and files go by it, and what knows no database has no other.
MAY_READ_THE_CLOCK = {"host"}
MAY_GO_BY_THE_HOST = (
    *("host.py", "store/", "front/", "commands/"),
    *("sweep/page_files.py", "sweep/journal.py", "sweep/world.py"),
)
CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.gmtime()",
    "time.localtime()",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}

TABLES_OF_CHANNELS = ("core/channel.py", "sweep/channels.py")
CHANNEL_MODULES = {"gocron.notify.mail", "gocron.notify.slack", "gocron.render.slack"}

# One word for one thing: these have another one, as the glossary of the design says. Columns of
# the database keep their names, for versions that read them.
OTHER_WORDS = re.compile(
    r"deaf|pulse|bottled|look_around|outside|(?<!site_)(?<!_)settle$|recovered$"
)

SQL = {"peewee", "playhouse", "sqlite3", "psycopg2"}

# The rows that a statement changes; who may have one that changes rows of jobs.
CHANGES = {"insert", "insert_many", "insert_from", "replace", "replace_many", "update", "delete"}
MAY_CHANGE_A_JOB = {"store/job_row.py", "store/declarations.py", "store/checkins.py"}
CHANGES_A_JOB = re.compile(r"\b(UPDATE|INSERT INTO|DELETE FROM|REPLACE INTO) +job\b")

# A deadline in Python and in SQL; a test compares the two.
DEADLINES = {"core/schedule.py", "store/deadlines.py"}


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def name_of(module: Path) -> str:
    return str(module.relative_to(HOUSE))


def room(module: Path) -> str:
    return module.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Every module that `module` imports, wherever in it, by its full name."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            if node.module == "gocron":
                yield from (f"gocron.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def names_imported(module: Path) -> Iterator[str]:
    """Every name that `module` imports from another, or uses of the host, by its full name."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "host.clock":
            yield "gocron.host.clock"


def rooms_imported(module: Path) -> set[str]:
    ours = {name.split(".")[1] for name in imports(module) if name.startswith("gocron.")}
    return {"__init__" if name == "__version__" else name for name in ours}


every_module = pytest.mark.parametrize("module", modules(), ids=name_of)


@every_module
def test_the_arrows_point_one_way(module: Path) -> None:
    here = room(module)
    if here in TOP:
        return
    assert here in MAY_IMPORT, f"say in this table what {here} may import"
    ground = set() if here == "core" else GROUND
    assert rooms_imported(module) - {here} <= MAY_IMPORT[here] | ground


def test_only_the_top_floor_knows_the_commands() -> None:
    for module in modules():
        if room(module) not in TOP:
            assert not rooms_imported(module) & TOP, name_of(module)


# Every command by its module: those of `gocron`, and the other programs.
COMMAND_MODULES = {
    words.removeprefix("gocron-").replace(" ", "_").replace("-", "_")
    for words in {*COMMANDS, *PROGRAMS} - {"gocron"}
}
# What is in their room besides.
NO_COMMANDS = {"__init__", "arguments", "questions"}


def test_each_command_is_one_file_that_says_what_it_takes_and_does_it() -> None:
    assert {path.stem for path in (HOUSE / "commands").iterdir() if path.suffix == ".py"} == {
        *COMMAND_MODULES,
        *NO_COMMANDS,
    }
    for name in COMMAND_MODULES:
        module = import_module(f"gocron.commands.{name}")
        assert list(signature(module.arguments).parameters) == ["parser"], name
        taken = list(signature(module.run).parameters)
        assert taken in (["arguments"], ["arguments", "config"]), name


@pytest.mark.parametrize(
    ("program", "argument", "needless"),
    [
        ("main", "--help", {"commands.*", "store.*", "front", "sweep"}),
        ("main", "config", {"store.*", "front", "sweep"}),
        ("front", "--help", {"commands.sweep", "sweep", "notify.*"}),
        ("sweep", "--help", {"commands.front", "front", "sweep.rehearse", "demo"}),
    ],
)
def test_a_program_imports_only_the_command_that_is_asked_for(
    program: str, argument: str, needless: set[str]
) -> None:
    asked = f"""
import sys
from gocron import cli
try:
    cli.{program}([{argument!r}])
except SystemExit:
    pass
print("imported", *(name for name in sys.modules if name.startswith("gocron.")))
"""
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    imported = ran.stdout.split("imported")[1].replace("gocron.", "").split()
    assert [name for name in imported if any(fnmatch(name, one) for one in needless)] == []


@every_module
def test_only_the_store_speaks_sql(module: Path) -> None:
    outside = {name.split(".")[0] for name in imports(module)}
    assert room(module) == "store" or not outside & SQL


@every_module
def test_one_module_changes_the_job_row_and_one_keeps_check_ins(module: Path) -> None:
    # Migrations keep what once was; triggers change no job.
    if name_of(module) not in MAY_CHANGE_A_JOB and "migrations" not in module.parts:
        assert list(changes_of_a_job(module)) == []


def test_a_change_of_a_job_is_seen_however_its_table_is_called(tmp_path: Path) -> None:
    for line in (
        "store.tables.job.update(change)",
        "job = tx.tables.job; job.insert(rows)",
        "news, mine = tables.news, tables.job; mine.delete()",
        "tables = store.tables; tables.job.update(change)",
        "site = store.tables.job.alias('site'); site.update(change)",
        "run('UPDATE job SET due_at = 0')",
    ):
        module = tmp_path / "module.py"
        module.write_text(f"def write(store): {line}")
        assert len(list(changes_of_a_job(module))) == 1, line


@every_module
def test_a_deadline_is_worked_out_in_one_place_in_python_and_in_one_in_sql(module: Path) -> None:
    if name_of(module) not in DEADLINES:
        assert list(deadlines_in(module)) == []


@every_module
def test_only_the_store_makes_a_transaction(module: Path) -> None:
    """So who takes one as `tx` is called in one, as mypy proves."""
    if name_of(module) != "store/database.py":
        nodes = list(ast.walk(ast.parse(module.read_text())))
        called = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
        names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        assert not names & {"writing", "_transaction"} and "Transaction" not in called


@every_module
def test_whatever_writes_takes_the_transaction_that_it_is_part_of(module: Path) -> None:
    if room(module) == "store" and "migrations" not in module.parts:
        assert written_without_a_transaction(ast.parse(module.read_text())) == []


@every_module
def test_only_the_tables_of_channels_know_one_by_name(module: Path) -> None:
    if room(module) == "notify" or name_of(module) in TABLES_OF_CHANNELS:
        return
    nodes = list(ast.walk(ast.parse(module.read_text())))
    assert not {node.value for node in nodes if isinstance(node, ast.Constant)} & set(CHANNELS)
    assert not {node.id for node in nodes if isinstance(node, ast.Name)} & {"MAIL", "SLACK"}
    assert not CHANNEL_MODULES & set(imports(module))


@every_module
def test_the_core_knows_no_file_network_thread_or_clock(module: Path) -> None:
    if room(module) == "core":
        used = {name.split(".")[0] for name in imports(module)}
        pure = {"bisect", "collections", "cronsim", "dataclasses", "datetime", "difflib", "enum"}
        pure |= {"functools", "ipaddress", "itertools", "re", "typing", "unicodedata"}
        # Which zones there are is installed data, and doesn't change while a program runs.
        pure |= {"importlib", "zoneinfo"} if name_of(module) == "core/zone.py" else set()
        assert used <= pure | {"gocron"}


@every_module
def test_no_clock_is_read_below_the_edge(module: Path) -> None:
    if room(module) not in MAY_READ_THE_CLOCK:
        assert not set(clocks_read(module))
    if not name_of(module).startswith(MAY_GO_BY_THE_HOST):
        assert "gocron.host.clock" not in set(names_imported(module))


@every_module
def test_code_says_the_words_of_the_design(module: Path) -> None:
    said = {*names_in(module), *(ast.get_docstring(ast.parse(module.read_text())) or "").split()}
    assert [name for name in said if OTHER_WORDS.search(name)] == []


@every_module
def test_no_module_outgrows_a_reader(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LINE_LIMIT


@every_module
def test_no_function_outgrows_a_reader(module: Path) -> None:
    long = {
        node.name: lines
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LIMIT
    }
    assert long == {}


@every_module
def test_every_module_says_what_it_is_for(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def names_in(module: Path) -> Iterator[str]:
    """What `module` defines: functions, classes, arguments and variables."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name.lower()
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id.lower()


def changes_of_a_job(module: Path) -> Iterator[str]:
    """Yield the statements in `module` that change a job's row."""
    tree = ast.parse(module.read_text())
    jobs = {name for name, value in assigned_in(tree) if is_a_job(value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and CHANGES_A_JOB.search(str(node.value)):
            yield str(node.value)
        elif isinstance(node, ast.Attribute) and node.attr in CHANGES:
            table = node.value
            yield from [ast.unparse(node)] * (ast.unparse(table) in jobs or is_a_job(table))


def is_a_job(table: ast.expr) -> bool:
    return bool(re.search(r"\btables\.job(\.alias\(.*\))?$", ast.unparse(table)))


def assigned_in(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name that is given a value, and the value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                yield from ((ast.unparse(name), value) for name, value in pairs)


def deadlines_in(module: Path) -> Iterator[str]:
    """Yield the sums of a frequency and at least two other things."""
    tree = ast.parse(module.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            terms = [ast.unparse(term) for term in terms_of(node)]
            if len(terms) > 2 and any("frequency" in term for term in terms):
                yield ast.unparse(node)


def terms_of(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from terms_of(node.left)
        yield from terms_of(node.right)
    else:
        yield node


def written_without_a_transaction(node: ast.AST, has_one: bool = False) -> list[str]:
    """Return the queries that are executed in no function that takes a `tx`."""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        has_one = has_one or "tx" in {argument.arg for argument in node.args.args}
    is_query = isinstance(node, ast.Attribute) and node.attr == "execute"
    found = [ast.unparse(node)] if is_query and not has_one else []
    for child in ast.iter_child_nodes(node):
        # A driver's execute takes a statement; only a query knows its own.
        if not (isinstance(node, ast.Call) and node.args and child is node.func):
            found += written_without_a_transaction(child, has_one)
    return found


def clocks_read(module: Path) -> Iterator[str]:
    """What in `module` asks what time it is; `time.gmtime()` only when called without one."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Attribute | ast.Call):
            asked = ".".join(ast.unparse(node).split(".")[-2:])
            yield from {asked} & CLOCKS
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{alias.name}" for alias in node.names if alias.name == "time")
