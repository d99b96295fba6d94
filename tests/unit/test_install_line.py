"""The crontab line that install.sh prints at its end: other hosts can use it as it is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from gocron.core.checkin import Refused, read_checkin
from gocron.render.crontab import SAMPLE, report

ROOT = Path(__file__).parents[2]

# install.sh's last part, on a host that is only told of.
SCRIPT = f"""
set -eu
. {ROOT}/contrib/install/prove.sh
ask() {{ {shlex.quote(sys.executable)} {ROOT}/contrib/install/ask.py "$@"; }}
getent() {{ for one in $KNOWN_AS; do echo "$one STREAM"; done; [ -n "$KNOWN_AS" ]; }}
hostname() {{ echo "$OWN"; }}
page_folder=/var/cache/gocron/status page_url='' CONFIG=/etc/gocron/config.yml account=web-01
front_host=127.0.0.1 front_port=8080
tell_what_is_left() {{ :; }}
set_address
tell_what_next
"""
HOST = {
    "SERVER_NAME": "web-01.example.com",
    "NAMED": "false",
    "NGINX": "false",
    "EMAIL": "ops@example.com",
    "operator_email": "",
    "front_bound": "0.0.0.0",
    "KNOWN_AS": "203.0.113.5",
    "OWN": "203.0.113.5 2001:db8::5",
}


def printed(**told: str) -> str:
    """The URL of the line that is printed on a host like HOST but for what is `told`."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **HOST, **told}
    said = subprocess.run(
        ["/bin/sh", "-c", SCRIPT], env=environment, check=True, capture_output=True, text=True
    ).stdout
    (line,) = re.findall(r"(?m)^  ; (curl .*)$", said)
    url = shlex.split(line)[-1]
    fields = dict(parse_qsl(urlsplit(url).query))
    assert fields.pop("exit") == "$?"
    assert line == report(url.partition("/?")[0], fields), "as everywhere"
    return url


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({}, "http://web-01.example.com:8080"),
        ({"NGINX": "true"}, "http://web-01.example.com"),
        ({"KNOWN_AS": "127.0.1.1"}, "http://203.0.113.5:8080"),
        ({"KNOWN_AS": "::1 127.0.1.1", "NGINX": "true"}, "http://203.0.113.5"),
        ({"KNOWN_AS": ""}, "http://203.0.113.5:8080"),
        ({"KNOWN_AS": "", "OWN": "2001:db8::5"}, "http://[2001:db8::5]:8080"),
        ({"KNOWN_AS": "", "OWN": ""}, "http://web-01.example.com:8080"),
        ({"KNOWN_AS": "", "NAMED": "true"}, "http://web-01.example.com:8080"),
        ({"front_bound": "127.0.0.1"}, "http://127.0.0.1:8080"),
        ({"front_bound": "::"}, "http://web-01.example.com:8080"),
    ],
)
def test_its_address_is_one_that_others_reach(told: dict[str, str], address: str) -> None:
    assert printed(**told).partition("/?")[0] == address


def test_a_daily_job_may_take_a_minute_longer_than_the_night_before() -> None:
    fields = dict(parse_qsl(urlsplit(printed()).query))
    assert fields == {**SAMPLE, "account": "web-01", "exit": "$?"}


def test_news_goes_to_whom_email_names_or_else_to_the_operator() -> None:
    def email(**told: str) -> str:
        return dict(parse_qsl(urlsplit(printed(**told)).query))["email"]

    assert email(EMAIL="a@example.com", operator_email="b@example.com") == "a@example.com"
    assert email(EMAIL="", operator_email="b@example.com") == "b@example.com"


def test_a_line_that_nobody_put_an_address_into_is_refused_instead_of_alerting_nobody() -> None:
    with pytest.raises(Refused, match="email: 'ADDRESS' is no address"):
        read_checkin(
            parse_qsl(urlsplit(printed(EMAIL="").replace("$?", "0")).query), "192.0.2.1", 0
        )
