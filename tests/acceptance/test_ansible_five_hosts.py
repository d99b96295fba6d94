"""Five hosts by site.yml: nginx, two fronts, a sweeper and Postgres, on Debian 12 and 13."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.conftest import Files, MailServer, lay
from tests.acceptance.hosts import Host, Network, wait_until
from tests.acceptance.plays import ROOT, Ansible, Played
from tests.acceptance.streams import Streams

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]

NAME = "gocron.example.com"
URL = f"http://{NAME}/"
HOSTS = {
    "lb-01": "bookworm",
    "front-01": "trixie",
    "front-02": "bookworm",
    "sweep-01": "trixie",
    "db-01": "bookworm",
}

CRON_LIMIT_S = 90

PASSWORD = "pass 'word/@:%"

Hosts = dict[str, Host]


@pytest.fixture(scope="module")
def hosts(network: Network) -> Iterator[Hosts]:
    with ExitStack() as stack:
        booted = {
            name: stack.enter_context(network.host(name, suite)) for name, suite in HOSTS.items()
        }
        for host in booted.values():
            known = f"{host.read('/etc/hosts')}\n{booted['lb-01'].address} {NAME}\n"
            host.put("/etc/hosts", known)
        yield booted


@pytest.fixture(scope="module")
def mail_server(network: Network) -> Iterator[MailServer]:
    """One for all tests: where it is, is told when the hosts are set up."""
    server = MailServer(network.gateway)
    server.start()
    yield server
    server.stop()


class Site:
    """The hosts, as plays make them."""

    def __init__(self, hosts: Hosts, mail_server: MailServer, folder: Path) -> None:
        self._ansible = Ansible("five-hosts", hosts.values(), folder)
        self._variables = {
            "vault_gocron_postgres_password": PASSWORD,
            "gocron_smtpserver": mail_server.host,
            "gocron_smtpport": mail_server.port,
        }

    def play(self, checkout: Path = ROOT) -> Played:
        """Play all but the client: clients are the matter of the plays on one host."""
        return self._ansible.apply("--limit", "!web-01", checkout=checkout, **self._variables)


@pytest.fixture(scope="module")
def site(hosts: Hosts, mail_server: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(hosts, mail_server, tmp_path_factory.mktemp("plays"))


def jobs(hosts: Hosts) -> list[dict]:
    return json.loads(hosts["sweep-01"].run("gocron jobs list --json"))


def assert_kept(streams: Streams, hosts: Hosts) -> None:
    # Where nginx found no front for a moment it kept the check-in itself, for the sweep beside it.
    assert set(streams.answers.values()) <= {"201", "202"}, streams.complaints
    hosts["lb-01"].ask("runuser -u gocron -- gocron-sweep")
    kept = {(job["account"], job["cronname"]) for job in jobs(hosts)}
    assert streams.answers.keys() <= kept


def test_five_bare_hosts_become_one_service(
    hosts: Hosts, site: Site, older_checkout: Files, tmp_path: Path
) -> None:
    played = site.play(lay(older_checkout, tmp_path))
    assert not re.search("pass( |%20)('|%27)word", played.said)
    for name, expected in {
        "lb-01": ["cron", "nginx"],
        "front-01": ["gocron-front"],
        "front-02": ["gocron-front"],
        "sweep-01": ["cron"],
    }.items():
        units = hosts[name].run("systemctl list-units --state=active --no-legend --plain")
        running = {line.split(".service")[0] for line in units.splitlines()}
        assert running >= set(expected), name
        assert ("gocron-front" in running) == name.startswith("front"), name
        swept = hosts[name].path("/etc/cron.d/gocron").exists()
        assert swept == (name in ("lb-01", "sweep-01")), name

    check_in = f"'http://{NAME}/?account=db-01&cronname=dump&email=a@example.com&frequency=1d'"
    hosts["db-01"].run(f"curl -fsS {check_in}")
    (heard,) = jobs(hosts)
    assert heard["address"] == hosts["db-01"].address, "the client's, not the balancer's"
    wait_until(
        lambda: "db-01" in hosts["db-01"].ask(f"curl -fsS http://{NAME}/status/").stdout,
        CRON_LIMIT_S,
        "the page",
    )


def test_two_sweepers_at_once_mail_once(hosts: Hosts, mail_server: MailServer) -> None:
    owners = [f"owner-{number}@example.com" for number in range(10)]
    for owner in owners:
        fields = f"account=brief&cronname={owner}&email={owner}&frequency=1"
        hosts["db-01"].run(f"curl -fsS 'http://{NAME}/?{fields}'")
    wait_until(lambda: all(is_overdue(job) for job in jobs(hosts)), 10, "all are overdue")
    for _ in range(3):
        sweeps = [
            hosts[name].start("runuser -u gocron -- gocron-sweep")
            for name in ("lb-01", "sweep-01", "lb-01", "sweep-01")
        ]
        for sweep in sweeps:
            sweep.communicate(timeout=60)
            assert sweep.returncode == 0
    wait_until(lambda: len(mail_server.mails) >= len(owners), CRON_LIMIT_S, "all mails")
    assert sorted(mail_server.recipients) == owners


def is_overdue(job: dict) -> bool:
    return job["account"] != "brief" or job["state"] in ("overdue", "missing")


def test_a_front_that_loses_power_and_comes_back_loses_no_check_in(hosts: Hosts) -> None:
    front = hosts["front-01"]
    with Streams(hosts["db-01"], URL, "power-1", "power-2", "power-3") as streams:
        streams.go_on()
        front.cut_power()
        streams.go_on()
        front.boot()
        wait_until(
            lambda: front.ask("curl -fsS http://127.0.0.1:8080/healthcheck").returncode == 0,
            30,
            "the front is back",
        )
        front.run("systemctl kill --signal=KILL gocron-front")
        streams.go_on()

    noticed = hosts["lb-01"].read("/var/log/nginx/error.log")
    assert f"http://{front.address}:8080/" in noticed, "check-ins met the front that was away"
    assert_kept(streams, hosts)


def test_an_upgrade_of_one_front_after_the_other_loses_no_check_in(
    hosts: Hosts, site: Site
) -> None:
    fronts = [hosts[name] for name in ("front-01", "front-02")]
    older = [front.run("readlink /opt/gocron/venv") for front in fronts]
    with Streams(hosts["db-01"], URL, "upgrade-1", "upgrade-2") as streams:
        streams.go_on()
        site.play()
        streams.go_on()
    newer = [front.run("readlink /opt/gocron/venv") for front in fronts]
    assert set(newer).isdisjoint(older)
    assert_kept(streams, hosts)


def test_a_second_play_changes_nothing(site: Site) -> None:
    played = site.play()
    assert (played.changed, played.count("changed")) == ([], 0)
