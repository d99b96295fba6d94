"""What is installed is whole, needs nothing that isn't declared, and is pinned."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
COMMANDS = ("gocron", "gocron-front", "gocron-back", "gocron-sweep", "gocron-summary")
UNBUILT = ("build", "dist", "*.egg-info", "__pycache__")


def declared(*extras: str) -> list[Requirement]:
    """What setup.py asks for, with `extras`."""
    (call,) = (
        node.value
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    told = {keyword.arg: keyword.value for keyword in call.keywords}
    named = ast.literal_eval(told["install_requires"])
    for extra in extras:
        named += ast.literal_eval(told["extras_require"])[extra]
    return [Requirement(line) for line in named]


def pinned(file: str) -> dict[str, set[str]]:
    """The versions that `file` pins, by name; more than one where they differ by Python."""
    pins: dict[str, set[str]] = {}
    for line in (ROOT / file).read_text().splitlines():
        if line and line[0] not in "# ":
            name, version = re.match(r"(\S+)==([^\s;]+)", line).groups()
            pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.lock", []),
        ("requirements-demo.lock", ["demo"]),
        ("tests/requirements.txt", ["test"]),
    ],
)
def test_every_declared_dependency_is_pinned_at_a_version_that_is_allowed(file, extras):
    pins = pinned(file)
    if file == "requirements-demo.lock":
        pins |= pinned("requirements.lock")
    for requirement in declared(*extras):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{file} lacks {requirement.name}"
        assert all(version in requirement.specifier for version in versions), requirement


def test_the_tests_run_on_the_versions_that_are_installed_elsewhere():
    tests = pinned("tests/requirements.txt")
    lock = pinned("requirements.lock") | pinned("requirements-demo.lock")
    assert {name: tests[name] for name in lock if name in tests} == {
        name: lock[name] for name in lock if name in tests
    }


LOCKS = ("requirements.lock", "requirements-demo.lock")

# Where programs for users are installed by pip.
INSTALLERS = (
    "contrib/docker/Dockerfile",
    "contrib/install/python.sh",
    "ansible/roles/gocron/tasks/install.yml",
)


def test_no_server_gets_what_only_the_demo_needs():
    assert not pinned("requirements.lock").keys() & {"aiosmtpd", "attrs", "atpublic"}
    for file in INSTALLERS[::2]:
        assert "requirements-demo" not in (ROOT / file).read_text()
    assert "requirements-demo" not in (ROOT / "contrib/install/system.sh").read_text()


@pytest.mark.parametrize("file", INSTALLERS)
def test_what_others_wrote_comes_as_wheels_with_hashes(file):
    text = (ROOT / file).read_text()
    assert text.count("--require-hashes") == text.count("--only-binary=:all:") == 1
    installs = len(re.findall(r"pip\S*(?: \"\S+\")? install|- install$", text, re.M))
    assert installs == 1 + text.count("--no-index")


@pytest.mark.parametrize("file", LOCKS)
def test_the_lock_has_hashes_and_names_no_host(file):
    lock = (ROOT / file).read_text()
    assert "://" not in lock
    assert "index" not in lock
    for entry in re.split(r"\n(?=\w)", lock)[1:]:
        assert "--hash=sha256:" in entry


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the sdist as an installer would, leaving the checkout alone."""
    folder = tmp_path_factory.mktemp("build")
    source, built = folder / "source", folder / "dist"
    for name in ("gocron", "reports"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*UNBUILT))
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, source)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", built, source],
        check=True,
        capture_output=True,
    )
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel and what it must have, without what demo and tests need."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", wheel]
        + ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"],
        check=True,
    )
    (site_packages,) = folder.glob("lib/python*/site-packages")
    for name in pinned("requirements.lock").keys() - {"setuptools"}:
        for top in {path.parts[0] for path in distribution(name).files} - {"..", "__pycache__"}:
            link = site_packages / top
            if not link.exists():
                link.symlink_to(distribution(name).locate_file(top))
    return folder


def test_the_wheel_holds_every_module_template_and_migration(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gocron").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected |= {
        f"gocron/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "reports").rglob("*")
        if path.is_file()
    }
    assert expected - held == set()
    assert "gocron/py.typed" in held


@pytest.mark.parametrize("command", COMMANDS)
def test_an_installed_command_starts_without_what_only_tests_need(installed, command, tmp_path):
    told = subprocess.run(
        [installed / "bin" / command, "--help"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: ")


def test_an_installed_gocron_tells_its_version(installed, tmp_path):
    told = subprocess.run(
        [installed / "bin/gocron", "--version"], capture_output=True, text=True, cwd=tmp_path
    )
    version = re.search(r'__version__ = "(.+)"', (ROOT / "gocron/__init__.py").read_text())[1]
    assert version in told.stdout


def test_an_installed_gocron_finds_its_templates(installed, tmp_path):
    asked = "from gocron.render.templates import reports_folder as f; print(f())"
    told = subprocess.run(
        [installed / "bin/python", "-c", asked],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    folder = Path(told.stdout.strip())
    assert folder.is_relative_to(installed)
    assert {path.name for path in folder.iterdir()} >= {
        path.name for path in (ROOT / "reports").iterdir() if path.is_file()
    }


def test_scripts_ask_python_for_what_is_there() -> None:
    """What stands in a shell script is read by no linter."""
    found = []
    for script in [ROOT / "install.sh", *(ROOT / "contrib").rglob("*")]:
        if script.is_file() and script.suffix != ".png":
            asked = re.findall(r"(?m)^from (gocron[\w.]*) import ([\w, ]+)$", script.read_text())
            found += [(room, name) for room, names in asked for name in names.split(", ")]
    assert ("gocron.sweep.world", "knock_url") in found
    assert [one for one in found if not hasattr(import_module(one[0]), one[1])] == []
