"""The whole API: which handler answers what."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from gocron.config import Config
from gocron.core.ping import PREFIX
from gocron.front.check_in import CheckIns
from gocron.front.listing import Listing
from gocron.front.ping import Pings
from gocron.front.request import Answer, Later, Request, safely, text
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit

NO_BROWSER = (
    "gocron: a web page asks for this, and pages are not answered; use curl, or type the address "
    "into the browser yourself"
)

log = logging.getLogger("gocron-front")

Handler = Callable[[Request], Answer | Later[Any]]


class Front:
    """What answers requests, whichever server takes them.

    Check-ins are kept by `group_commit`; `store` is for who reads. `announce` has a function called
    where the requests wait, for example in their event loop.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Callable[[], float],
        group_commit: GroupCommit,
        announce: Callable[[Callable[[], None]], object] = lambda tell: tell(),
    ) -> None:
        check_ins = CheckIns(config, clock, group_commit)
        listing = Listing(config, store, check_ins.unavailable, announce)
        pings = Pings(check_ins)
        self._trusted = config.trusted_proxies
        # Who answers a method and a path, and HEAD as GET; * is what may follow.
        self._handlers: Mapping[tuple[str, str], Handler] = {
            ("GET", "/"): check_ins.check_in,
            ("POST", "/"): check_ins.check_in,
            ("GET", "/ping/*"): pings.ping,
            ("POST", "/ping/*"): pings.ping,
            ("GET", "/healthcheck"): check_ins.health,
            ("GET", "/version"): listing.version,
            ("GET", "/cron"): listing.all,
            ("GET", "/cron/missed"): listing.missed,
            ("GET", "/cron/*"): listing.of_account,
        }

    def answer(self, request: Request) -> Answer | Later[Any]:
        """Return the answer to `request`, or what it rests on."""
        return safely(lambda: self._answer(request))

    def _answer(self, request: Request) -> Answer | Later[Any]:
        if request.by_page:
            # A page can give its own host name this host's address, and would then read the jobs
            # through a visitor on this host: whatever a page asks is refused, preflights too.
            log.info("refused %s: from a web page", request.client(self._trusted).address)
            return text(403, NO_BROWSER)
        path = request.path or "/"
        if ("GET", path) not in self._handlers:
            for folder in ("/cron/", PREFIX):
                if path.startswith(folder) and path != folder:
                    path = f"{folder}*"
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._handlers.get((method, path))
        if handler is not None:
            return handler(request)
        allowed = [told for told, where in self._handlers if where == path]
        if not allowed:
            return text(404, "gocron: no such page")
        allow = ("Allow", ",".join(sorted([*allowed, "HEAD"])))
        return text(405, "gocron: use GET, POST or HEAD", allow)
