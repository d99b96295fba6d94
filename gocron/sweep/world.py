"""What a sweep meets beyond gocron: its own check-in, the watchdog, the channels of news.

Bundled, so that a rehearsal or a simulation can put another world in its place.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from urllib.parse import urlencode, urlsplit

from gocron.config import Config
from gocron.core.network import read_address
from gocron.core.own_outage import Knock, Knocked
from gocron.fields import CONFIGURED_HEADER, KNOCK_FIELD, SIGN_HEADER
from gocron.host import clock
from gocron.notify.http import Answer, NoAnswer, NoAnswerInTime, fetch
from gocron.sweep.channels import TABLE, Opener

# All tries together end within a minute, before the next sweep.
TRY_LIMIT_S = 6

_TAKEN = (200, 201, 202, 204)
# What healthchecks and Uptime Kuma say with status 200 of a report that they did not take.
_NOT_TAKEN = re.compile(r"OK \(.*|.*[\"']ok[\"']\s*:\s*false\b.*", re.IGNORECASE)

# As curl's --retry in a crontab: what these tries get through, check-ins get through too.
PAUSES_S = (1, 2, 4, 8)


@dataclass(frozen=True)
class World:
    """The world as one sweep meets it.

    `knock` checks in as crontabs do, as the gocron of that name, and tells what came
    of it. `channel` opens the one of that name. `report_well` tells the watchdog. `host_clock` is
    the clock by which nginx on this host writes its journal, in epoch seconds.
    """

    knock: Callable[[str], Knocked]
    channel: Opener
    report_well: Callable[[], None]
    host_clock: Callable[[], float] = clock


class WatchdogAway(Exception):
    """The watchdog did not take the report; the message says why."""


def open_world(config: Config) -> World:
    """Return the real world, as `config` tells where to find it."""
    return World(
        knock=lambda instance: knock(knock_url(config), instance, is_here=not config.self_url),
        channel=lambda name: TABLE[name].open(config),
        report_well=lambda: report_well(config.watchdog_url),
    )


def knock_url(config: Config) -> str:
    """Return where sweeps check in: `self_url`, else the front on this host."""
    return config.self_url or here_url(config)


def here_url(config: Config) -> str:
    """Return where the front on this host is, if there is one."""
    return f"http://{reachable(config.listen_host)}:{config.listen_port}/"


def check_in_url(config: Config) -> str:
    """Return where clients check in, as an example for people, as far as `config` tells.

    nginx takes check-ins where it serves the page. A password in a URL is not for others.
    """
    try:
        told = urlsplit(config.public_url)
        host, port = told.hostname, told.port
    except ValueError:
        host, port = None, None
    if not host:
        return f"http://gocron.example.com:{config.listen_port}/"
    return f"{told.scheme}://{reachable(host)}{f':{port}' if port else ''}/"


def reachable(host: str) -> str:
    """Return under which address one gets to what listens on `host`, as URLs want it."""
    # `localhost` is bound as IPv4 where there is any.
    if host.lower() == "localhost":
        return "127.0.0.1"
    address = read_address(host)
    if address is not None and address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{host}]" if ":" in host else host


def knock(url: str, instance: str, is_here: bool = False) -> Knocked:
    """Check in at `url` as the gocron named `instance`; return what came of it.

    A front that `is_here`, on this host, is asked directly and once: by asking once nothing is
    lost, since fronts leave signs of life. Others are tried again, as a crontab's curl does.
    """
    asked = f"{url}{'&' if '?' in url else '?'}{urlencode({KNOCK_FIELD: instance})}"
    said, is_slow = "", False
    for pause_s in (0.0, *(() if is_here else PAUSES_S)):
        sleep(pause_s)
        try:
            # Half of it for each step, so that one that takes long is told from many short ones.
            answer = fetch(asked, TRY_LIMIT_S, direct=is_here, follow=True, step_s=TRY_LIMIT_S / 2)
        except NoAnswer as error:
            said, is_slow = str(error), isinstance(error, NoAnswerInTime)
            continue
        said, is_slow = str(answer), False
        if answer.status == 201:
            told = (answer.headers.get(SIGN_HEADER, ""), answer.headers.get(CONFIGURED_HEADER, ""))
            return Knocked(Knock.KEPT, "", *told)
        if answer.status == 202:
            why = "no front answers nginx, which keeps check-ins meanwhile"
            return Knocked(Knock.JOURNALLED, why)
        if answer.status == 400:
            break
    parts = urlsplit(url)
    why = f"{parts.hostname}:{parts.port or parts.scheme}: {said}"
    return Knocked(Knock.SLOW if is_slow else Knock.FAILED, why)


def report_well(url: str) -> None:
    """Fetch `url`, if there is one. Raises WatchdogAway unless the watchdog itself took it."""
    if not url:
        return
    try:
        answer = fetch(url, TRY_LIMIT_S)
    except NoAnswer as error:
        raise WatchdogAway(f"watchdog at {urlsplit(url).hostname}: {error}") from None
    if not _took_it(answer):
        raise WatchdogAway(f"watchdog at {urlsplit(url).hostname}: {answer}")


def _took_it(answer: Answer) -> bool:
    """Tell whether `answer` is a watchdog's own: no redirect, no page of a proxy or a login."""
    elsewhere = answer.is_redirect or answer.is_page or answer.is_encoded
    return answer.status in _TAKEN and not elsewhere and _NOT_TAKEN.fullmatch(answer.text) is None
