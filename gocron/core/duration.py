"""Lengths of time as people write and read them."""

import re

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}

_WORDS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_PART = re.compile(r"(\d{1,12})([wdhms])", re.ASCII)
_WHOLE = re.compile(r"(?:\d{1,12}[wdhms])+", re.ASCII)
_SECONDS = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def parse_duration(text: str) -> int:
    """Return the seconds that `text` means: `3600`, `90m`, `1d`, `1h30m`.

    A plain number is seconds and may carry a sign. Raises ValueError for anything else.
    """
    text = text.strip().lower()
    if _SECONDS.fullmatch(text):
        return int(text)
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a length of time")
    return sum(int(count) * UNITS[unit] for count, unit in _PART.findall(text))


def say_duration(seconds: int) -> str:
    """Return `seconds` in its two largest units, for people: `2 h 5 min`, `45 s`."""
    left = max(seconds, 0)
    parts: list[str] = []
    for word, size in _WORDS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {word}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"
