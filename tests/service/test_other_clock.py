"""A database whose clock is hours off its hosts': front, sweep and commands all go by it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gocron.promise import renew_promise_of
from gocron.store import checkins
from gocron.store.database import Store
from tests.conftest import PostgresClock
from tests.peers import free_port, mail_peer
from tests.service import processes
from tests.store.conftest import HOUR, checkin

pytestmark = pytest.mark.timeout(240)


def run(config: Path, name: str, *arguments: str) -> subprocess.CompletedProcess:
    start = f"import sys; from gocron import cli; sys.exit(cli.{name}())"
    command = [sys.executable, "-c", start, *arguments, "--config", config]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def states(config: Path) -> dict[str, str]:
    listed = json.loads(run(config, "main", "jobs", "list", "--json").stdout)
    return {job["cronname"]: job["state"] for job in listed}


@pytest.mark.parametrize("ahead_s", [5 * HOUR, -5 * HOUR])
def test_hosts_with_wrong_clocks_tell_who_is_dead_and_nobody_else(
    postgres_clock: PostgresClock, tmp_path: Path, ahead_s: int
) -> None:
    postgres_clock.set(ahead_s)
    config, port = tmp_path / "config.yml", free_port()
    journal = tmp_path / "journal.log"
    with mail_peer() as mail:
        options = {
            "database_url": postgres_clock.url,
            "listen_host": "127.0.0.1",
            "listen_port": port,
            "status_dir": tmp_path / "status",
            "smtpserver": "127.0.0.1",
            "smtpport": mail.port,
            "mail_from": "gocron@example.com",
            "journal": journal,
        }
        config.write_text("".join(f"{name}: '{value}'\n" for name, value in options.items()))
        store = Store(postgres_clock.url)
        with store.connected():
            died_at = store.now() - 2 * HOUR
            store.write(lambda tx: checkins.record(tx, [checkin("dead", seen_at=died_at)]))
        journal.write_text(
            f'{{"at":"{time.time() - 60:.3f}","address":"203.0.113.9","method":"GET","query":'
            '"account=web-01&cronname=kept&email=ops@example.com&frequency=1h",'
            '"content_type":"","length":"","body":""}\n'
        )
        with processes.front(config, port):
            query = "account=web-01&cronname=well&email=ops@example.com&frequency=1h"
            assert processes.check_in(f"http://127.0.0.1:{port}/", query) == 201
            swept = run(config, "sweep")
            assert (swept.returncode, swept.stderr) == (0, "")
            assert states(config) == {"dead": "missing", "kept": "up", "well": "up"}
            checked = run(config, "main", "check").stdout
            assert "FAIL  last sweep" not in checked
            assert "FAIL  front door" not in checked
            told = run(config, "sweep", "--dry-run", "--at", "+2h").stdout
            assert "kept (web-01) is missing, 5" in told or "kept (web-01) is missing, 1 h" in told
            past = run(config, "sweep", "--dry-run", "--at", "+0")
            assert past.returncode == 0
        assert mail.subjects == ["[gocron] dead (web-01) has not checked in"]


def test_nginxs_flags_go_by_the_clock_of_its_host(
    postgres_clock: PostgresClock, tmp_path: Path
) -> None:
    """nginx looks for them by the time of its own host."""
    postgres_clock.set(400 * 24 * HOUR)
    journal = tmp_path / "journal.log"
    config = tmp_path / "config.yml"
    config.write_text(f"database_url: '{postgres_clock.url}'\njournal: '{journal}'\n")
    run(config, "sweep")
    flags = tmp_path / "journal.log.room"
    found = {flag.name for flag in flags.iterdir()}
    renew_promise_of(journal, int(time.time()))
    assert {flag.name for flag in flags.iterdir()} & found
