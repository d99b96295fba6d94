"""The options, each declared once, and what file and environment say of them."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gocron import values
from gocron.core.mailbox import is_address
from gocron.core.network import Network
from gocron.errors import ConfigError
from gocron.values import Option, option, secret
from gocron.yaml_text import as_text, read_pairs

DEFAULT_FILE = Path("/etc/gocron/config.yml")
ENVIRONMENT_PREFIX = "GC_"

# How like one of ours a key, or another program's variable, must be to be a slip of the pen.
KEY_LIKENESS, VARIABLE_LIKENESS = 0.5, 0.8


@dataclass(frozen=True)
class Config:
    """The options as values, ready to use."""

    database_url: str = secret(
        values.SQLITE_FILE,
        values.database_url,
        "Where jobs are kept: `sqlite:////path/to/file.db` (one host) or "
        "`postgresql://user:password@host:5432/name`.",
    )
    dbfqdn: str = option("", values.host, "Postgres host; used when `database_url` is not set.")
    dbport: int = option("5432", values.port, "Postgres port, with `dbfqdn`.")
    dbuser: str = option("gocron", values.text, "Postgres user, with `dbfqdn`.")
    dbpass: str = secret("", values.password, "Postgres password, with `dbfqdn`.")
    dbdatabase: str = option("gocron", values.text, "Postgres database, with `dbfqdn`.")
    listen_host: str = option(
        values.EVERYWHERE, values.listen_host, "Where check-ins come in; `::`: IPv6 and IPv4."
    )
    listen_port: int = option("8080", values.port, "Port on which `gocron-front` takes check-ins.")
    trusted_proxies: tuple[Network, ...] = option(
        "127.0.0.0/8, ::1",
        values.networks,
        "Proxies whose `X-Forwarded-For` tells the client's address.",
    )
    api_allow: tuple[Network, ...] = option(
        "127.0.0.0/8, ::1",
        values.networks,
        "Addresses that may read `/cron` and `/version`; loopback counts only without a proxy.",
    )
    interval: int = option(
        "60",
        values.seconds,
        "Seconds from sweep to sweep: the pace of `gocron-back`, and what page and "
        "`/healthcheck` expect of cron.",
    )
    status_dir: str = option(
        "/var/cache/gocron/status",
        values.path,
        "Folder into which the status page is written; empty: no page.",
    )
    public_url: str = option(
        "", values.page_url, "Address of the status page, for the links in mails."
    )
    reports_dir: str = option(
        "/etc/gocron/reports",
        values.path,
        "Folder of your own templates; a file there replaces the one of the same name.",
    )
    site_ipv6_prefix: int = option(
        "64",
        values.ipv6_prefix,
        "How much of an IPv6 address jobs share with the site that they are behind.",
    )
    site_hold_max: int = option(
        "10m",
        values.span,
        "How long an overdue job is held at most while it isn't known yet whether its site is "
        "down.",
    )
    site_suppress_max: int = option(
        "24h",
        values.span,
        "How long jobs behind a site that is down, or all while gocron can't be reached, stay "
        "untold at most.",
    )
    site_settle: int = option(
        "7d",
        values.span,
        "How long after its site's outage a job whose run fell into it is waited for at most; "
        "shorter than a job's frequency means to be told though nothing is wrong.",
    )
    self_url: str = option(
        "",
        values.web_url,
        "Where each sweep checks in itself, to learn whether check-ins get through: the address "
        "that crontabs use, the same for all sweeps. Default: the front on its own host.",
    )
    operator_email: str = option(
        "",
        values.mail_address,
        "Who is told when gocron itself could not be reached; empty: only the page tells.",
    )
    watchdog_url: str = secret(
        "",
        values.web_url,
        "Fetched after each sweep that did all of its work: a check-in at another gocron. "
        "A redirect or a web page in answer is no success.",
    )
    journal: str = option(
        "/var/log/gocron/journal.log",
        values.path,
        "File in which nginx keeps check-ins while no front answers; sweeps on its host take "
        "them from there. Empty, or not there: none.",
    )
    smtpserver: str = option("localhost", values.host, "Mail server.")
    smtpport: int = option("25", values.port, "Port of the mail server.")
    smtp_security: str = option(
        "auto",
        values.security,
        "`none`, `starttls`, `tls`, or `auto`: TLS on port 465, STARTTLS on 587 or with a "
        "password.",
    )
    smtpaddress: str = option(
        "", values.text, "Login at the mail server, and sender of mails unless `mail_from` is set."
    )
    smtppassword: str = secret(
        "",
        values.password,
        "Password at the mail server, in any letters; empty: no login.",
    )
    smtp_timeout: int = option(
        "20", values.patience, "Seconds to wait for each answer of the mail server."
    )
    mail_from: str = option(
        "", values.mail_address, "Sender of mails; default `smtpaddress`, else gocron@host."
    )
    notify_recovery: bool = option(
        "true", values.yes_no, "Tell when a missing job checks in again."
    )
    slack_hook_url: str = secret(
        "",
        values.web_url,
        "Slack incoming webhook, for the summary and `prefer_slack`.",
    )
    slack_channel: str = option("", values.text, "Slack channel, for webhooks that may choose one.")
    prefer_slack: bool = option(
        "",
        values.yes_no,
        "Tell Slack first, and mail when Slack fails. Default: true when `slack_hook_url` is set "
        "and `smtpserver` is not, else false.",
    )


OPTIONS = tuple(Option(field.name, **field.metadata) for field in fields(Config))


def canonical(key: str) -> str:
    """Return `key` as keys are compared: without regard to case and underscores."""
    return key.lower().replace("_", "").replace("-", "")


_BY_CANONICAL = {canonical(known.name): known for known in OPTIONS}


def load_config(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration from `path`, else `GOCRON_CONFIG`, else /etc, with `GC_` variables.

    Variables win over the file. Raises ConfigError that names every problem at once.
    """
    environment = os.environ if environment is None else environment
    file = config_file(path, environment)
    try:
        pairs = read_pairs(file)
    except FileNotFoundError:
        if file != DEFAULT_FILE:
            raise ConfigError(str(file), "no such file", "name an existing one") from None
        pairs = []
    given, problems = _given(pairs)
    variables = [pair for pair in environment.items() if pair[0].startswith(ENVIRONMENT_PREFIX)]
    from_environment, more = _given(variables, ENVIRONMENT_PREFIX)
    given |= from_environment
    read, bad = _read(given)
    problems += more + bad
    if not bad:
        config = _settled(Config(**read), given)
        problems += _contradictions(config)
    if problems:
        raise ConfigError(str(file), "; ".join(problems), "correct these and start again")
    return config


