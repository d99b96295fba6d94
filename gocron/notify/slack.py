"""Slack by an incoming webhook. The URL is a secret: no error tells it."""

import json
from typing import Any

from gocron.notify import DeliveryFailed, Lease, TooLarge, Unreachable, Unwanted
from gocron.notify.http import Answer, NoAnswer, fetch

LIMIT_S = 30

_UNWANTED = (400, 422)
_TOO_LARGE = 413


def post(hook_url: str, payload: dict[str, Any], lease: Lease | None = None) -> None:
    """Return once Slack took `payload`: its hooks then say `ok`, and nobody else does.

    It is handed over while `lease` holds. Raises TooLarge or Unwanted where another post may be
    taken, Unreachable where there is no answer, LeaseOver, else DeliveryFailed.
    """
    body = json.dumps(payload).encode("utf-8")
    try:
        answer = fetch(hook_url, LIMIT_S, body, "application/json", lease=lease)
    except NoAnswer as error:
        raise Unreachable(f"Slack: {error}") from None
    if not _took_it(answer):
        raise _failure(answer)(f"Slack {answer}")


def _took_it(answer: Answer) -> bool:
    return answer.status == 200 and not answer.is_redirect and answer.body.strip() == b"ok"


def _failure(answer: Answer) -> type[DeliveryFailed]:
    if answer.status == _TOO_LARGE:
        return TooLarge
    return Unwanted if answer.status in _UNWANTED else DeliveryFailed
