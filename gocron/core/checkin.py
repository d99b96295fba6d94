"""Request fields to a check-in, or to a refusal that names the field."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from gocron.core.duration import parse_duration
from gocron.core.mailbox import is_address
from gocron.core.name import NAME_LIMIT, has_visible_character, misleading, normal
from gocron.core.refused import Refused as Refused
from gocron.core.schedule import due_at
from gocron.core.signal import FIELDS as SIGNAL_FIELDS
from gocron.core.signal import LOG, WORKED, Signal, read_signal
from gocron.core.slots import Cron, longest_gap_s, read_schedule, slots_at
from gocron.core.zone import UTC

FIELDS = (
    *("cronname", "account", "email", "frequency", "site", "grace", "gateway"),
    *("schedule", "tz", "early"),
    *SIGNAL_FIELDS,
)
EMAIL_LIMIT = 1_000
RECIPIENT_LIMIT = 10
FREQUENCY_LIMIT_S = 366 * 86_400

_YES = frozenset(("1", "true", "yes", "on"))
_NO = frozenset(("0", "false", "no", "off", ""))
_UNFIT = frozenset(("Cc", "Cs", "Zl", "Zp"))


@dataclass(frozen=True)
class CheckIn:
    """One sign of life. None means: not told this time, what is stored stays.

    `seen_at` is 0 where it counts from when it is kept. `network` is what of `address` sites
    compare; `gateway` is "" where the job takes back that it named one. `misnamed` is why no new
    job may be named so; a known one goes on. `signal` is what it says of the run. With a `schedule`
    the frequency is the longest gap of that.
    """

    account: str
    cronname: str
    email: str | None
    frequency_s: int | None
    grace_s: int | None
    site: bool | None
    address: str
    seen_at: int
    network: str = ""
    gateway: str | None = None
    misnamed: tuple[str, str] | None = None
    signal: Signal = WORKED
    schedule: Cron | None = None
    early_s: int | None = None

    @property
    def declares(self) -> bool:
        """Whether it makes a job known that isn't: it tells all that a new one needs."""
        return bool(self.email and self.frequency_s) and self.misnamed is None

    @property
    def has_output(self) -> bool:
        """Whether it brings what a run printed, or nothing else."""
        return self.signal.output is not None or self.signal.kind == LOG

    @property
    def key(self) -> tuple[str, str]:
        """What makes a job one job."""
        return self.account, self.cronname


def is_news(checkin: CheckIn, since: int | None, now: int) -> bool:
    """Tell whether a check-in that is read late may declare a job that nobody knows.

    A line from before the last complete read (`since`, None: never) whose deadline is over belongs
    to a job that was forgotten since, or to a database that was lost: it recreates nothing.
    """
    if checkin.schedule is None:
        deadline = due_at(checkin.seen_at, checkin.frequency_s or 0, checkin.grace_s or 0)
    else:
        _, slot = slots_at(checkin.schedule, checkin.early_s, checkin.seen_at)
        deadline = slot + (checkin.grace_s or 0)
    return deadline >= now or (since is not None and checkin.seen_at >= since)


def read_checkin(
    fields: Iterable[tuple[str, str]], address: str, seen_at: int = 0, network: str = ""
) -> CheckIn:
    """Return the check-in that `fields` (name, value) declare, heard from `address`.

    Names are matched without regard to case. Raises Refused for a missing, doubled, unknown
    or unfit field.
    """
    told = _by_name(fields)
    account, cronname = _name("account", told), _name("cronname", told)
    schedule = _schedule(told)
    return CheckIn(
        account=account,
        cronname=cronname,
        email=_email(told["email"]) if "email" in told else None,
        frequency_s=_frequency_s(told, schedule),
        grace_s=_length("grace", told["grace"], 0) if "grace" in told else None,
        site=_flag("site", told["site"]) if "site" in told else None,
        address=address,
        seen_at=seen_at,
        network=network,
        gateway=_gateway(told["gateway"]) if "gateway" in told else None,
        misnamed=_misnamed(account=account, cronname=cronname),
        signal=read_signal(told),
        schedule=schedule,
        early_s=_length("early", told["early"], 0) if "early" in told else None,
    )


