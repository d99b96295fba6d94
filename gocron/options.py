"""The options: one table that feeds loading, help, the example file and the docs."""

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gocron import values


@dataclass(frozen=True)
class Option:
    """One key of the configuration: its default as text, how it is read, what it means."""

    name: str
    default: str
    read: Callable[[str], Any]
    help: str
    secret: bool = False


OPTIONS = (
    Option(
        "database_url",
        "sqlite:////var/lib/gocron/gocron.db",
        values.database_url,
        "Where jobs are kept: `sqlite:////path/to/file.db` (one host) or "
        "`postgresql://user:password@host:5432/name`.",
        secret=True,
    ),
    Option("dbfqdn", "", values.host, "Postgres host; used when `database_url` is not set."),
    Option("dbport", "5432", values.port, "Postgres port, with `dbfqdn`."),
    Option("dbuser", "gocron", values.text, "Postgres user, with `dbfqdn`."),
    Option("dbpass", "", values.password, "Postgres password, with `dbfqdn`.", secret=True),
    Option("dbdatabase", "gocron", values.text, "Postgres database, with `dbfqdn`."),
    Option(
        "listen_host",
        values.EVERYWHERE,
        values.listen_host,
        "Where check-ins come in; `::`: IPv6 and IPv4.",
    ),
    Option("listen_port", "8080", values.port, "Port on which `gocron-front` takes check-ins."),
    Option(
        "trusted_proxies",
        "127.0.0.0/8, ::1",
        values.networks,
        "Proxies whose `X-Forwarded-For` tells the client's address.",
    ),
    Option(
        "api_allow",
        "127.0.0.0/8, ::1",
        values.networks,
        "Addresses that may read `/cron` and `/version`; loopback counts only without a proxy.",
    ),
    Option(
        "interval",
        "60",
        values.seconds,
        "Seconds from sweep to sweep: the pace of `gocron-back`, and what page and "
        "`/healthcheck` expect of cron.",
    ),
    Option(
        "status_dir",
        "/var/cache/gocron/status",
        values.path,
        "Folder into which the status page is written; empty: no page.",
    ),
    Option(
        "public_url", "", values.page_url, "Address of the status page, for the links in mails."
    ),
    Option(
        "reports_dir",
        "/etc/gocron/reports",
        values.path,
        "Folder of your own templates; a file there replaces the one of the same name.",
    ),
    Option(
        "site_ipv6_prefix",
        "64",
        values.ipv6_prefix,
        "How much of an IPv6 address jobs share with the site that they are behind.",
    ),
    Option(
        "site_hold_max",
        "10m",
        values.span,
        "How long an overdue job is held at most while it isn't known yet whether its site is "
        "down.",
    ),
    Option(
        "site_suppress_max",
        "24h",
        values.span,
        "How long jobs behind a site that is down, or all while gocron can't be reached, stay "
        "untold at most.",
    ),
    Option(
        "site_settle",
        "7d",
        values.span,
        "How long after its site's outage a job whose run fell into it is waited for at most; "
        "shorter than a job's frequency means to be told though nothing is wrong.",
    ),
    Option(
        "self_url",
        "",
        values.web_url,
        "Where each sweep checks in itself, to learn whether check-ins get through: the address "
        "that crontabs use, the same for all sweeps. Default: the front on its own host.",
    ),
    Option(
        "operator_email",
        "",
        values.mail_address,
        "Who is told when gocron itself could not be reached; empty: only the page tells.",
    ),
    Option(
        "watchdog_url",
        "",
        values.web_url,
        "Fetched after each sweep that did all of its work: a check-in at another gocron. "
        "A redirect or a web page in answer is no success.",
        secret=True,
    ),
    Option(
        "journal",
        "/var/log/gocron/journal.log",
        values.path,
        "File in which nginx keeps check-ins while no front answers; sweeps on its host take "
        "them from there. Empty, or not there: none.",
    ),
    Option("smtpserver", "localhost", values.host, "Mail server."),
    Option("smtpport", "25", values.port, "Port of the mail server."),
    Option(
        "smtp_security",
        "auto",
        values.security,
        "`none`, `starttls`, `tls`, or `auto`: TLS on port 465, STARTTLS on 587 or with a "
        "password.",
    ),
    Option(
        "smtpaddress",
        "",
        values.text,
        "Login at the mail server, and sender of mails unless `mail_from` is set.",
    ),
    Option(
        "smtppassword",
        "",
        values.password,
        "Password at the mail server, in any letters; empty: no login.",
        secret=True,
    ),
    Option(
        "smtp_timeout", "20", values.patience, "Seconds to wait for each answer of the mail server."
    ),
    Option(
        "mail_from",
        "",
        values.mail_address,
        "Sender of mails; default `smtpaddress`, else gocron@host.",
    ),
    Option("notify_recovery", "true", values.yes_no, "Tell when a missing job checks in again."),
    Option(
        "slack_hook_url",
        "",
        values.web_url,
        "Slack incoming webhook, for the summary and `prefer_slack`.",
        secret=True,
    ),
    Option("slack_channel", "", values.text, "Slack channel, for webhooks that may choose one."),
    Option(
        "prefer_slack",
        "",
        values.yes_no,
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
