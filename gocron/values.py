"""How an option is declared, and how the text of each kind is read.

What reads a text raises ValueError, which says what is wanted instead.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from gocron.core.duration import parse_duration
from gocron.core.mailbox import is_address
from gocron.core.network import Network, read_address

SQLITE_FILE = "sqlite:////var/lib/gocron/gocron.db"
EVERYWHERE = "0.0.0.0"  # noqa: S104 (hosts of a fleet check in from elsewhere)
SMTP_SECURITIES = ("auto", "none", "starttls", "tls")

# What nginx, sed, a shell or a crontab would take for more than a part of a name.
_NO_PLAIN_NAME = re.compile(r"""[\s"'`;{}$|&\\<>#]""")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Option:
    """One key of the configuration: its default as text, how it is read, what it means."""

    name: str
    default: str
    read: Callable[[str], Any]
    help: str
    secret: bool


def option(
    default: str, read: Callable[[str], Value], meaning: str, is_secret: bool = False
) -> Value:
    """Declare an option as a field of a dataclass, of the type that `read` makes of its text."""
    declared: Value = field(
        metadata={"default": default, "read": read, "help": meaning, "secret": is_secret}
    )
    return declared


def secret(default: str, read: Callable[[str], Value], meaning: str) -> Value:
    """Declare an option that is shown to nobody; it may stand in a file, as `file:/path`."""
    return option(default, lambda value: read(_content(value)), meaning, is_secret=True)


def _content(value: str) -> str:
    """Return `value`, or what stands in the file that `file:/path` names."""
    if not value.startswith("file:"):
        return value
    file = value.removeprefix("file:")
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no UTF-8 text"
        raise ValueError(f"{file}: {reason}") from None


def text(value: str) -> str:
    """Return `value` as one line."""
    value = value.strip()
    if any(unicodedata.category(char) == "Cc" for char in value):
        raise ValueError("want one line, without control characters")
    return value


def password(value: str) -> str:
    """Return `value`, in any letters: it is written into no file, and quoted where it is sent."""
    return value.strip()


def path(value: str) -> str:
    """Return the path of a file or folder, "" for none, fit to stand in nginx's configuration."""
    value = text(value)
    if value and (not value.startswith("/") or not value.strip("/")):
        raise ValueError("want a path that begins with /, below it")
    if ".." in value.split("/"):
        raise ValueError("want a path without ..")
    if _NO_PLAIN_NAME.search(value) or not value.isprintable():
        raise ValueError("want a path without spaces, quotes and any of ; { } $ | & \\ < > #")
    return value


def yes_no(value: str) -> bool:
    """Return the truth that a word stands for."""
    word = value.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0", ""):
        return False
    raise ValueError("want true or false")


def port(value: str) -> int:
    """Return the number of a port."""
    if not re.fullmatch(r"\s*\d{1,5}\s*", value, re.ASCII) or not 0 < int(value) < 65_536:
        raise ValueError("want a port from 1 to 65535")
    return int(value)


def seconds(value: str) -> int:
    """Return a length of time in seconds, from 1 to a day."""
    try:
        length_s = parse_duration(value)
    except ValueError:
        length_s = 0
    if not 1 <= length_s <= 86_400:
        raise ValueError("want seconds, or a duration such as 90s or 5m, up to 1d")
    return length_s


def span(value: str) -> int:
    """Return a length of time in seconds, from none to a year."""
    try:
        length_s = parse_duration(value)
    except ValueError:
        length_s = -1
    if not 0 <= length_s <= 366 * 86_400:
        raise ValueError("want seconds, or a duration such as 10m, 24h or 7d")
    return length_s


def ipv6_prefix(value: str) -> int:
    """Return the length of an IPv6 network's prefix."""
    if not re.fullmatch(r"\s*\d{1,3}\s*", value, re.ASCII) or not 16 <= int(value) <= 128:
        raise ValueError("want a length from 16 to 128")
    return int(value)


def patience(value: str) -> int:
    """Seconds to wait for a mail server: all its answers must come within an outbox lease."""
    if (patience_s := seconds(value)) > 25:
        raise ValueError("want 1 to 25 seconds")
    return patience_s


def networks(value: str) -> tuple[Network, ...]:
    """Return addresses and networks."""
    parts = [part for part in re.split(r"[,\s]+", value.strip()) if part]
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)
    except ValueError:
        raise ValueError("want addresses or networks such as 10.0.0.0/8, ::1") from None


def mail_address(value: str) -> str:
    """Return a mail address, "" for none."""
    value = value.strip()
    if value and not is_address(value):
        raise ValueError("want a mail address such as gocron@example.com")
    return value


def host(value: str) -> str:
    """Return the name or address of a host, "" for none."""
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


def listen_host(value: str) -> str:
    """Return the address or name to listen on, brackets of a URL and `*` understood."""
    bare = re.sub(r"\A\[(.*:.*)\]\Z", r"\1", value.strip())
    return host(EVERYWHERE if bare in ("", "*") else bare)


def web_url(value: str) -> str:
    """Return a URL of the web, "" for none."""
    value = value.strip()
    parts = _split(value)
    if value and (parts is None or parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError("want a URL such as https://gocron.example.com/")
    if not re.fullmatch(r"[!-~]*", value):
        raise ValueError("want a URL without spaces; write others than ASCII as %XX")
    if re.search(r"""["'`$\\<>{}|^]""", value):
        raise ValueError("want a URL without quotes and any of $ < > { } | ^ \\; write them as %XX")
    return value


def page_url(value: str) -> str:
    """Return the URL of a folder of pages, to which names of pages are added."""
    value = web_url(value)
    if _NO_PLAIN_NAME.search(value) or "?" in value:
        raise ValueError("want the URL of a folder, without ?, #, quotes and any of ; { } $ | & \\")
    return value


def database_url(value: str) -> str:
    """Return the URL of a database, that of our own file for ""."""
    value = text(value) or SQLITE_FILE
    scheme, parts = value.partition(":")[0], _split(value)
    if scheme not in ("sqlite", "postgresql", "postgres"):
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


def security(value: str) -> str:
    """Return how a mail server is spoken to."""
    word = value.strip().lower()
    if word not in SMTP_SECURITIES:
        raise ValueError(f"want one of {', '.join(SMTP_SECURITIES)}")
    return word
