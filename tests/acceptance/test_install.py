"""install.sh on a bare Debian 12: from nothing to a watched crontab, and back to nothing.

One host goes through all of it, in this order.
"""

import http.client
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from gocron.render.crontab import CURL
from tests.acceptance.conftest import OLD_PYTHON, Files, MailServer, configure
from tests.acceptance.hosts import Host, Network, wait_until

pytestmark = [pytest.mark.root, pytest.mark.timeout(480)]

CHECK_IN = CURL.removesuffix(" -o /dev/null")
FIELDS = "cronname=backup&account=web-01&email=ops@example.com&frequency=5"

# A job each minute checks in, and cron sweeps each minute.
CRON_LIMIT_S = 90


@pytest.fixture(scope="module")
def said(bare: Host) -> str:
    """What install.sh said when it made of the bare host what `web` is."""
    return install(bare, "--nginx")


@pytest.fixture(scope="module")
def web(bare: Host, said: str) -> Host:
    return bare


def install(host: Host, arguments: str = "") -> str:
    return host.run(f"gocron/install.sh {arguments} 2>&1")


def page(host: Host) -> str:
    return host.run("curl -fsS http://web/status/")


def jobs(host: Host) -> str:
    return host.run("gocron jobs list --json")


def test_a_dry_run_on_a_bare_host_tells_all_and_does_nothing(bare: Host) -> None:
    before = state(bare)
    told = install(bare, "--nginx --dry-run")
    for what in ("packages: python3-venv nginx", "the user gocron", "/etc/cron.d/gocron"):
        assert re.search(f"would be .*{what}$", told, re.MULTILINE), told
    assert state(bare) ^ before == set()


