"""What a check-in says of a run: that it began, worked or failed, how it ended, what it printed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gocron.core.duration import parse_duration
from gocron.core.refused import Refused

FIELDS = ("state", "exit", "duration", "msg")

# What an entry in a job's memory says by one letter each.
START, OK, FAIL, LOG = "s", "o", "f", "l"
STATES = {"ok": OK, "fail": FAIL, "start": START, "log": LOG}

OUTPUT_LIMIT_B = 10_000
DURATION_LIMIT_S = 366 * 86_400

_STATUS_LIMIT = 255

# As signal(7) has them, and systemd says them, without SIG.
_SIGNALS = frozenset(
    ("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV")
    + ("USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU")
    + ("URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "POLL", "PWR", "SYS")
    + ("RTMIN", "RTMAX")
)
_STATUS = re.compile(r"[0-9]{1,3}", re.ASCII)
_REALTIME = re.compile(r"RTM(?:IN\+|AX-)[0-9]{1,2}", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,8})\.[0-9]{1,9}", re.ASCII)

# Half characters that stand for no byte.
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")

# A terminal obeys these, an eye sees nothing; half characters can't be written anywhere, and marks
# of direction turn round what stands beside them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_UNFIT = re.compile("[\x80-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


@dataclass(frozen=True)
class Signal:
    """What a check-in says: `kind` is START, OK, FAIL or LOG.

    `exit_status` is "3" or "TERM", "" where none was sent; `duration_s` is what the client
    measured, `output` what `kept_output` left of what it sent; both are None where nothing was.
    """

    kind: str = OK
    exit_status: str = ""
    duration_s: int | None = None
    output: str | None = None


@dataclass(frozen=True)
class Output:
    """What the last run of a job printed, and the last one that failed; times are epoch seconds.

    `failed_at` is None where no run that failed printed anything.
    """

    printed_at: int
    printed: str
    failed_at: int | None
    failed: str


# What a check-in says that says nothing more.
WORKED = Signal()


def read_signal(told: Mapping[str, str]) -> Signal:
    """Return what the fields `told` say of a run. Raises Refused."""
    if told.keys().isdisjoint(FIELDS):
        return WORKED
    kind = _state(told["state"]) if "state" in told else None
    status = _exit(told["exit"]) if "exit" in told else ""
    return Signal(
        kind=_agreed(kind, status),
        exit_status="" if status == "0" else status,
        duration_s=_duration(told["duration"]) if "duration" in told else None,
        output=kept_output(_bytes_of(told["msg"])) if told.get("msg") else None,
    )


def _bytes_of(text: str) -> bytes:
    """Return the bytes that a client sent, of which those that are no UTF-8 are half characters."""
    return _HALF.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def kept_output(printed: bytes) -> str:
    """Return the end of what a run `printed`, at most OUTPUT_LIMIT_B of it, as it can be shown.

    What is no UTF-8 becomes U+FFFD, and what a terminal would obey becomes its picture.
    """
    end = printed[-OUTPUT_LIMIT_B:]
    if len(end) < len(printed):
        # The cut may have gone through a character.
        end = end.lstrip(bytes(range(0x80, 0xC0)))
    text = end.decode("utf-8", "replace").replace("\r\n", "\n")
    return _UNFIT.sub("\ufffd", _CONTROL.sub(_picture, text))


def _picture(control: re.Match[str]) -> str:
    code = ord(control[0])
    return "\u2421" if code == 0x7F else chr(0x2400 + code)


def _state(value: str) -> str:
    kind = STATES.get(value.strip().lower())
    if kind is None:
        raise Refused("state", f"{value[:40]!a} is none; send one of {', '.join(STATES)}")
    return kind


def _exit(value: str) -> str:
    """Return an exit status without leading zeros, or a signal's name without SIG."""
    status = value.strip().upper().removeprefix("SIG")
    if not status:
        raise Refused("exit", "empty; write exit=$? right behind the command")
    if _STATUS.fullmatch(status) and int(status) <= _STATUS_LIMIT:
        return str(int(status))
    if status in _SIGNALS or _REALTIME.fullmatch(status):
        return status
    raise Refused(
        "exit", f"{value[:40]!a} is no exit status; send 0 to {_STATUS_LIMIT}, or a signal as TERM"
    )


def _agreed(kind: str | None, status: str) -> str:
    """Return what state and exit status say together."""
    if not status:
        return OK if kind is None else kind
    by_status = OK if status == "0" else FAIL
    if kind is None or kind == by_status:
        return by_status
    if kind in (START, LOG):
        raise Refused("exit", "goes with the end of a run; send no state with it")
    raise Refused("exit", f"{status} and the state contradict; send exit alone")


def _duration(value: str) -> int:
    seconds = _SECONDS.fullmatch(value.strip())
    try:
        took_s = int(seconds[1]) if seconds else parse_duration(value)
    except ValueError:
        took_s = -1
    if not 0 <= took_s <= DURATION_LIMIT_S:
        raise Refused("duration", f"{value[:40]!a} is no length of time; send seconds")
    return took_s
