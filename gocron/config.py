"""The configuration: one table of options that feeds loading, help, example file and docs."""

import ipaddress
import json
import os
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from gocron.core.checkin import is_address
from gocron.core.duration import parse_duration
from gocron.errors import ConfigError

DEFAULT_FILE = Path("/etc/gocron/config.yml")
ENVIRONMENT_PREFIX = "GC_"
SMTP_SECURITIES = ("auto", "none", "starttls", "tls")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Option:
    """One key of the configuration: its default as text, how it is read, what it means."""

    name: str
    default: str
    read: Callable[[str], Any]
    help: str
    secret: bool = False


def _text(value: str) -> str:
    return value.strip()


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


def _web_url(value: str) -> str:
    value = value.strip()
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        raise ValueError("want a URL such as https://gocron.example.com/")
    return value


def _database_url(value: str) -> str:
    value = value.strip()
    if value and urlsplit(value).scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("want sqlite:////path/to/file.db or postgresql://user:password@host/name")
    if value.startswith("sqlite:") and (
        not value.startswith("sqlite:///") or not value.removeprefix("sqlite:///")
    ):
        raise ValueError("want sqlite:////path/to/file.db, with a file")
    return value


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
    Option("dbfqdn", "", _text, "Postgres host; used when `database_url` is not set."),
    Option("dbport", "5432", _port, "Postgres port, with `dbfqdn`."),
    Option("dbuser", "gocron", _text, "Postgres user, with `dbfqdn`."),
    Option("dbpass", "", _text, "Postgres password, with `dbfqdn`.", secret=True),
    Option("dbdatabase", "gocron", _text, "Postgres database, with `dbfqdn`."),
    Option("listen_host", "0.0.0.0", _text, "Address on which `gocron-front` takes check-ins."),  # noqa: S104
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
        _text,
        "Folder into which the status page is written; empty: no page.",
    ),
    Option("public_url", "", _web_url, "Address of the status page, for the links in mails."),
    Option(
        "reports_dir",
        "/etc/gocron/reports",
        _text,
        "Folder of your own templates; a file there replaces the one of the same name.",
    ),
    Option("smtpserver", "localhost", _text, "Mail server."),
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
    Option("smtppassword", "", _text, "Password at the mail server; empty: no login.", secret=True),
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


@dataclass(frozen=True)
class Config:
    """The options as values, ready to use; `OPTIONS` tells what each one means."""

    database_url: str
    dbfqdn: str
    dbport: int
    dbuser: str
    dbpass: str
    dbdatabase: str
    listen_host: str
    listen_port: int
    trusted_proxies: tuple[Network, ...]
    api_allow: tuple[Network, ...]
    interval: int
    status_dir: str
    public_url: str
    reports_dir: str
    smtpserver: str
    smtpport: int
    smtp_security: str
    smtpaddress: str
    smtppassword: str
    smtp_timeout: int
    mail_from: str
    notify_recovery: bool
    slack_hook_url: str
    slack_channel: str
    prefer_slack: bool


