"""The fields of a request, from query string, form or JSON object, however hostile they are."""

import json
import re
from io import BytesIO
from urllib.parse import parse_qsl, unquote_to_bytes

from gocron.core.checkin import Refused
from gocron.core.ping import read_ping

BODY_LIMIT = 65_536
FIELD_LIMIT = 32

# The one field of a sweep's own check-in, by which it sees whether others get through.
KNOCK_FIELD = "self"

# The one field that JSON may tell by `true` and `false`.
YES_OR_NO_FIELD = "site"

# What a front answers to it: the sign of life that it rests on, and by which options it runs.
SIGN_HEADER = "Gocron-Sign"
CONFIGURED_HEADER = "Gocron-Configured"

# What a run printed.
OUTPUT_FIELD = "msg"

# What stands for a byte that is no UTF-8.
_HALF = re.compile("[\udc80-\udcff]")

Fields = list[tuple[str, str]]


def read_fields(query: str, content_type: str, body: bytes) -> Fields:
    """Return the fields of query string and body, in this order.

    Raises Refused for what can't be understood.
    """
    fields = _urlencoded(query)
    if not body:
        return fields
    if len(body) > BODY_LIMIT:
        raise Refused("request", f"has a body of more than {BODY_LIMIT} bytes")
    if content_type.lower().startswith("multipart/"):
        return fields + _multipart(content_type, body)
    # The original's clients send JSON under the form type that curl's -d chooses.
    if body.lstrip()[:1] == b"{":
        return fields + _json_fields(body)
    return fields + _urlencoded(body.decode("utf-8", "surrogateescape").strip())


def _urlencoded(text: str) -> Fields:
    if not text:
        return []
    try:
        fields = parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=FIELD_LIMIT
        )
    except UnicodeError:
        raise _no_utf_8() from None
    except ValueError:
        raise Refused("request", f"has more than {FIELD_LIMIT} fields") from None
    return _readable(fields)


def _readable(fields: Fields) -> Fields:
    """Return `fields`. Raises Refused where another than a run's output is no UTF-8.

    That may be cut anywhere, or come from a program that writes another encoding.
    """
    for name, value in fields:
        halves = name if name.strip().lower() == OUTPUT_FIELD else name + value
        if not halves.isprintable() and _HALF.search(halves):
            raise _no_utf_8()
    return fields


def _no_utf_8() -> Refused:
    return Refused("request", "is no UTF-8; percent-encode names as UTF-8")


def _multipart(content_type: str, body: bytes) -> Fields:
    # Imported here: sweeps read fields too, and need no web framework.
    from bottle import BaseRequest, HTTPError

    form = BaseRequest(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
    )
    unreadable = Refused("request", "is no form that can be read")
    try:
        fields = [(name, str(value)) for name, value in form.forms.allitems()]
    except (HTTPError, ValueError, LookupError):
        raise unreadable from None
    # Bottle hands on a part without a name as None.
    if any(name is None for name, _ in fields):
        raise unreadable
    return fields


def _json_fields(body: bytes) -> Fields:
    try:
        pairs = json.loads(body.decode("utf-8", "surrogateescape"), object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise Refused("request", 'is no JSON object such as {"cronname": "backup"}') from None
    return _readable(
        [(name, _json_text(name, value)) for name, value in pairs if value is not None]
    )


def _json_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        # Elsewhere `true` would be a name, or a second.
        if name.strip().lower() == YES_OR_NO_FIELD:
            return "1" if value else "0"
    elif isinstance(value, str | int):
        return str(value)
    raise Refused(ascii(name[:40]), "want a text or a whole number, and for site true or false")


def read_journalled(line: bytes) -> tuple[int, str, Fields]:
    """Return when a request came by the clock of nginx's host, who sent it, and its fields.

    `line` is what nginx wrote of it. Raises Refused.
    """
    text = line.decode("utf-8", "surrogateescape")
    try:
        told = json.loads(text)
        at = int(float(told["at"]))
        method, query, kind, body, peer, length = (
            str(told[key])
            for key in ("method", "query", "content_type", "body", "address", "length")
        )
        # Lines of versions before have none.
        path = str(told.get("path", ""))
        announced = int(length) if length else None
        # A lone half of a character is no byte of any body.
        content = body.encode("utf-8", "surrogateescape")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise _not_nginx() from None
    if at < 0:
        raise _not_nginx()
    if method not in ("GET", "HEAD", "POST"):
        raise Refused("request", f"by {method[:20]!a}; check-ins come by GET, HEAD or POST")
    if path:
        # Without a body: what counts is in the URL.
        return at, peer, _pinged(path, query)
    # nginx has read all of a body that came in chunks, which tell no length beforehand.
    if method == "POST" and announced not in (None, len(content)):
        raise Refused("request", "has a body that is not as long as its Content-Length")
    return at, peer, read_fields(query, kind, content if method == "POST" else b"")


def _pinged(path: str, query: str) -> Fields:
    """Return the fields of a path as nginx got it, decoded as the front's server does it."""
    raw = unquote_to_bytes(path.encode("utf-8", "surrogateescape"))
    ping = read_ping(raw.decode("utf-8", "replace"), read_fields(query, "", b""))
    if ping is None:
        raise Refused("path", f"{path[:40]!a} is none at which check-ins are taken")
    return ping.fields


def _not_nginx() -> Refused:
    return Refused("journal", "has a line that is not as nginx writes it")