@pytest.mark.parametrize(
    "arguments",
    ["--nonsense", "--listen", "--listen host:many", "--scheduler at", "--purge", "--prefix opt"],
)
def test_wrong_arguments_are_named_and_change_nothing(bare: Host, arguments: str) -> None:
    done = bare.ask(f"gocron/install.sh {arguments}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("install.sh: ")
    assert arguments.split()[0] in done.stderr
    assert "--help" in done.stderr


@pytest.mark.parametrize(
    ("python", "complaint"),
    [("python3.9", "python3.9 not found"), ("/root/old", "Python 3.9.2 is too old, want 3.10")],
)
def test_a_python_that_wont_do_is_named_and_changes_nothing(
    bare: Host, python: str, complaint: str
) -> None:
    bare.put("/root/old", OLD_PYTHON, mode=0o755)
    before = state(bare)
    done = bare.ask(f"PYTHON={python} gocron/install.sh")
    assert (done.returncode, complaint in done.stderr) == (1, True), done.stderr
    assert state(bare) ^ before == set()


def test_where_no_python_can_be_had_that_is_said(bare: Host) -> None:
    sources = bare.read("/etc/apt/sources.list")
    bare.put("/etc/apt/sources.list", "")
    done = bare.ask("gocron/install.sh")
    bare.put("/etc/apt/sources.list", sources)
    assert done.returncode == 1
    assert "apt-get could not install python3-venv" in done.stderr
    assert not bare.path("/opt/gocron").exists()
    assert not bare.path("/etc/gocron").exists()


def test_from_a_bare_host_to_one_mail_on_a_host_that_goes_on_watching_after_a_reboot(
    web: Host, said: str, mail_server: MailServer
) -> None:
    url = re.search(r'curl .* "(http://web/)\?', said)[1]
    assert "http://web/status/" in said
    assert "install.sh" not in jobs(web), "its own check-in is forgotten again"

    configure(web, smtpserver=mail_server.host, smtpport=mail_server.port)
    web.put("/etc/cron.d/backup", f'* * * * * nobody {CHECK_IN} "{url}?{FIELDS}"\n')
    wait_until(lambda: "web-01" in jobs(web), CRON_LIMIT_S, "cron's check-in")
    web.path("/etc/cron.d/backup").unlink()

    wait_until(lambda: mail_server.mails, CRON_LIMIT_S, "the alert")
    assert mail_server.recipients == ["ops@example.com"]
    assert "backup (web-01) has not checked in" in mail_server.subjects[0]
    # The page is written after the mail was sent.
    wait_until(lambda: "1 job is missing" in page(web), 20, "the page that says so")
    assert "backup" in page(web)

    web.reboot()
    swept_at = written_at(page(web))
    web.run(f'{CHECK_IN} "{url}?{FIELDS}000"')
    wait_until(lambda: written_at(page(web)) > swept_at, CRON_LIMIT_S, "a sweep after the boot")
    wait_until(lambda: "Nothing is missing" in page(web), CRON_LIMIT_S, "the page that says so")
    # That it may be silent for longer from now on is news, too.
    (recovery,) = (one for one in mail_server.subjects[1:] if "declared anew" not in one)
    assert "backup (web-01) is back" in recovery
    assert "FAIL" not in web.run("gocron check")


def written_at(html: str) -> int:
    return int(re.search(r'data-written="(\d+)"', html)[1])


def ask(host: Host, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host.address, timeout=20)
    connection.request(method, path, headers={"Host": "web", **headers})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def test_nginx_shows_the_page_and_takes_check_ins_and_nothing_else(web: Host) -> None:
    shown = ask(web, "GET", "/status/")
    assert (shown.status, ask(web, "GET", "/healthcheck").status) == (200, 200)
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in shown.headers["Content-Security-Policy"]
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert ask(web, "GET", "/status").headers["Location"] == "http://web/status/"
    for asset in re.findall(r'(?:href|src)="([^":]+\.(?:css|js))"', shown.text):
        assert ask(web, "GET", f"/status/{asset}").status == 200
    inside = ("/cron", "/cron/missed", "/version", "/status../status/index.html")
    for path in (*inside, "/status/.published.json", "/status/../../lib/gocron/gocron.db"):
        assert ask(web, "GET", path).status in (400, 404), path
    assert ask(web, "POST", "/status/").status in (403, 405)
    assert ask(web, "POST", "/?" + "x" * 7000).status == 400


def test_nginx_takes_what_it_is_told_in_containers_too(web: Host) -> None:
    web.put("/etc/hosts", web.read("/etc/hosts") + "127.0.0.1 front-1 front-2\n")
    told = "include /root/gocron/contrib/docker/nginx-http.conf;"
    web.put("/etc/nginx/containers.conf", f"user www-data; events {{}} http {{ {told} }}\n")
    web.run("nginx -t -c /etc/nginx/containers.conf")
    web.path("/etc/nginx/containers.conf").unlink()


def test_what_a_client_claims_of_its_address_counts_for_nothing(
    web: Host, network: Network
) -> None:
    path = "/?account=liar&cronname=job&email=a@example.com&frequency=1d"
    assert ask(web, "GET", path, **{"X-Forwarded-For": "198.51.100.7"}).status == 201
    shown = web.run("gocron jobs show liar job")
    assert network.gateway in shown
    assert "198.51.100.7" not in shown
    web.run("gocron jobs forget liar job")


def test_what_nginx_takes_while_no_front_answers_is_kept_by_the_next_sweep(web: Host) -> None:
    fields = "account=late&email=a@example.com&frequency=1d&cronname"
    web.run("systemctl stop gocron-front")
    assert ask(web, "GET", f"/?{fields}=before").status == 202
    rotate_journal(web)
    assert ask(web, "GET", f"/?{fields}=after").status == 202
    web.run("systemctl start gocron-front")
    unit = "/run/systemd/system/gocron-sweep.service"
    web.run(f"cp gocron/contrib/systemd/gocron-sweep.service {unit} && systemctl daemon-reload")
    web.run("systemctl start gocron-sweep")
    web.run(f"rm {unit} && systemctl daemon-reload")
    assert {"before", "after"} <= set(jobs(web).split('"'))
    modes = web.run("stat -c '%G %a' /var/log/gocron/journal.log /var/log/gocron/journal.log.1")
    assert modes == "gocron 640\n" * 2
    assert web.ask("runuser -u nobody -- cat /var/log/gocron/journal.log").returncode != 0
    web.run("gocron jobs forget late before && gocron jobs forget late after")


def rotate_journal(web: Host) -> None:
    """As logrotate does by the file that was placed, where there is no logrotate."""
    journal = "/var/log/gocron/journal.log"
    web.run(f"mv {journal} {journal}.1 && install -m 0640 -o root -g gocron /dev/null {journal}")
    told = re.search(r"(?s)postrotate\n(.*)endscript", web.read("/etc/logrotate.d/gocron"))[1]
    web.run(f"sh -e -c '{told}'")
    owner = "stat -c %U /var/log/gocron/journal.log"
    wait_until(lambda: web.run(owner) == "www-data\n", 10, "nginx opens the new journal")


def test_a_whole_fleet_behind_one_address_checks_in_at_second_0(web: Host) -> None:
    def check_in(number: int) -> int:
        fields = f"account=fleet&cronname=job-{number}&email=a@example.com&frequency=1d"
        return ask(web, "GET", f"/?{fields}").status

    with ThreadPoolExecutor(16) as clients:
        assert set(clients.map(check_in, range(2000))) == {201}


def test_a_second_run_changes_nothing(web: Host) -> None:
    before = state(web)
    assert "nothing had to be changed" in install(web)
    assert state(web) ^ before == set()


def test_a_newer_python_is_found_where_python3_is_too_old(web: Host) -> None:
    web.put("/usr/local/bin/python3", OLD_PYTHON, mode=0o755)
    assert "nothing had to be changed" in install(web)
    web.path("/usr/local/bin/python3").unlink()


def state(host: Host) -> set[str]:
    """All of the host that an installation could touch, but for data and page, line by line."""
    folders = "/etc /usr /opt /var/lib /root /var/cache/apt /var/spool"
    kept = (
        r"-path /var/lib/gocron -prune -o -path /root/.cache -prune -o"
        r" -path /var/lib/systemd -prune"
    )
    told = host.run(
        f"find {folders} {kept} -o -printf '%p %y %m %u %g %s %l %T@\\n';"
        "systemctl list-unit-files --no-legend; cat /etc/passwd /etc/group;"
        "systemctl show -P MainPID gocron-front nginx cron"
    )
    return set(told.splitlines())


UNTOUCHED = "systemctl show -P MainPID -P NRestarts gocron-front; readlink /opt/gocron/venv"


@pytest.mark.parametrize(
    ("breaking", "mending", "status", "complaint"),
    [
        (
            "echo 'smtpprot: 25' >>/etc/gocron/config.yml",
            "sed -i '$d' /etc/gocron/config.yml",
            3,
            "/etc/gocron/config.yml: smtpprot: unknown key, did you mean smtpport?",
        ),
        (
            "echo '{' >>/etc/gocron/config.yml",
            "sed -i '$d' /etc/gocron/config.yml",
            3,
            "/etc/gocron/config.yml: is no YAML",
        ),
        (
            "echo 'database_url: postgresql://gocron@127.0.0.1:9/x' >>/etc/gocron/config.yml",
            "sed -i '$d' /etc/gocron/config.yml",
            4,
            "127.0.0.1",
        ),
        (
            "chown root /var/cache/gocron/status",
            "chown gocron /var/cache/gocron/status",
            3,
            "/var/cache/gocron/status: can't be written by the user gocron",
        ),
        (
            "echo 'listen_port: 22' >>/etc/gocron/config.yml",
            "sed -i '$d' /etc/gocron/config.yml",
            3,
            "listen_host 127.0.0.1, listen_port 22: can't listen",
        ),
        ("true", "true", 3, "its listen_port is another one than asked for"),
    ],
    ids=["unknown-key", "no-yaml", "no-database", "unwritable", "port-taken", "other-choice"],
)
def test_what_is_not_as_needed_is_said_and_leaves_the_service_as_it_was(
    web: Host, breaking: str, mending: str, status: int, complaint: str
) -> None:
    before = web.run(UNTOUCHED)
    arguments = "--listen 9999" if breaking == "true" else ""
    web.run(breaking)
    try:
        done = web.ask(f"gocron/install.sh {arguments}")
    finally:
        web.run(mending)
    assert (done.returncode, complaint in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr
    assert web.run(UNTOUCHED) == before
    assert ask(web, "GET", "/healthcheck").status in (200, 503)


def test_a_new_release_that_does_not_answer_gives_way_to_the_one_before(
    web: Host, checkout: Files
) -> None:
    before = web.run("readlink /opt/gocron/venv")
    broken = web.read("/root/gocron/gocron/front/rsgi.py")
    web.put("/root/gocron/gocron/front/rsgi.py", broken + "\nraise SystemExit('no good')\n")
    done = web.ask("gocron/install.sh")
    web.put_tree(checkout, "/root/gocron")
    assert done.returncode == 1
    assert "the one before runs again" in done.stderr
    assert web.run("readlink /opt/gocron/venv") == before
    assert wait_until(lambda: ask(web, "GET", "/").status == 404, 10, "the front answers")
    install(web)


def test_another_scheduler_replaces_the_one_before_and_sweeps(web: Host) -> None:
    install(web, "--scheduler systemd")
    assert not web.path("/etc/cron.d/gocron").exists()
    swept_at = written_at(page(web))

    def sweep() -> bool:
        web.run("systemctl start gocron-sweep.service")
        return written_at(page(web)) > swept_at

    wait_until(sweep, 10, "a sweep writes the page from within the unit's walls")
    web.run("systemctl is-active gocron-sweep.timer gocron-summary.timer")
    assert "nothing had to be changed" in install(web), "what was chosen holds"
    install(web, "--scheduler cron")
    assert web.path("/etc/cron.d/gocron").exists()
    assert "gocron" not in web.run("systemctl list-timers --all")


def test_what_is_uninstalled_leaves_its_data_and_comes_back_to_it(web: Host) -> None:
    web.run("gocron/install.sh --uninstall 2>&1")
    assert left_behind(web) == ["/etc/gocron", "/var/lib/gocron", "/var/log/gocron"]
    kept = "/var/lib/gocron /etc/gocron/config.yml /var/log/gocron/journal.log"
    assert web.run(f"stat -c %U:%G:%a {kept}").split() == [
        "root:root:750",
        "root:root:640",
        "root:root:640",
    ]
    install(web, "--nginx")
    assert "job-1999" in jobs(web)


def test_what_is_purged_leaves_nothing_at_all(web: Host) -> None:
    web.run("gocron/install.sh --uninstall --purge 2>&1")
    assert left_behind(web) == []
    assert "is not installed" in web.run("gocron/install.sh --uninstall 2>&1")


def left_behind(host: Host) -> list[str]:
    """The files that are there because of gocron; no user, unit or line of another file is."""
    assert host.ask("getent passwd gocron; getent group gocron").stdout == ""
    assert "gocron" not in host.run("systemctl list-units --all; systemctl list-unit-files")
    host.run("nginx -t && systemctl is-active nginx cron")
    # Files that end in - are the copies that userdel makes of the user database.
    lines = "grep -rIl gocron /etc /usr/local /var/spool --exclude='*-' --exclude-dir=gocron"
    assert host.ask(lines).stdout == ""
    within = "-path /root -prune -o -path /proc -prune -o -path /sys -prune"
    found = host.run(f"find / {within} -o -name '*gocron*' -prune -print").split()
    return sorted(found)


def test_without_root_all_files_go_below_a_folder(web: Host) -> None:
    web.run("cp -R gocron /srv/gocron && install -d -o nobody /srv/stage")
    staged = (
        "runuser -u nobody -- env DESTDIR=/srv/stage HOME=/srv/stage/home /srv/gocron/install.sh"
    )
    web.run(f"{staged} --nginx --listen 8081 2>&1")
    program = web.run("head -1 /srv/stage/opt/gocron/releases/*/bin/gocron")
    assert re.fullmatch(r"#!/opt/gocron/releases/\d+/bin/python\n", program)
    assert 'listen_port: "8081"' in web.read("/srv/stage/etc/gocron/config.yml")
    assert "127.0.0.1:8081" in web.read("/srv/stage/etc/nginx/conf.d/gocron.conf")
    web.run(f"{staged} --uninstall --purge 2>&1")
    left = web.run("find /srv/stage -path /srv/stage/home -prune -o ! -type d -print")
    assert left == ""