def load_config(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration from `path`, else `GOCRON_CONFIG`, else /etc, with `GC_` variables.

    Variables win over the file. Raises ConfigError that names every problem at once.
    """
    environment = os.environ if environment is None else environment
    named = path or (Path(chosen) if (chosen := environment.get("GOCRON_CONFIG")) else None)
    where = named or DEFAULT_FILE
    told, problems = _from_file(where, must_exist=named is not None)
    from_environment, more = _from_environment(environment)
    told |= from_environment
    values, bad = _values(told)
    problems += more + bad
    if problems:
        raise ConfigError(str(where), "; ".join(problems), "correct these and start again")
    return Config(**values)


def canonical(key: str) -> str:
    """Return `key` as keys are compared: without regard to case and underscores."""
    return key.lower().replace("_", "").replace("-", "")


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


_BY_CANONICAL = {canonical(option.name): option for option in OPTIONS}


def _from_file(path: Path, must_exist: bool) -> tuple[dict[str, str], list[str]]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(str(path), "no such file", "name an existing one") from None
        return {}, []
    except OSError as error:
        raise ConfigError(str(path), f"can't be read: {error.strerror}", "check its mode") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is no UTF-8 text", "save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(str(path), f"is no YAML: {_on_one_line(error)}") from None
    if content is None:
        return {}, []
    if not isinstance(content, dict):
        raise ConfigError(str(path), "holds no `key: value` lines")
    told: dict[str, str] = {}
    problems: list[str] = []
    for key, value in content.items():
        option = _BY_CANONICAL.get(canonical(str(key)))
        if option is None:
            problems.append(_unknown(str(key)))
        elif option.name in told:
            problems.append(f"{key}: given twice")
        elif isinstance(value, dict):
            problems.append(f"{key}: want a single value")
        else:
            told[option.name] = _as_text(value)
    return told, problems


def _on_one_line(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the quoted source, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "can't be parsed"
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    told: dict[str, str] = {}
    problems: list[str] = []
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        option = _BY_CANONICAL.get(canonical(name.removeprefix(ENVIRONMENT_PREFIX)))
        if option is not None:
            told[option.name] = value
        elif "did you mean" in (problem := _unknown(name)):
            # Others use the prefix too (the Boehm collector does): only a near miss is ours.
            problems.append(problem)
    return told, problems


def _unknown(key: str) -> str:
    bare = canonical(key.removeprefix(ENVIRONMENT_PREFIX))
    near = get_close_matches(bare, _BY_CANONICAL, 1, 0.5)
    hint = f", did you mean {_BY_CANONICAL[near[0]].name}?" if near else ""
    return f"{key}: unknown key{hint}"


def _values(told: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for option in OPTIONS:
        try:
            text = (
                _secret(told.get(option.name, option.default))
                if option.secret
                else told.get(option.name, option.default)
            )
            values[option.name] = option.read(text)
        except ValueError as error:
            problems.append(f"{option.name}: {error}")
    if not problems:
        _settle(values, told)
        problems += _contradictions(values)
    return values, problems


def _secret(value: str) -> str:
    """Return `value`, or what stands in the file that `file:/path` names."""
    if not value.startswith("file:"):
        return value
    try:
        return Path(value.removeprefix("file:")).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no UTF-8 text"
        raise ValueError(f"{value.removeprefix('file:')}: {reason}") from None


def _settle(values: dict[str, Any], told: dict[str, str]) -> None:
    """Give the options that depend on others their final values."""
    if values["dbfqdn"] and not told.get("database_url"):
        user, password = (quote(values[name], safe="") for name in ("dbuser", "dbpass"))
        host = f"[{values['dbfqdn']}]" if ":" in values["dbfqdn"] else values["dbfqdn"]
        name = quote(values["dbdatabase"], safe="")
        login = f"{user}:{password}" if password else user
        values["database_url"] = f"postgresql://{login}@{host}:{values['dbport']}/{name}"
    elif not values["database_url"]:
        values["database_url"] = OPTIONS[0].default
    if values["smtp_security"] == "auto":
        values["smtp_security"] = _security_by_port(values["smtpport"], values["smtppassword"])
    if not told.get("prefer_slack"):
        values["prefer_slack"] = bool(values["slack_hook_url"]) and not told.get("smtpserver")
    if not values["mail_from"] and is_address(values["smtpaddress"]):
        values["mail_from"] = values["smtpaddress"]


def _security_by_port(port: int, password: str) -> str:
    if port == 465:
        return "tls"
    return "starttls" if port == 587 or password else "none"


def _contradictions(values: dict[str, Any]) -> list[str]:
    problems = []
    if values["smtppassword"] and not values["smtpaddress"]:
        problems.append("smtpaddress: needed with smtppassword, it is the login")
    if values["prefer_slack"] and not values["slack_hook_url"]:
        problems.append("slack_hook_url: needed with prefer_slack")
    return problems


assert tuple(field.name for field in fields(Config)) == tuple(option.name for option in OPTIONS)  # noqa: S101
