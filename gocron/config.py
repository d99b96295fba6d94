"""The configuration: what file and environment say of the options, all problems at once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from gocron.core.address import Network
from gocron.core.mailbox import is_address
from gocron.errors import ConfigError
from gocron.options import OPTIONS, example

DEFAULT_FILE = Path("/etc/gocron/config.yml")
ENVIRONMENT_PREFIX = "GC_"

# How like one of ours another's variable must be to be taken for a slip of the pen.
VARIABLE_LIKENESS = 0.8

__all__ = ["OPTIONS", "Config", "canonical", "example", "load_config"]


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
    site_ipv6_prefix: int
    site_hold_max: int
    site_suppress_max: int
    site_settle: int
    self_url: str
    operator_email: str
    watchdog_url: str
    journal: str
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
    where = config_file(path, environment)
    told, problems = _from_file(where, must_exist=where != DEFAULT_FILE)
    from_environment, more = _from_environment(environment)
    told |= from_environment
    values, bad = _values(told)
    problems += more + bad
    if problems:
        raise ConfigError(str(where), "; ".join(problems), "correct these and start again")
    return Config(**values)


def config_file(path: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the file to read: `path`, else what `GOCRON_CONFIG` names, else the one in /etc."""
    return path or Path(environment.get("GOCRON_CONFIG") or DEFAULT_FILE)


def canonical(key: str) -> str:
    """Return `key` as keys are compared: without regard to case and underscores."""
    return key.lower().replace("_", "").replace("-", "")


_BY_CANONICAL = {canonical(option.name): option for option in OPTIONS}


def _from_file(path: Path, must_exist: bool) -> tuple[dict[str, str], list[str]]:
    try:
        content = _pairs(path.read_text("utf-8"))
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
    except RecursionError:
        raise ConfigError(str(path), "is no YAML: nested too deeply") from None
    if content is None:
        raise ConfigError(str(path), "holds no `key: value` lines")
    told: dict[str, str] = {}
    spelt: dict[str, str] = {}
    problems: list[str] = []
    for key, value in content:
        option = _BY_CANONICAL.get(canonical(key))
        if option is None:
            problems.append(_unknown(key))
        elif option.name in spelt:
            problems.append(_twice(spelt[option.name], key))
        elif isinstance(value, dict):
            problems.append(f"{key}: want a single value")
        else:
            told[option.name] = _as_text(value)
        if option is not None:
            spelt.setdefault(option.name, key)
    return told, problems


def _pairs(text: str) -> list[tuple[str, Any]] | None:
    """Return each key with its value as they stand in `text`, None where it holds something else.

    In a dict the last one of a key that is given twice would silently win.
    """
    loader = _AsWritten(text)
    try:
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return []
        if not isinstance(node, yaml.MappingNode):
            return None
        loader.flatten_mapping(node)
        return [
            (
                str(loader.construct_object(key, deep=True)),
                loader.construct_object(value, deep=True),
            )
            for key, value in node.value
        ]
    finally:
        loader.dispose()


def _twice(first: str, second: str) -> str:
    return f"{second}: given twice" + ("" if first == second else f", as {first} too")


class _AsWritten(yaml.SafeLoader):
    """Reads every value as text: a password such as 012345 is no number."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class has it)
        first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _on_one_line(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without what it quotes, which may be a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "can't be parsed"
    problem = re.sub(r" '(?!.').{2,}'", "", problem)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    told: dict[str, str] = {}
    spelt: dict[str, str] = {}
    problems: list[str] = []
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        option = _BY_CANONICAL.get(canonical(name.removeprefix(ENVIRONMENT_PREFIX)))
        if option is not None and option.name in spelt:
            problems.append(_twice(spelt[option.name], name))
        elif option is not None:
            told[option.name] = value
            spelt[option.name] = name
        elif "did you mean" in (problem := _unknown(name, VARIABLE_LIKENESS)):
            # Others use the prefix too (the Boehm collector does): only a near miss is ours.
            problems.append(problem)
    return told, problems


def _unknown(key: str, likeness: float = 0.5) -> str:
    bare = canonical(key.removeprefix(ENVIRONMENT_PREFIX))
    near = get_close_matches(bare, _BY_CANONICAL, 1, likeness)
    hint = f", did you mean {_BY_CANONICAL[near[0]].name}?" if near else ""
    return f"{key if key.isprintable() else ascii(key)}: unknown key{hint}"


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
