"""install.sh never says "runs" where nothing runs: it looks for life, each time.

One host without cron goes through all of it, in this order.
"""

import subprocess

import pytest

from tests.acceptance.hosts import Host, wait_until

pytestmark = [pytest.mark.root, pytest.mark.timeout(480)]

FIELDS = "cronname=x&account=a&email=a@example.com&frequency=1d"
HOLDER = "systemd-run -q -u holder systemd-socket-activate -l 80 cat"


@pytest.fixture(scope="module")
def host(bare: Host) -> Host:
    # As Debian's minbase: the folder is there, and nobody reads it.
    bare.run("apt-get -qq purge -y cron 2>&1; mkdir -p /etc/cron.d")
    return bare


def install(host: Host, arguments: str = "", first: str = "") -> str:
    return host.run(f"{first} gocron/install.sh {arguments} 2>&1")


def refused(host: Host, arguments: str = "") -> str:
    done = host.ask(f"gocron/install.sh {arguments} 2>&1")
    assert done.returncode == 1, done.stdout
    assert "gocron runs" not in done.stdout
    return done.stdout


def answer(url: str, name: str = "") -> str:
    """Ask as a client on another host does; return what is answered, the status at its end."""
    told = ["-H", f"Host: {name}"] if name else []
    done = subprocess.run(
        ["curl", "-s", "-m", "20", "-w", "%{http_code}", *told, url],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def state(host: Host) -> set[str]:
    told = host.run(
        "find /etc /usr /opt /var/lib -path /var/lib/systemd -prune -o -printf '%p %y %m %u %l\\n'"
    )
    return set(told.splitlines())


def test_a_port_that_another_program_has_is_said_before_anything_changes(host: Host) -> None:
    host.run(HOLDER)
    before = state(host)
    said = refused(host, "--nginx")
    assert "port 80 is taken by systemd-socket- (process " in said
    assert state(host) ^ before == set()
    host.run("systemctl stop holder")


def test_a_host_without_cron_gets_one_and_is_installed_when_it_has_swept(host: Host) -> None:
    said = install(host, "--nginx", "umask 077;")
    assert "installing packages: python3-venv cron nginx" in said
    assert "waiting for cron to sweep" in said
    host.run("systemctl is-active cron nginx gocron-front")
    assert "port 80 (check-ins, status page), to all who reach this host" in said
    assert "mail: nothing answers at localhost:25" in said


def test_no_umask_of_roots_hides_anything_from_those_who_need_it(host: Host) -> None:
    host.run("runuser -u nobody -- gocron --version")
    host.run("runuser -u nobody -- test -r /usr/local/share/man/man1/gocron.1")
    host.run("curl -fsS http://web/status/")
    assert host.run("stat -c %a /var/lib/gocron/gocron.db") in ("640\n", "600\n")
    assert host.ask("runuser -u nobody -- cat /etc/gocron/config.yml").returncode != 0


def test_by_whatever_name_a_check_in_comes_it_is_kept(host: Host) -> None:
    for name in ("", "web", "gocron.example.com", "other"):
        assert answer(f"http://{host.address}/?{FIELDS}", name).endswith("201"), name
    host.run("gocron jobs forget a x")


@pytest.mark.parametrize(
    ("killing", "said"),
    [
        ("systemctl stop cron", "starting cron.service"),
        ("systemctl disable --now cron", "enabling cron.service"),
        ("systemctl kill -s KILL cron; systemctl stop cron", "starting cron.service"),
        ("systemctl stop nginx", "starting nginx.service"),
        ("systemctl disable nginx", "enabling nginx.service"),
        ("systemctl stop gocron-front", "starting gocron-front"),
        ("systemctl disable gocron-front", "enabling gocron-front"),
    ],
)
def test_what_was_stopped_is_started_again_and_that_is_said(
    host: Host, killing: str, said: str
) -> None:
    host.run(killing)
    assert said in install(host)
    host.run("systemctl is-active cron nginx gocron-front")
    host.run("systemctl is-enabled cron nginx gocron-front")


@pytest.mark.parametrize("unit", ["cron", "nginx", "gocron-front"])
def test_what_is_masked_is_said(host: Host, unit: str) -> None:
    host.run(f"systemctl stop {unit}; mv /etc/systemd/system/{unit}.service /root/ 2>&1; true")
    host.run(f"systemctl mask {unit}")
    assert f"{unit}.service is masked" in refused(host)
    host.run(f"systemctl unmask {unit}")
    host.run(f"mv /root/{unit}.service /etc/systemd/system/ 2>&1; systemctl daemon-reload")
    install(host)


def test_an_nginx_that_has_lost_its_port_is_no_gocron_that_runs(host: Host) -> None:
    host.run(f"systemctl stop nginx; {HOLDER}")
    assert "port 80 is taken by" in refused(host)
    host.run("systemctl stop holder")
    assert "starting nginx.service" in install(host)


def test_a_full_disk_is_no_gocron_that_runs(host: Host) -> None:
    host.run("systemctl stop gocron-front; mount -t tmpfs -o size=1m,uid=gocron x /var/lib/gocron")
    host.run("head -c 2m /dev/zero >/var/lib/gocron/fill 2>/dev/null; true")
    done = host.ask("gocron/install.sh 2>&1")
    host.run("systemctl stop gocron-front; umount /var/lib/gocron")
    assert done.returncode != 0
    assert "gocron runs" not in done.stdout
    install(host)


def test_a_cron_that_runs_and_does_not_sweep_is_no_gocron_that_runs(host: Host) -> None:
    host.run("chage -E 0 gocron")
    # Once a sweep that cron had started before has ended.
    old = "touch -d '10 minutes ago' /var/cache/gocron/status/index.html"
    host.run(f"flock /var/lib/gocron {old}")
    said = refused(host)
    host.run("chage -E -1 gocron")
    assert "cron has not swept within 90 s" in said
    wait_until(lambda: "gocron runs" in host.ask("gocron/install.sh 2>&1").stdout, 90, "a sweep")


def test_what_was_nginx_s_own_page_comes_back(host: Host) -> None:
    assert not host.path("/etc/nginx/sites-enabled/default").is_symlink()
    install(host, "--uninstall --purge")
    assert "Welcome to nginx" in answer(f"http://{host.address}/")


def test_where_others_answer_too_it_is_said_which_names_are_whose(host: Host) -> None:
    host.run("echo '# mine' >>/etc/nginx/sites-available/default")
    host.put("/etc/nginx/conf.d/shop.conf", "server { listen 80; server_name shop.example.com; }\n")
    said = install(host, "--nginx")
    assert f"check-ins at http://{host.address} reach another server, and are lost" in said
    told = [line.split() for line in said.splitlines() if line.startswith("  ")]
    assert ["shop.example.com", "/etc/nginx/conf.d/shop.conf"] in told
    assert ["web", "/etc/nginx/conf.d/gocron-server.conf"] in told
    assert any(
        row[:3] == ["all", "other", "names,"] and row[-1].endswith("/default") for row in told
    )
    assert answer(f"http://{host.address}/?{FIELDS}", "web").endswith("201")
