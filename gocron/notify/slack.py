"""Slack by an incoming webhook. The URL is a secret: no error tells it."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from gocron.notify import DeliveryFailed
from gocron.notify.deadline import within

TIMEOUT_S = 10
LIMIT_S = 30


def post(hook_url: str, payload: dict[str, Any]) -> None:
    """Return once Slack took `payload`. Raises DeliveryFailed."""
    try:
        with within(LIMIT_S):
            _post(hook_url, payload)
    except urllib.error.URLError as error:
        raise DeliveryFailed(f"Slack: {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DeliveryFailed(f"Slack: {type(error).__name__}") from None


def _post(hook_url: str, payload: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 (config takes http and https only)
        hook_url,
        json.dumps(payload).encode("utf-8"),
        {"Content-Type": "application/json", "User-Agent": "gocron"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            response.read(1024)
    except urllib.error.HTTPError as error:
        with error:
            said = " ".join(error.read(200).decode("utf-8", "replace").split())
        raise DeliveryFailed(f"Slack answered {error.code} {said}".rstrip()) from None
