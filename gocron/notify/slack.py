"""Slack by an incoming webhook. The URL is a secret: no error tells it."""

import json
from typing import Any
from urllib.parse import urlsplit

from gocron.config import Config
from gocron.notify import DeliveryFailed, Lease, TooLarge, Unreachable, Unwanted
from gocron.notify.http import Answer, NoAnswer, fetch

LIMIT_S = 30

_UNWANTED = (400, 422)
_TOO_LARGE = 413


class Slack:
    """The configured webhook, which posts in one of Slack's channels."""

    called = "Slack"

    def __init__(self, config: Config) -> None:
        self._hook_url = config.slack_hook_url

    def send(self, message: dict[str, Any], recipient: str, lease: Lease | None = None) -> None:
        """Return once Slack took `message`: its hooks then say `ok`, and nobody else does.

        Its channel is the one recipient. It is handed over while `lease` holds. Raises TooLarge
        or Unwanted where another post may be taken, Unreachable where there is no answer,
        LeaseOver, else DeliveryFailed.
        """
        body = json.dumps(message).encode("utf-8")
        try:
            answer = fetch(self._hook_url, LIMIT_S, body, "application/json", lease=lease)
        except NoAnswer as error:
            raise Unreachable(f"Slack: {error}") from None
        if not _took_it(answer):
            raise _failure(answer)(f"Slack {answer}")

    def check(self) -> str:
        """Look at the URL: whether Slack takes posts is only found out by one."""
        if not self._hook_url:
            return "not set"
        parts = urlsplit(self._hook_url)
        if parts.scheme != "https" or not parts.path.startswith("/services/"):
            raise DeliveryFailed(
                "slack_hook_url is no URL like https://hooks.slack.com/services/T.../B.../..."
            )
        return f"webhook at {parts.hostname}"


def _took_it(answer: Answer) -> bool:
    return answer.status == 200 and not answer.is_redirect and answer.body.strip() == b"ok"


def _failure(answer: Answer) -> type[DeliveryFailed]:
    if answer.status == _TOO_LARGE:
        return TooLarge
    return Unwanted if answer.status in _UNWANTED else DeliveryFailed