def first_time_needs(checkin: CheckIn) -> Refused | None:
    """Return the refusal of a check-in that can't declare a new job, None where it can."""
    if checkin.misnamed is not None:
        return Refused(*checkin.misnamed)
    missing = [
        name
        for name, value in (("email", checkin.email), ("frequency", checkin.frequency_s))
        if value is None
    ]
    if not missing:
        return None
    return Refused(
        " and ".join(missing),
        "needed the first time a job checks in, for example email=ops@example.com&frequency=3600",
    )


def _by_name(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in fields:
        known = name if name in FIELDS else name.strip().lower()
        if known not in FIELDS:
            raise _unknown(name)
        if known in told:
            raise Refused(known, "given more than once; send it once")
        # What a run printed is shown as it can be.
        if known != "msg" and not value.isprintable() and has_control_character(value):
            raise Refused(known, "has a control character; send plain text on one line")
        told[known] = value
    return told


def _unknown(name: str) -> Refused:
    shown = ascii(name[:40])
    near = get_close_matches(name.strip().lower(), FIELDS, 1)
    right = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
    return Refused(shown, f"unknown field; {right}")


def has_control_character(text: str) -> bool:
    """Tell whether `text` holds a control character, a line break or half a character."""
    return any(unicodedata.category(char) in _UNFIT for char in text)


def _name(field: str, told: dict[str, str]) -> str:
    name = normal(told.get(field, ""))
    if not name:
        raise Refused(field, f"missing; send {field}= with 1 to {NAME_LIMIT} characters")
    _check_length(field, name)
    if not has_visible_character(name):
        raise Refused(field, "has no character that can be seen")
    return name


def _schedule(told: dict[str, str]) -> Cron | None:
    """Return the schedule that the fields declare, None where they declare none."""
    if "schedule" in told:
        if "frequency" in told:
            raise Refused("frequency and schedule", "contradict; send one of them")
        return read_schedule(told["schedule"], told.get("tz", UTC))
    for field in ("tz", "early"):
        if field in told:
            raise Refused(field, "goes with a schedule; send schedule= too")
    return None


def _frequency_s(told: dict[str, str], schedule: Cron | None) -> int | None:
    """Return the frequency that the fields declare: of a schedule its longest gap."""
    if schedule is not None:
        return longest_gap_s(schedule)
    return _length("frequency", told["frequency"], 1) if "frequency" in told else None


def _gateway(value: str) -> str:
    name = normal(value)
    _check_length("gateway", name)
    if misnamed := _misnamed(gateway=name):
        raise Refused(*misnamed)
    return name


def _check_length(field: str, name: str) -> None:
    if len(name) > NAME_LIMIT:
        raise Refused(field, f"{len(name)} characters long; at most {NAME_LIMIT} are taken")


def _misnamed(**named: str) -> tuple[str, str] | None:
    """Return the first field whose name looks like another, and how; None where none does."""
    for field, name in named.items():
        if how := misleading(name):
            return field, how
    return None


# A fleet has few recipients, and each of its check-ins names some.
@lru_cache(maxsize=4096)
def _email(value: str) -> str:
    """Return the addresses of a comma-separated list, tidied."""
    if len(value) > EMAIL_LIMIT:
        raise Refused("email", f"{len(value)} characters long; at most {EMAIL_LIMIT} are taken")
    addresses = [part.strip() for part in value.split(",") if part.strip()]
    if not addresses:
        raise Refused("email", "empty; send an address such as ops@example.com")
    if len(addresses) > RECIPIENT_LIMIT:
        raise Refused("email", f"{len(addresses)} addresses; at most {RECIPIENT_LIMIT} are taken")
    for address in addresses:
        if not is_address(address):
            # A + that was sent as it is means a space where it arrives.
            hint = "; write + as %2B" if is_address(address.replace(" ", "+")) else ""
            raise Refused("email", f"{address!a} is no address such as ops@example.com{hint}")
    return ", ".join(addresses)


def _length(field: str, value: str, least: int) -> int:
    try:
        seconds = parse_duration(value)
    except ValueError:
        raise Refused(
            field, f"{value[:40]!a} is no length of time; send seconds, or 90m, 36h, 7d"
        ) from None
    if not least <= seconds <= FREQUENCY_LIMIT_S:
        raise Refused(field, f"{seconds} s is out of range; from {least} s to 366 days are taken")
    return seconds


def _flag(field: str, value: str) -> bool:
    word = value.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Refused(field, f"{value[:40]!a} is neither yes nor no; send 1 or 0")
