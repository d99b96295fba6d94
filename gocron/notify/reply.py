"""What a mail server's refusal is about: this mailbox, this message, or neither for sure.

Only a refusal that is surely about the mailbox is for good: a wrong "try again" costs a line
an hour, a wrong "for good" costs an alert.
"""

import re
from enum import Enum


class About(Enum):
    """What a refusal is about."""

    MAILBOX = "the mailbox: it will never take anything"
    SIZE = "the message: it is too large"
    CONTENT = "the message: what it holds"
    OTHER = "us, the server, or nobody knows: it is tried again"


# RFC 3463, 7505: no such mailbox, bad syntax, moved for good, no mail at all. 5.2.1, a disabled
# mailbox, may be enabled again; 5.1.2, a domain that is not found, may be a resolver that is ill.
_NO_MAILBOX_CODES = ("5.1.1", "5.1.3", "5.1.6", "5.1.10")
_SIZE_CODES = ("5.2.3", "5.3.4")
# These tell nothing, so that the words count: "other status", "other address status".
_VAGUE_CODES = ("5.0.0", "5.1.0")

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
# An address may hold any of the words below, and so may the name of a server.
_NAMES = re.compile(r"<[^<>]*>|\S+@\S+|\bhttps?://\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.I)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+[^\s<>()\[\]\"',;:.]")

_NO_MAILBOX = re.compile(
    r"""
    # Not "invalid recipient": OpenSMTPD says it of relaying, too.
    \b(?:no\ such|unknown|non-?existent)\ (?:local\ )?(?:user|mailbox|recipient|account)\b
    | \binvalid\ (?:user|mailbox)\b
    | \bno\ such\ (?:address|person|mail\ ?box|local\ user)\b
    | \b(?:unknown|no\ such)\ local[- ]part\b
    | \b(?:user|mailbox|recipient|addressee|account)\ (?:name\ )?(?:is\ )?
      (?:unknown|not\ found|not\ known|does\ not\ exist|doesn't\ exist|nonexistent)\b
    | \bno\ (?:mailbox|account|user)\ (?:here\ )?(?:by|with)\ that\ name\b
    | \bdoes(?:\ not|n't)\ have\ an?\ [\w.]*\ ?account\b
    | \bis\ not\ a\ (?:known|valid)\ (?:user|mailbox)\b
    """,
    re.I | re.X,
)
_US = re.compile(
    r"""
    relay | rcpthosts | sender | \bspf\b | dkim | dmarc | \bauth\b | authenti | credential
    | \blog ?in\b | authori[sz] | black-?list(?!ed\ ur) | blocklist | dnsbl | \brbl\b
    | spamhaus | spamcop
    | barracuda | sorbs | reputation | \bclient\b | \bhelo\b | \behlo\b | \bptr\b | reverse
    | \bdns\b | \bip\b | \brate\b | too\ (?:many|fast|often) | limit | throttl | gr[ae]y-?list
    | temporar | try\ again | \blater\b | quota | full\b | storage | insufficient | overload | busy
    | \btls\b | encrypt
    """,
    re.I | re.X,
)
# Said of us as well as of what a message holds.
_US_OR_CONTENT = re.compile(
    r"polic|permi(?:t|ss)|prohibit|allowed|den(?:y|ied)|block|\bban|administrat|service|spam", re.I
)
_CONTENT = re.compile(
    r"""
    \bur[li]s?\b | \blinks?\b | surbl | content | spam(?!haus|cop) | virus | malware | phish
    | infected | attachment | message\ (?:text|body) | subject | \bword | header | mime | charset
    | unsolicited
    """,
    re.I | re.X,
)
_SIZE = re.compile(r"\b(?:too (?:large|big|long)|size|length)\b", re.I)
_MAILBOX_SIZE = re.compile(r"mailbox|inbox|quota|storage", re.I)


def about(code: int, text: str, recipient: str, read: bool) -> About:
    """Return what a server means that answers `code` `text` to RCPT, or once it `read` the message.

    `text` may begin with an enhanced status code (RFC 3463), or hold one.
    """
    if not 500 <= code < 600:
        return About.OTHER
    found = _ENHANCED.search(text)
    enhanced = found[1] if found else ""
    words = " ".join(_NAMES.sub(" ", text.replace("\u2019", "'")).split())
    if _is_size(code, enhanced, words):
        return About.SIZE
    if _is_no_mailbox(code, enhanced, words) and not _is_of_another(text, recipient):
        return About.MAILBOX
    if read and _is_content(enhanced, words):
        return About.CONTENT
    return About.OTHER


def _is_content(enhanced: str, words: str) -> bool:
    """Tell whether a server that read the message may object to what it holds.

    In doubt it may: that it takes nothing of us is found out with a few tries, and a name that
    nobody suspects would keep all others of its digest from being told.
    """
    if enhanced.startswith("5.6.") or _CONTENT.search(words):
        return True
    of_another_kind = enhanced.startswith(("5.1.", "5.2.", "5.4."))
    return not (of_another_kind and enhanced not in _VAGUE_CODES) and not _US.search(words)


def _is_size(code: int, enhanced: str, words: str) -> bool:
    if enhanced and enhanced not in _VAGUE_CODES:
        return enhanced in _SIZE_CODES
    if _MAILBOX_SIZE.search(words):
        return False
    return code == 523 or (code in (552, 554) and _SIZE.search(words) is not None)


def _is_no_mailbox(code: int, enhanced: str, words: str) -> bool:
    if _US.search(words) or _US_OR_CONTENT.search(words):
        return False
    if enhanced and enhanced not in _VAGUE_CODES:
        return enhanced in _NO_MAILBOX_CODES
    return code in (550, 551, 553) and _NO_MAILBOX.search(words) is not None


def _is_of_another(text: str, recipient: str) -> bool:
    """Tell whether the mailbox that is spoken of is another one: the sender's, as a rule."""
    named = {found.casefold() for found in _ADDRESS.findall(text)}
    return bool(named) and recipient.casefold() not in named
