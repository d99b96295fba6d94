"""The options: one table that feeds loading, help, the example file and the docs."""

import ipaddress
import json
import re
import textwrap
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from gocron.core.address import Network, read_address
from gocron.core.duration import parse_duration
from gocron.core.mailbox import is_address

EVERYWHERE = "0.0.0.0"  # noqa: S104 (hosts of a fleet check in from elsewhere)
SMTP_SECURITIES = ("auto", "none", "starttls", "tls")


@dataclass(frozen=True)
class Option:
    """One key of the configuration: its default as text, how it is read, what it means."""

    name: str
    default: str
    read: Callable[[str], Any]
    help: str
    secret: bool = False


# What nginx, sed, a shell or a crontab would take for more than a part of a name.
_NO_PLAIN_NAME = re.compile(r"""[\s"'`;{}$|&\\<>#]""")


def _text(value: str) -> str:
    value = value.strip()
    if any(unicodedata.category(char) == "Cc" for char in value):
        raise ValueError("want one line, without control characters")
    return value


def _path(value: str) -> str:
    """Return the path of a file or folder, "" for none, fit to stand in nginx's configuration."""
    value = _text(value)
    if value and (not value.startswith("/") or not value.strip("/")):
        raise ValueError("want a path that begins with /, below it")
    if ".." in value.split("/"):
        raise ValueError("want a path without ..")
    if _NO_PLAIN_NAME.search(value) or not value.isprintable():
        raise ValueError("want a path without spaces, quotes and any of ; { } $ | & \\ < > #")
    return value


def _yes_no(value: str) -> bool:
    word = value.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0", ""):
        return False
    raise ValueError("want true or false")


def _port(value: str) -> int:
    if not re.fullmatch(r"\s*\d{1,5}\s*", value, re.ASCII) or not 0 < int(value) < 65_536:
        raise ValueError("want a port from 1 to 65535")
    return int(value)


def _seconds(value: str) -> int:
    try:
        seconds = parse_duration(value)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= 86_400:
        raise ValueError("want seconds, or a duration such as 90s or 5m, up to 1d")
    return seconds


def _span(value: str) -> int:
    try:
        seconds = parse_duration(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 366 * 86_400:
        raise ValueError("want seconds, or a duration such as 10m, 24h or 7d")
    return seconds


def _ipv6_prefix(value: str) -> int:
    if not re.fullmatch(r"\s*\d{1,3}\s*", value, re.ASCII) or not 16 <= int(value) <= 128:
        raise ValueError("want a length from 16 to 128")
    return int(value)


def _patience(value: str) -> int:
    """Seconds to wait for a mail server: all its answers must come within an outbox lease."""
    if (seconds := _seconds(value)) > 25:
        raise ValueError("want 1 to 25 seconds")
    return seconds


def _networks(value: str) -> tuple[Network, ...]:
    parts = [part for part in re.split(r"[,\s]+", value.strip()) if part]
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)
    except ValueError:
        raise ValueError("want addresses or networks such as 10.0.0.0/8, ::1") from None


def _mail_address(value: str) -> str:
    value = value.strip()
    if value and not is_address(value):
        raise ValueError("want a mail address such as gocron@example.com")
    return value


def _host(value: str) -> str:
    value = value.strip()
    # What follows a % is the name of an interface to us, and may be anything to the parser.
    if read_address(value) is not None and re.fullmatch(r"[\w.:%-]*", value):
        return value
    try:
        # As sockets do: an empty or overlong part of a name has no such form.
        value.encode("idna")
    except UnicodeError:
        fit = False
    else:
        fit = re.fullmatch(r"[\w.-]*", value) is not None
    if not fit:
        raise ValueError("want a host name or an address, without a port")
    return value


def _listen_host(value: str) -> str:
    bare = re.sub(r"\A\[(.*:.*)\]\Z", r"\1", value.strip())
    return _host(EVERYWHERE if bare in ("", "*") else bare)