def config_file(path: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the file to read: `path`, else what `GOCRON_CONFIG` names, else the one in /etc."""
    return path or Path(environment.get("GOCRON_CONFIG") or DEFAULT_FILE)


def find_option(key: str) -> Option | None:
    """Return the option that `key` names in any spelling, None where there is no such."""
    return _BY_CANONICAL.get(canonical(key))


def say_unknown(key: str, likeness: float = KEY_LIKENESS) -> str:
    """Return that no option is named `key`, and which one may be meant."""
    bare = canonical(key.removeprefix(ENVIRONMENT_PREFIX))
    near = get_close_matches(bare, _BY_CANONICAL, 1, likeness)
    hint = f", did you mean {_BY_CANONICAL[near[0]].name}?" if near else ""
    return f"{key if key.isprintable() else ascii(key)}: unknown key{hint}"


def _given(
    pairs: Iterable[tuple[str, object]], prefix: str = ""
) -> tuple[dict[str, str], list[str]]:
    """Return the text that `pairs` give each option that they name, and what is wrong with them.

    With a `prefix`, which others use too (the Boehm collector does), only a near miss is wrong.
    """
    given: dict[str, str] = {}
    spelt: dict[str, str] = {}
    problems: list[str] = []
    for key, value in pairs:
        known = find_option(key.removeprefix(prefix))
        if known is None:
            problem = say_unknown(key, VARIABLE_LIKENESS if prefix else KEY_LIKENESS)
            if not prefix or "did you mean" in problem:
                problems.append(problem)
        elif first := spelt.get(known.name):
            problems.append(f"{key}: given twice" + ("" if first == key else f", as {first} too"))
        elif isinstance(value, dict):
            problems.append(f"{key}: want a single value")
        else:
            given[known.name] = as_text(value)
        if known is not None:
            spelt.setdefault(known.name, key)
    return given, problems


def _read(given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the value of each option, and what is wrong with those that can't be read."""
    read: dict[str, Any] = {}
    problems: list[str] = []
    for known in OPTIONS:
        try:
            read[known.name] = known.read(given.get(known.name, known.default))
        except ValueError as error:
            problems.append(f"{known.name}: {error}")
    return read, problems


def _settled(config: Config, given: Mapping[str, str]) -> Config:
    """Return `config` with the final values of the options that depend on others."""
    final: dict[str, Any] = {}
    if config.dbfqdn and not given.get("database_url"):
        final["database_url"] = _postgres_url(config)
    if config.smtp_security == "auto":
        final["smtp_security"] = _security_by_port(config)
    if not given.get("prefer_slack"):
        final["prefer_slack"] = bool(config.slack_hook_url) and not given.get("smtpserver")
    if not config.mail_from and is_address(config.smtpaddress):
        final["mail_from"] = config.smtpaddress
    return replace(config, **final)


def _postgres_url(config: Config) -> str:
    user, password, name = (
        quote(part, safe="") for part in (config.dbuser, config.dbpass, config.dbdatabase)
    )
    host = f"[{config.dbfqdn}]" if ":" in config.dbfqdn else config.dbfqdn
    login = f"{user}:{password}" if password else user
    return f"postgresql://{login}@{host}:{config.dbport}/{name}"


def _security_by_port(config: Config) -> str:
    if config.smtpport == 465:
        return "tls"
    return "starttls" if config.smtpport == 587 or config.smtppassword else "none"


def _contradictions(config: Config) -> list[str]:
    problems = []
    if config.smtppassword and not config.smtpaddress:
        problems.append("smtpaddress: needed with smtppassword, it is the login")
    if config.prefer_slack and not config.slack_hook_url:
        problems.append("slack_hook_url: needed with prefer_slack")
    return problems
