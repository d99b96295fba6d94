"""`gocron config get`: what options are set to, for people and for programs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gocron import cli
from gocron.config import OPTIONS, load_config
from gocron.errors import ExitStatus

Get = Callable[..., tuple[int, str, str]]

OPEN = [option.name for option in OPTIONS if not option.secret]
SECRET = [option.name for option in OPTIONS if option.secret]

SET = {
    "listen_host": "[::1]",
    "trusted_proxies": ["192.0.2.1", "2001:db8::/32"],
    "interval": "5m",
    "site_hold_max": "0",
    "status_dir": "",
    "slack_channel": "#alerts",
    "notify_recovery": "no",
    "smtppassword": "s3cret",
    "smtpaddress": "ops@example.com",
}


@pytest.fixture
def get(tmp_path: Path, capsys: pytest.CaptureFixture) -> Get:
    def run(*names: str, **options: object) -> tuple[int, str, str]:
        config = tmp_path / "config.yml"
        config.write_text(json.dumps(options))
        try:
            status = cli.main(["config", "get", *names, "--config", str(config)])
        except SystemExit as ended:
            status = ended.code
        return (status, *capsys.readouterr())

    return run


@pytest.mark.parametrize("options", [{}, SET], ids=["default", "set"])
def test_what_is_printed_means_the_same_where_it_is_set(
    get: Get, tmp_path: Path, options: dict[str, object]
) -> None:
    config = tmp_path / "given.yml"
    config.write_text(json.dumps(options))
    known = load_config(config, {})
    status, out, err = get(*OPEN, **options)
    assert (status, err) == (ExitStatus.OK, "")
    printed = dict(zip(OPEN, out.split("\n")[:-1], strict=True))
    secrets = {name: value for name, value in options.items() if name in SECRET}
    config.write_text(json.dumps(printed | secrets))
    assert load_config(config, {}) == known


def test_a_value_is_the_one_that_gocron_goes_by(get: Get) -> None:
    assert get("smtp_security", smtpport=465)[1] == "tls\n"
    assert get("mail_from", "listenHost", smtpaddress="a@b.c", listen_host="*")[1] == (
        "a@b.c\n0.0.0.0\n"
    )
    assert get("status_dir", status_dir="")[1] == "\n"
    assert get("trusted_proxies")[1] == "127.0.0.0/8, ::1/128\n"


@pytest.mark.parametrize("name", SECRET)
@pytest.mark.parametrize("spelt", [str, str.upper])
def test_a_secret_is_not_printed(get: Get, name: str, spelt: Callable[[str], str]) -> None:
    status, out, err = get("listen_port", spelt(name), smtppassword="s3cret", smtpaddress="a")
    assert (status, out) == (ExitStatus.USAGE, "")
    assert err == f"gocron config get: {name}: is a secret; look into the file\n"


def test_an_unknown_name_prints_nothing_but_the_nearest_known_one(get: Get) -> None:
    status, out, err = get("listen_port", "smtpsever")
    assert (status, out) == (ExitStatus.USAGE, "")
    assert "smtpsever: unknown key, did you mean smtpserver?" in err
    assert get("a\x1b[2J\nb")[2].count("\n") == 1


def test_a_name_is_wanted(get: Get) -> None:
    assert get()[0] == ExitStatus.USAGE


def test_a_broken_configuration_has_no_values(get: Get) -> None:
    status, out, err = get("listen_port", quux=1)
    assert (status, out, err.count("\n")) == (ExitStatus.CONFIG, "", 1)


def test_a_configuration_may_come_by_standard_input() -> None:
    asked = "import sys; from gocron import cli; sys.exit(cli.main())"
    words = ["--config", "/dev/stdin", "config", "get", "listen_port", "smtpaddress"]
    done = subprocess.run(
        [sys.executable, "-c", asked, *words],
        input=json.dumps({"listen_port": 9090, "smtpaddress": "x", "smtppassword": "s3cret"}),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "9090\nx\n", "")
