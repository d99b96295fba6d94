"""What a sweep asks of the world: its own front door, the watchdog, the mail server.

Bundled, so that a rehearsal or a simulation can put another world in its place.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from time import sleep
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from gocron.config import Config
from gocron.core.door import Knock
from gocron.fields import KNOCK_FIELD
from gocron.notify.deadline import within
from gocron.notify.mail import MailServer

# All tries together end within a minute, before the next sweep.
TRY_LIMIT_S = 6
# By the proxies that the environment names, for those who can't get out without; and by none.
_AS_TOLD = urllib.request.build_opener()
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# As curl's --retry in a crontab: what these tries get through, check-ins get through too.
PAUSES_S = (1, 2, 4, 8)


class Courier(Protocol):
    """Takes mails; `notify.mail` says what it raises."""

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Return once `message` was taken for `recipient`."""


@dataclass(frozen=True)
class Outside:
    """The world as one sweep meets it.

    `knock` checks in through the front door as the gocron of that name, and tells what came
    of it and why. `couriers` opens the way for mails. `report_well` tells the watchdog.
    """

    knock: Callable[[str], tuple[Knock, str]]
    couriers: Callable[[], AbstractContextManager[Courier]]
    report_well: Callable[[], None]


class WatchdogAway(Exception):
    """The watchdog did not take the report; the message says why."""


def outside(config: Config) -> Outside:
    """Return the real world, as `config` tells where to find it."""
    return Outside(
        knock=lambda instance: knock(door_url(config), instance, is_here=not config.self_url),
        couriers=lambda: MailServer(config),
        report_well=lambda: report_well(config.watchdog_url),
    )


def door_url(config: Config) -> str:
    """Return where sweeps check in: `self_url`, else the front on this host."""
    if config.self_url:
        return config.self_url
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
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{host}]" if ":" in host else host


def knock(url: str, instance: str, is_here: bool = False) -> tuple[Knock, str]:
    """Check in at `url` as the gocron named `instance`; return what came of it, and why.

    A front that `is_here`, on this host, is asked directly and once: by asking once nothing is
    lost, since fronts leave signs of life. Others are tried again, as a crontab's curl does.
    """
    asked = f"{url}{'&' if '?' in url else '?'}{urlencode({KNOCK_FIELD: instance})}"
    said = ""
    for pause_s in (0.0, *(() if is_here else PAUSES_S)):
        sleep(pause_s)
        status, said = _get(asked, DIRECT if is_here else _AS_TOLD)
        if status == 201:
            return Knock.KEPT, ""
        if status == 202:
            return Knock.JOURNALLED, "no front answers nginx, which keeps check-ins meanwhile"
        if status == 400:
            break
    parts = urlsplit(url)
    return Knock.FAILED, f"{parts.hostname}:{parts.port or parts.scheme}: {said}"


def report_well(url: str) -> None:
    """Fetch `url`, if there is one. Raises WatchdogAway."""
    if not url:
        return
    status, said = _get(url, _AS_TOLD)
    if not 200 <= status < 300:
        raise WatchdogAway(f"watchdog at {urlsplit(url).hostname}: {said}")


def _answer(
    request: urllib.request.Request, opener: urllib.request.OpenerDirector
) -> tuple[int, str]:
    try:
        with opener.open(request, timeout=TRY_LIMIT_S) as answer:
            return answer.status, f"answered {answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            said = " ".join(error.read(200).decode("utf-8", "replace").split())
        return error.code, f"answered {error.code} {said}".rstrip()


def _get(url: str, opener: urllib.request.OpenerDirector) -> tuple[int, str]:
    """Return the status that `url` answers with, 0 for none, and what there is to say of it.

    A URL may be a secret: nothing that is said holds any of it.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "gocron"})  # noqa: S310
    try:
        with within(TRY_LIMIT_S):
            return _answer(request, opener)
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or str(error.reason)
        return 0, reason
    except OSError as error:
        return 0, str(error) or type(error).__name__
    except (ValueError, http.client.HTTPException) as error:
        return 0, f"no HTTP: {type(error).__name__}"
