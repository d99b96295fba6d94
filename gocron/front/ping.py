"""Healthchecks' protocol: a check-in whose names and state are its path, and its body output."""

import logging
from dataclasses import replace
from functools import partial

from gocron.core.checkin import CheckIn, Refused, first_time_needs, read_checkin
from gocron.core.ping import read_ping
from gocron.core.signal import OUTPUT_LIMIT_B, kept_output
from gocron.fields import read_fields
from gocron.front.check_in import CheckIns, Wording
from gocron.front.request import Answer, Later, Request, text
from gocron.store.checkins import DueOfNew
from gocron.store.group_commit import Outcome

NO_SUCH_PATH = (
    "not found; check in with /ping/ACCOUNT/NAME, and behind it start, fail, log or an exit "
    "status; names with a slash go as fields to /"
)

log = logging.getLogger("gocron-front")


class Pings:
    """The handler of `/ping/`; `check_ins` keeps what comes there."""

    def __init__(self, check_ins: CheckIns) -> None:
        self._check_ins = check_ins

    def ping(self, request: Request) -> Answer | Later[Outcome]:
        """Keep what the path, the query and the body of `request` say."""
        address, network = self._check_ins.origin(request)
        try:
            ping = read_ping(request.path, read_fields(request.query, "", b""))
            if ping is None:
                return _with_limit(text(404, NO_SUCH_PATH))
            checkin = read_checkin(ping.fields, address, network=network)
        except Refused as refused:
            return _with_limit(_refuse(address, refused))
        if request.body:
            signal = replace(checkin.signal, output=kept_output(request.body))
            checkin = replace(checkin, signal=signal)
        wording = Wording(partial(_kept, ping.creates), _unknown, _refuse)
        later = self._check_ins.keep(checkin, wording)
        return replace(later, answer=lambda outcome: _with_limit(later.answer(outcome)))


def _kept(creates: bool, outcome: int, *headers: tuple[str, str]) -> Answer:
    # Some clients take nothing but 200 for good, unless they asked for the job to be made.
    made = creates and isinstance(outcome, DueOfNew)
    return replace(text(201 if made else 200, "", *headers), body="Created" if made else "OK")


def _unknown(checkin: CheckIn) -> Answer:
    if checkin.misnamed is not None:
        return _refuse(checkin.address, first_time_needs(checkin))
    log.info("refused %s: %s (%s) is not known", checkin.address, checkin.cronname, checkin.account)
    return text(404, "not found; send email= and frequency= once, or run gocron jobs add")


def _refuse(address: str, why: object) -> Answer:
    log.info("refused %s: %s", address, why)
    return text(400, f"invalid url format; {why}")


def _with_limit(answer: Answer) -> Answer:
    # Clients cut what they send by it.
    return replace(answer, headers=(*answer.headers, ("Ping-Body-Limit", str(OUTPUT_LIMIT_B))))
