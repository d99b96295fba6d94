"""Who may read what gocron makes does not depend on the umask of whoever starts it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.service.processes import program, until

umasks = pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077], ids=oct)


def configured(folder: Path, page: Path) -> Path:
    config = folder / "config.yml"
    told = {
        "database_url": f"sqlite:///{folder}/gocron.db",
        "status_dir": str(page),
        "journal": "",
    }
    config.write_text(yaml.safe_dump(told))
    return config


def run(name: str, umask: int, *arguments: object) -> None:
    start = f"import sys; from gocron import cli; sys.exit(cli.{name}())"
    subprocess.run(
        [sys.executable, "-c", start, *map(str, arguments)], umask=umask, check=True, text=True
    )


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }


def declare(config: Path, umask: int) -> None:
    told = ("--email=a@example.com", "--frequency=1d", "--config", config)
    run("main", umask, "jobs", "add", "web-01", "backup", *told)


@umasks
def test_the_page_can_be_read_by_the_web_server(tmp_path: Path, umask: int) -> None:
    config = configured(tmp_path, tmp_path / "srv/page")
    declare(config, umask)
    run("sweep", umask, "--config", config)
    told = modes(tmp_path / "srv")
    assert {name: told[name] for name in (".", "page", "page/account")} == {
        ".": 0o755,
        "page": 0o755,
        "page/account": 0o755,
    }
    assert {mode for name, mode in told.items() if name.endswith((".html", ".css", ".js"))} == {
        0o644
    }


def test_a_folder_that_its_owner_closed_stays_closed(tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.mkdir()
    page.chmod(0o750)
    run("sweep", 0o022, "--config", configured(tmp_path, page))
    assert stat.S_IMODE(page.stat().st_mode) == 0o750
    assert stat.S_IMODE((page / "account").stat().st_mode) == 0o750


def test_pages_of_accounts_that_an_earlier_umask_hid_can_be_read_again(tmp_path: Path) -> None:
    page = tmp_path / "page"
    (page / "account").mkdir(parents=True)
    page.chmod(0o755)
    (page / "account").chmod(0o700)
    run("sweep", 0o077, "--config", configured(tmp_path, page))
    assert stat.S_IMODE((page / "account").stat().st_mode) == 0o755


@umasks
def test_others_cannot_read_the_database(tmp_path: Path, umask: int) -> None:
    config = configured(tmp_path, tmp_path / "page")
    with program("back", "--config", config, umask=umask):
        # The file grows while it is open: the files beside it are there then.
        until(lambda: (tmp_path / "page/index.html").exists())
        declare(config, umask)
    told = {name: mode for name, mode in modes(tmp_path).items() if name.startswith("gocron.db")}
    assert told
    assert set(told.values()) <= {0o640 & ~umask}