def _web_url(value: str) -> str:
    value = value.strip()
    parts = _split(value)
    if value and (parts is None or parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError("want a URL such as https://gocron.example.com/")
    if not re.fullmatch(r"[!-~]*", value):
        raise ValueError("want a URL without spaces; write others than ASCII as %XX")
    if re.search(r"""["'`$\\<>{}|^]""", value):
        raise ValueError("want a URL without quotes and any of $ < > { } | ^ \\; write them as %XX")
    return value


def _page_url(value: str) -> str:
    """Return the URL of a folder of pages, to which names of pages are added."""
    value = _web_url(value)
    if _NO_PLAIN_NAME.search(value) or "?" in value:
        raise ValueError("want the URL of a folder, without ?, #, quotes and any of ; { } $ | & \\")
    return value


def _database_url(value: str) -> str:
    value = _text(value)
    scheme, parts = value.partition(":")[0], _split(value)
    if value and scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("want sqlite:////path/to/file.db or postgresql://user:password@host/name")
    if scheme == "sqlite" and (
        not value.startswith("sqlite:////") or not value.removeprefix("sqlite:////")
    ):
        # Front and sweep have working folders of their own.
        raise ValueError("want sqlite:////path/to/file.db, with four slashes and with a file")
    if scheme.startswith("postgres") and (
        parts is None or parts.path in ("", "/") or parts.fragment
    ):
        raise ValueError(
            "want postgresql://user:password@host/name; in a password write "
            "# as %23, / as %2F, ? as %3F"
        )
    return value


def _split(url: str) -> SplitResult | None:
    """Return the parts of `url`, None where it has none that make sense.

    What urlsplit says of a bad URL is dropped: it quotes the password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _security(value: str) -> str:
    word = value.strip().lower()
    if word not in SMTP_SECURITIES:
        raise ValueError(f"want one of {', '.join(SMTP_SECURITIES)}")
    return word


OPTIONS = (
    Option(
        "database_url",
        "sqlite:////var/lib/gocron/gocron.db",
        _database_url,
        "Where jobs are kept: `sqlite:////path/to/file.db` (one host) or "
        "`postgresql://user:password@host:5432/name`.",
        secret=True,
    ),
    Option("dbfqdn", "", _host, "Postgres host; used when `database_url` is not set."),
    Option("dbport", "5432", _port, "Postgres port, with `dbfqdn`."),
    Option("dbuser", "gocron", _text, "Postgres user, with `dbfqdn`."),
    Option("dbpass", "", _text, "Postgres password, with `dbfqdn`.", secret=True),
    Option("dbdatabase", "gocron", _text, "Postgres database, with `dbfqdn`."),
    Option(
        "listen_host", EVERYWHERE, _listen_host, "Where check-ins come in; `::`: IPv6 and IPv4."
    ),
    Option("listen_port", "8080", _port, "Port on which `gocron-front` takes check-ins."),
    Option(
        "trusted_proxies",
        "127.0.0.0/8, ::1",
        _networks,
        "Proxies whose `X-Forwarded-For` tells the client's address.",
    ),
    Option(
        "api_allow",
        "127.0.0.0/8, ::1",
        _networks,
        "Addresses that may read `/cron` and `/version`; loopback counts only without a proxy.",
    ),
    Option(
        "interval",
        "60",
        _seconds,
        "Seconds from sweep to sweep: the pace of `gocron-back`, and what page and "
        "`/healthcheck` expect of cron.",
    ),
    Option(
        "status_dir",
        "/var/cache/gocron/status",
        _path,
        "Folder into which the status page is written; empty: no page.",
    ),
    Option("public_url", "", _page_url, "Address of the status page, for the links in mails."),
    Option(
        "reports_dir",
        "/etc/gocron/reports",
        _path,
        "Folder of your own templates; a file there replaces the one of the same name.",
    ),
    Option(
        "site_ipv6_prefix",
        "64",
        _ipv6_prefix,
        "How much of an IPv6 address jobs share with the site that they are behind.",
    ),
    Option(
        "site_hold_max",
        "10m",
        _span,
        "How long an overdue job is held at most while it isn't known yet whether its site is "
        "down.",
    ),
    Option(
        "site_suppress_max",
        "24h",
        _span,
        "How long jobs behind a site that is down, or all while gocron can't be reached, stay "
        "untold at most.",
    ),
    Option(
        "site_settle",
        "7d",
        _span,
        "How long after its site's outage a job whose run fell into it is waited for at most; "
        "shorter than a job's frequency means to be told though nothing is wrong.",
    ),
    Option(
        "self_url",
        "",
        _web_url,
        "Where each sweep checks in itself, to learn whether check-ins get through: the address "
        "that crontabs use, the same for all sweeps. Default: the front on its own host.",
    ),
    Option(
        "operator_email",
        "",
        _mail_address,
        "Who is told when gocron itself could not be reached; empty: only the page tells.",
    ),
    Option(
        "watchdog_url",
        "",
        _web_url,
        "Fetched after each sweep that did all of its work: a check-in at another gocron. "
        "A redirect or a web page in answer is no success.",
        secret=True,
    ),
    Option(
        "journal",
        "/var/log/gocron/journal.log",
        _path,
        "File in which nginx keeps check-ins while no front answers; sweeps on its host take "
        "them from there. Empty, or not there: none.",
    ),
    Option("smtpserver", "localhost", _host, "Mail server."),
    Option("smtpport", "25", _port, "Port of the mail server."),
    Option(
        "smtp_security",
        "auto",
        _security,
        "`none`, `starttls`, `tls`, or `auto`: TLS on port 465, STARTTLS on 587 or with a "
        "password.",
    ),
    Option(
        "smtpaddress",
        "",
        _text,
        "Login at the mail server, and sender of mails unless `mail_from` is set.",
    ),
    Option(
        "smtppassword",
        "",
        _text,
        "Password at the mail server, in any letters; empty: no login.",
        secret=True,
    ),
    Option("smtp_timeout", "20", _patience, "Seconds to wait for each answer of the mail server."),
    Option(
        "mail_from", "", _mail_address, "Sender of mails; default `smtpaddress`, else gocron@host."
    ),
    Option("notify_recovery", "true", _yes_no, "Tell when a missing job checks in again."),
    Option(
        "slack_hook_url",
        "",
        _web_url,
        "Slack incoming webhook, for the summary and `prefer_slack`.",
        secret=True,
    ),
    Option("slack_channel", "", _text, "Slack channel, for webhooks that may choose one."),
    Option(
        "prefer_slack",
        "",
        _yes_no,
        "Tell Slack first, and mail when Slack fails. Default: true when `slack_hook_url` is set "
        "and `smtpserver` is not, else false.",
    ),
)


def example() -> str:
    """Return a configuration file that names every option with its default and its meaning."""
    lines = ["# /etc/gocron/config.yml: every option with its default."]
    lines.append("# A variable GC_ + NAME in the environment wins over this file.")
    for option in OPTIONS:
        lines += ["", *(f"# {line}" for line in textwrap.wrap(option.help, 90))]
        if option.secret:
            lines.append("# A secret: it may stand in a file of its own, as file:/path.")
        lines.append(f"#{option.name}: {json.dumps(option.default)}")
    return "\n".join(lines) + "\n"
