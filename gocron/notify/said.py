"""What a server said, fit for one line, and never with a secret in it."""

import html
from collections.abc import Iterable
from urllib.parse import unquote_plus

SAID_LIMIT = 300
# What is shorter is no secret, and stands in any text by chance.
_SECRET_LEAST = 4


def said(answer: bytes | str, secrets: Iterable[str] = (), limit: int = SAID_LIMIT) -> str:
    """Return `answer` in one line of at most `limit` characters.

    It is empty where the answer quotes one of `secrets`, however it is spelled: what is
    left of a secret after a part was blotted out may still be told.
    """
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    if _quotes(text, secrets):
        return ""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\ufffd" for char in line)[:limit].strip()


def _quotes(text: str, secrets: Iterable[str]) -> bool:
    plain = html.unescape(text)
    spellings = [one.casefold() for one in (text, plain, unquote_plus(plain))]
    return any(
        secret.casefold() in spelling
        for secret in secrets
        if len(secret) >= _SECRET_LEAST
        for spelling in spellings
    )
