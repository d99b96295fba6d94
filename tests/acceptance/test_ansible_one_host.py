"""The roles on a bare Debian 13 and a bare client: to a watched cron job, and back to nothing.

Two hosts go through all of it, in this order.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import OLD_PYTHON, Files, MailServer, lay
from tests.acceptance.hosts import Host, Network, wait_until
from tests.acceptance.plays import Ansible, Played

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]

NAME = "gocron.example.com"

# cron starts jobs and sweeps each minute.
CRON_LIMIT_S = 90

# Leaves a trace, and has what cron and a shell take apart.
JOB = {
    "name": "alive",
    "command": "date '+%Y it'\"'\"'s fine' >>/root/ran",
    "frequency": "10m",
    "grace": 30,
}


@pytest.fixture(scope="module")
def server(network: Network) -> Iterator[Host]:
    with network.host("gocron-01", "trixie") as host:
        yield host


@pytest.fixture(scope="module")
def client(network: Network, server: Host) -> Iterator[Host]:
    with network.host("web-01", "bookworm") as host:
        names = f"\n{server.address} {NAME}\n"
        host.put("/etc/hosts", host.read("/etc/hosts") + names)
        yield host


@pytest.fixture(scope="module")
def ansible(server: Host, client: Host, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible("one-host", [server, client], tmp_path_factory.mktemp("plays"))


def page(client: Host) -> str:
    return client.run(f"curl -fsS http://{NAME}/status/")


def jobs(server: Host) -> list[dict]:
    return json.loads(server.run("gocron jobs list --json"))


def state(host: Host) -> set[str]:
    """All of the host that a play could touch, line by line."""
    folders = "/etc /usr /opt /var/lib /var/spool"
    kept = "-path /var/lib/systemd -prune"
    told = host.run(
        f"find {folders} {kept} -o -printf '%p %y %m %u %g %s %l %T@\\n';"
        "systemctl list-unit-files --no-legend; cat /etc/passwd /etc/group"
    )
    return {f"{host.name} {line}" for line in told.splitlines()}


@pytest.fixture(scope="module")
def checked(server: Host, client: Host, ansible: Ansible) -> Played:
    """How check mode went, on bare hosts."""
    for host in (server, client):
        host.run("apt-get -q install -y --no-install-recommends python3 python3-apt")
    before = state(server) | state(client)
    checked = ansible.apply("--check", gocron_job_jobs=[JOB])
    assert (state(server) | state(client)) ^ before == set()
    return checked


def test_check_mode_on_bare_hosts_changes_nothing_and_says_what_would_change(
    checked: Played,
) -> None:
    assert {
        "gocron : Install gocron",
        "gocron : Write the configuration",
        "gocron : Copy the cron file",
        "gocron_job : Write a file for each job",
    } < set(checked.changed)


def test_from_bare_hosts_to_one_mail_about_a_job_that_cron_no_longer_runs(
    server: Host, client: Host, ansible: Ansible, checked: Played, mail_server: MailServer
) -> None:
    mail = {"gocron_smtpserver": mail_server.host, "gocron_smtpport": mail_server.port}
    played = ansible.apply(**mail, gocron_job_jobs=[JOB])
    assert set(checked.changed) <= set(played.changed), "check mode promised no more than was done"
    (declared,) = jobs(server)
    assert (declared["account"], declared["cronname"]) == (client.name, "alive")

    wait_until(lambda: jobs(server)[0]["address"], CRON_LIMIT_S, "a check-in that cron sent")
    (heard,) = jobs(server)
    assert heard["address"] == client.address, "the client's, not nginx's"
    assert (heard["frequency"], heard["grace"]) == (600, 30)
    assert re.fullmatch(r"(\d{4} it's fine\n)+", client.read("/root/ran"))
    client.path("/etc/cron.d/gocron-alive").unlink()

    # Ten minutes are long for a test; a sweep during the play must not find it silent, though.
    server.run("runuser -u gocron -- gocron jobs add web-01 alive --frequency=1 --grace=0")
    wait_until(lambda: mail_server.mails, CRON_LIMIT_S, "the alert")
    # The page is written after the mail was sent.
    wait_until(lambda: "1 job is missing" in page(client), 20, "the page that says so")
    server.reboot()
    swept_at = written_at(page(client))
    wait_until(lambda: written_at(page(client)) > swept_at, CRON_LIMIT_S, "a sweep after the boot")
    client.run(f"curl -fsS http://{NAME}/healthcheck")
    assert mail_server.recipients == ["ops@example.com"]
    assert "alive (web-01)" in mail_server.subjects[0]


def written_at(html: str) -> int:
    return int(re.search(r'data-written="(\d+)"', html)[1])


# What is told to the role from the second play on.
LATER = {
    "gocron_smtpaddress": "gocron@example.com",
    "gocron_smtppassword": "s3cret of %the' \"mail server",
    "gocron_slack_hook_url": "https://hooks.slack.com/services/T/B/s3cret",
    "gocron_prefer_slack": "false",
    "gocron_scheduler": "systemd",
    "gocron_job_jobs": [JOB],
}


def test_secrets_are_shown_to_nobody_and_another_scheduler_replaces_the_one_before(
    server: Host, ansible: Ansible
) -> None:
    played = ansible.apply("--diff", "-vvv", **LATER)
    assert "s3cret" not in played.said
    assert {"gocron : Write the secrets", "gocron : Restart gocron"} < set(played.changed)
    assert server.read("/etc/gocron/secrets/smtppassword").strip() == LATER["gocron_smtppassword"]
    for path, mode in (("", "750"), ("/slack_hook_url", "640")):
        told = server.run(f"stat -c %U:%G:%a /etc/gocron/secrets{path}")
        assert told == f"root:gocron:{mode}\n"
    assert "s3cret" not in server.read("/etc/gocron/config.yml")

    assert not server.path("/etc/cron.d/gocron").exists()
    server.run("systemctl is-active gocron-sweep.timer gocron-summary.timer")


def test_a_second_play_changes_nothing(ansible: Ansible) -> None:
    played = ansible.apply(**LATER)
    assert (played.changed, played.count("changed")) == ([], 0)


def test_a_newer_python_is_found_where_python3_is_too_old(server: Host, ansible: Ansible) -> None:
    server.put("/usr/local/bin/python3", OLD_PYTHON, mode=0o755)
    played = ansible.apply("--limit", server.name, **LATER)
    server.path("/usr/local/bin/python3").unlink()
    assert (played.changed, played.count("changed")) == ([], 0)


UNTOUCHED = (
    "systemctl show -P MainPID -P NRestarts gocron-front; readlink /opt/gocron/venv;"
    "cksum /etc/gocron/config.yml /etc/gocron/secrets/*"
)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"gocron_scheduler": "crond"}, "value of gocron_scheduler must be one of: cron, systemd"),
        ({"gocron_listen_port": "http"}, "gocron_listen_port"),
        ({"gocron_databse_url": "x"}, "gocron_databse_url: no such variable of the role gocron"),
        ({"gocron_purge": True}, "gocron_purge is for gocron_state: absent"),
        ({"gocron_source": "/nowhere"}, "gocron_source: /nowhere is no checkout of gocron"),
        ({"gocron_nginx_fronts": ["front-02:8080"]}, "SQLite can't be shared between hosts"),
        ({"gocron_nginx_fronts": ["[::1]:8080\n"]}, "gocron_nginx_fronts: has a line break"),
        ({"gocron_nginx_fronts": ["[::1]:8080;"]}, "gocron_nginx_fronts: want a list"),
        ({"gocron_nginx_server_name": "a; return 200"}, "gocron_nginx_server_name: want one name"),
        ({"gocron_public_url": "http://a/\n"}, "gocron_public_url: has a line break"),
        (
            {"gocron_smtppassword": "s3cret\rx", "gocron_smtpaddress": "a\x1bb"},
            "gocron_smtpaddress, gocron_smtppassword: has a line break",
        ),
    ],
    ids=[
        *("choice", "type", "name", "purge", "source", "sqlite", "line-in-list", "front"),
        *("server-name", "line", "control"),
    ],
)
def test_a_wrong_variable_stops_the_play_before_anything_changes(
    server: Host, ansible: Ansible, variables: dict, said: str
) -> None:
    before = server.run(UNTOUCHED)
    played = ansible.play("--limit", server.name, **variables)
    assert (played.status, played.count("changed")) == (2, 0)
    assert said in played.said
    assert "s3cret" not in played.said
    assert server.run(UNTOUCHED) == before


@pytest.mark.parametrize(
    ("breaking", "mending", "variables", "said"),
    [
        (
            "true",
            "true",
            {"gocron_database_url": "postgresql://gocron:s3cret@127.0.0.1:9/gocron"},
            "postgres gocron on 127.0.0.1, port 9: Connection refused",
        ),
        ("true", "true", {"gocron_python": "python3.9"}, "python3.9 is missing, older than 3.10"),
        ("true", "true", {"gocron_listen_port": 22}, "listen_port 22: can't listen"),
        ("true", "true", {"gocron_mail_from": "nobody"}, "mail_from: want a mail address"),
        (
            "mount -t tmpfs -o ro none /var/cache/gocron/status",
            "umount /var/cache/gocron/status",
            {},
            "/var/cache/gocron/status",
        ),
    ],
    ids=["no-database", "no-python", "port-taken", "no-address", "unwritable"],
)
def test_what_is_not_as_needed_is_said_and_leaves_the_service_as_it_was(
    server: Host, ansible: Ansible, breaking: str, mending: str, variables: dict, said: str
) -> None:
    before = server.run(UNTOUCHED)
    server.run(breaking)
    try:
        played = ansible.play("--limit", server.name, **{**LATER, **variables})
    finally:
        server.run(mending)
    assert (played.status, said in played.said, "s3cret" in played.said) == (2, True, False), (
        played.said[-3000:]
    )
    assert "Traceback" not in played.said
    assert server.run(UNTOUCHED) == before
    assert server.ask("curl -fsS http://127.0.0.1:8080/healthcheck").returncode == 0


def test_a_configuration_that_was_broken_by_hand_is_mended(server: Host, ansible: Ansible) -> None:
    before = server.read("/etc/gocron/config.yml")
    server.run("echo '{' >>/etc/gocron/config.yml")
    played = ansible.apply("--limit", server.name, **LATER)
    assert played.changed == ["gocron : Write the configuration", "gocron : Restart gocron"]
    assert server.read("/etc/gocron/config.yml") == before


def test_a_release_that_does_not_answer_gives_way_to_the_one_before(
    server: Host, ansible: Ansible, checkout: Files, tmp_path: Path
) -> None:
    before = server.run("readlink /opt/gocron/venv")
    lay(checkout, tmp_path)
    broken = tmp_path / "gocron/front/rsgi.py"
    broken.write_text(broken.read_text() + "\nraise SystemExit('no good')\n")
    played = ansible.play("--limit", server.name, **LATER, gocron_source=str(tmp_path))
    assert played.status == 2
    assert "does not answer at http://127.0.0.1:8080" in played.said
    assert "The release before runs again." in played.said
    assert server.run("readlink /opt/gocron/venv") == before
    wait_until(
        lambda: server.ask("curl -fsS http://127.0.0.1:8080/version").returncode == 0,
        10,
        "the release before answers",
    )


def test_cron_takes_over_from_the_timers(server: Host, ansible: Ansible) -> None:
    ansible.apply("--limit", server.name, **{**LATER, "gocron_scheduler": "cron"})
    assert server.path("/etc/cron.d/gocron").exists()
    assert "gocron" not in server.run("systemctl list-timers --all")


def test_an_absent_job_is_gone_at_both_ends(server: Host, client: Host, ansible: Ansible) -> None:
    absent = [{"name": "alive", "state": "absent"}]
    ansible.apply("--limit", client.name, gocron_job_jobs=absent)
    assert not client.path("/etc/cron.d/gocron-alive").exists()
    assert jobs(server) == []
    assert ansible.apply("--limit", client.name, gocron_job_jobs=absent).count("changed") == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"command": None}, "alive: want command, frequency and email"),
        ({"name": "a.b"}, "a.b: want a name of letters, digits, _ and -"),
        ({"frequenzy": "1d"}, "frequenzy"),
        ({"command": "true\nfalse"}, "a command is on one line"),
    ],
    ids=["no-command", "name", "key", "lines"],
)
def test_a_wrong_job_stops_the_play_before_anything_changes(
    client: Host, ansible: Ansible, wrong: dict, said: str
) -> None:
    job = {key: value for key, value in {**JOB, **wrong}.items() if value is not None}
    played = ansible.play("--limit", client.name, gocron_job_jobs=[job])
    assert (played.status, played.count("changed")) == (2, 0)
    assert said in played.said
    assert list(client.path("/etc/cron.d").glob("gocron-*")) == []


def test_what_is_absent_leaves_its_data_and_what_is_purged_leaves_nothing(
    server: Host, ansible: Ansible
) -> None:
    limit = ("--limit", server.name)
    ansible.apply(*limit, gocron_state="absent")
    assert left_behind(server) == ["/etc/gocron", "/var/lib/gocron", "/var/log/gocron"]
    assert server.run("stat -c %U /var/lib/gocron /var/lib/gocron/gocron.db") == "root\nroot\n"
    ansible.apply(*limit, gocron_state="absent", gocron_purge=True)
    assert left_behind(server) == []
    assert ansible.apply(*limit, gocron_state="absent").count("changed") == 0


def left_behind(host: Host) -> list[str]:
    """The files that are there because of gocron; no user, unit or line of another file is."""
    assert host.ask("getent passwd gocron; getent group gocron").stdout == ""
    assert "gocron" not in host.run(
        "systemctl list-units --all; systemctl list-unit-files"
    ).replace(host.name, "")
    host.run("nginx -t && systemctl is-active nginx cron")
    within = "-path /root -prune -o -path /proc -prune -o -path /sys -prune"
    found = host.run(f"find / {within} -o -name '*gocron*' -prune -print").split()
    return sorted(path for path in found if not re.match("/(run|tmp)/", path))
