"""Five hosts by site.yml: nginx, two fronts, a sweeper and Postgres, on Debian 12 and 13."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.conftest import MailServer
from tests.acceptance.hosts import Host, Network, wait_until
from tests.acceptance.plays import Ansible
from tests.acceptance.streams import Streams

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]

NAME = "gocron.example.com"
HOSTS = {
    "lb-01": "bookworm",
    "front-01": "trixie",
    "front-02": "bookworm",
    "sweep-01": "trixie",
    "db-01": "bookworm",
}

CRON_LIMIT_S = 90

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


def jobs(hosts: Hosts) -> list[dict]:
    return json.loads(hosts["sweep-01"].run("gocron jobs list --json"))


def test_five_bare_hosts_become_one_service(
    hosts: Hosts, mail_server: MailServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ansible = Ansible("five-hosts", hosts.values(), tmp_path_factory.mktemp("plays"))
    played = ansible.apply(
        "--limit",
        "!web-01",
        vault_gocron_postgres_password="pass 'word/@:%",
        gocron_smtpserver=mail_server.host,
        gocron_smtpport=mail_server.port,
    )
    assert "pass 'word" not in played.said
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
    return job["account"] != "brief" or job["state"] in ("overdue", "missed")


def test_a_front_that_loses_power_and_comes_back_loses_no_check_in(hosts: Hosts) -> None:
    front = hosts["front-01"]
    with Streams(hosts["db-01"], f"http://{NAME}/", 3) as streams:
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
    assert set(streams.answers.values()) == {"201"}, streams.complaints
    kept = {(job["account"], job["cronname"]) for job in jobs(hosts)}
    assert streams.answers.keys() <= kept
