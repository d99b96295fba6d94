"""install.sh with Debian's own Postgres, and a front that has no network but loopback.

One host goes through all of it, in this order.
"""

import json
import subprocess

import pytest

from gocron.render.crontab import CURL
from tests.acceptance.hosts import Host, wait_until

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

# What a URL and a shell take apart, and as it is written in a URL.
PASSWORD = "pass 'word/@:%"
IN_URL = "pass%20%27word%2F%40%3A%25"

FIELDS = "account=web-01&email=ops@example.com&frequency=1d"
CHECK_IN = CURL.removesuffix(" -o /dev/null")
DROP_IN = "/etc/systemd/system/gocron-front.service.d/loopback.conf"


@pytest.fixture(scope="module")
def host(bare: Host) -> Host:
    bare.run("apt-get -qq update")
    bare.run("apt-get -qq install --no-install-recommends postgresql 2>&1")
    sql = PASSWORD.replace("'", "''")
    postgres(bare, "psql -q", f"CREATE ROLE gocron LOGIN PASSWORD '{sql}'")
    postgres(bare, "createdb --owner=gocron gocron")
    return bare


def postgres(host: Host, command: str, sql: str = "") -> str:
    return host.run(f"cd / && runuser -u postgres -- {command}", stdin=sql)


def install(password: str) -> str:
    return f"gocron/install.sh --database-url 'postgresql://gocron:{password}@127.0.0.1/gocron'"


def check_in(host: Host, cronname: str) -> None:
    host.run(f'{CHECK_IN} "http://127.0.0.1:8080/?cronname={cronname}&{FIELDS}"')


def kept(host: Host) -> list[str]:
    """The names of the jobs that are in Postgres."""
    return postgres(host, "psql -qtA gocron", "SELECT cronname FROM job ORDER BY 1").split()


def test_a_wrong_password_is_said_and_the_right_one_is_taken_the_next_time(host: Host) -> None:
    done = host.ask(install("wr%20ong"))
    assert done.returncode == 4, done.stderr
    assert 'password authentication failed for user "gocron"' in done.stderr
    assert "wr%20ong" not in done.stdout + done.stderr
    assert not host.path("/etc/gocron/config.yml").exists()
    assert host.ask("systemctl cat gocron-front").returncode == 1

    said = host.run(f"{install(IN_URL)} 2>&1")
    assert "a check-in went through" in said
    assert IN_URL not in said
    check_in(host, "backup")
    assert kept(host) == ["backup"]
    assert not host.path("/var/lib/gocron/gocron.db").exists()
    assert "ok    database: postgres gocron on 127.0.0.1" in host.ask("gocron check").stdout


def test_a_second_run_with_or_without_the_url_changes_nothing(host: Host) -> None:
    for again in (install(IN_URL), "gocron/install.sh"):
        assert "nothing had to be changed" in host.run(f"{again} 2>&1")


def test_a_front_that_is_shut_in_answers_loopback_and_nobody_else(host: Host) -> None:
    def answers_others() -> bool:
        ask = ["curl", "-s", "-o", "/dev/null", "-m", "30", "--connect-timeout", "3"]
        return subprocess.run([*ask, f"http://{host.address}:8080/"]).returncode == 0

    assert answers_others()
    example = "gocron/contrib/systemd/gocron-front.service.d/loopback.conf.example"
    host.run(f"install -D -m 0644 {example} {DROP_IN}")
    host.run("systemctl daemon-reload && systemctl restart gocron-front")
    check_in(host, "shut-in")
    assert "shut-in" in kept(host)
    assert not answers_others()
    again = host.ask("gocron/install.sh 2>&1")
    assert again.returncode == 1, "the line that it would print lets nobody check in"
    assert "a check-in at http://web:8080/: did not get through" in again.stdout
    assert host.path(DROP_IN).exists(), "and it stays"


def test_after_a_reboot_the_front_has_its_database_again(host: Host) -> None:
    host.reboot()
    healthy = "curl -fsS http://127.0.0.1:8080/healthcheck"
    wait_until(lambda: host.ask(healthy).returncode == 0, 30, "the front is back")
    assert json.loads(host.run(healthy))["database"] == "ok"
    check_in(host, "rebooted")
    assert kept(host) == ["backup", "rebooted", "shut-in"]


def test_what_is_purged_leaves_the_database_to_whom_it_belongs(host: Host) -> None:
    host.run("gocron/install.sh --uninstall --purge 2>&1")
    assert not host.path("/etc/gocron").exists()
    assert not host.path(DROP_IN).exists()
    assert len(kept(host)) == 3
