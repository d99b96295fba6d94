"""Healthchecks' protocol: the path and the query of a request to the fields of a check-in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gocron.core.checkin import has_control_character
from gocron.core.refused import Refused
from gocron.core.signal import read_signal

PREFIX = "/ping/"
RUN_ID_LIMIT = 64

# `run` and `complete` are Cronitor's.
_TAILS = {
    "start": ("state", "start"),
    "run": ("state", "start"),
    "complete": ("state", "ok"),
    "fail": ("state", "fail"),
    "log": ("state", "log"),
}
_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)

# What a query says here and not at `/`. `status` and `ping` are Uptime Kuma's, whose clients send
# one of three words as `msg`, of which `start` alone says more than the status.
_OWN = ("rid", "create", "status", "ping")
_KUMA_STATES = {"up": "ok", "down": "fail"}
_KUMA_WORDS = ("start", "finish", "fail")

Field = tuple[str, str]


@dataclass(frozen=True)
class Ping:
    """The fields of a check-in, and whether its client asks for the job to be made."""

    fields: list[Field]
    creates: bool


def read_ping(path: str, query: Iterable[Field]) -> Ping | None:
    """Return what `path`, percent-decoded, and the fields of its query say; None for no such path.

    Raises Refused.
    """
    named = _read_path(path)
    if named is None:
        return None
    own: dict[str, str] = {}
    fields: list[Field] = []
    for name, value in query:
        known = name.strip().lower()
        if known not in _OWN:
            fields.append((name, value))
        elif known in own:
            raise Refused(known, "given more than once; send it once")
        else:
            own[known] = value
    _check_run_id(own.get("rid", ""))
    if "status" in own:
        fields = _of_kuma(own["status"], fields)
    elif "ping" in own:
        raise Refused("ping", "goes with status=up or status=down; send duration=")
    return Ping([*named, *fields], _creates(own.get("create", "0")))


def _read_path(path: str) -> list[Field] | None:
    """Return the fields that `path` says: account, cronname, and what stands behind them."""
    if "\ufffd" in path:
        # Servers make this of all that is no UTF-8: several names would become one.
        raise Refused("path", "is no UTF-8; percent-encode names as UTF-8")
    if not path.startswith(PREFIX):
        return None
    parts = path.removeprefix(PREFIX).removesuffix("/").split("/", 3)
    # Clients and proxies take dots for a way through folders.
    if len(parts) not in (2, 3) or not {"", ".", ".."}.isdisjoint(parts):
        return None
    fields = [("account", parts[0]), ("cronname", parts[1])]
    if len(parts) == 2:
        return fields
    told = _read_tail(parts[2])
    return None if told is None else [*fields, told]


def _read_tail(tail: str) -> Field | None:
    if tail in _TAILS:
        return _TAILS[tail]
    told = ("exit", tail)
    # A number that is too large is meant as an exit status; another word is another page.
    if not _NUMBER.fullmatch(tail):
        try:
            read_signal(dict([told]))
        except Refused:
            return None
    return told


def _check_run_id(run_id: str) -> None:
    if len(run_id) > RUN_ID_LIMIT:
        raise Refused("rid", f"{len(run_id)} characters long; at most {RUN_ID_LIMIT} are taken")
    if has_control_character(run_id):
        raise Refused("rid", "has a control character; send plain text on one line")


def _creates(value: str) -> bool:
    if value not in ("0", "1"):
        raise Refused("create", f"{value[:40]!a} is neither 1 nor 0; send create=1")
    return value == "1"


def _of_kuma(status: str, fields: list[Field]) -> list[Field]:
    """Return `fields` with what the status of Uptime Kuma's clients means."""
    state = _KUMA_STATES.get(status)
    if state is None:
        raise Refused("status", f"{status[:40]!a} is none; send up or down")
    if state == "ok" and ("msg", "start") in fields:
        state = "start"
    words = [("msg", word) for word in _KUMA_WORDS]
    return [*(field for field in fields if field not in words), ("state", state)]
