"""A digest as a mail: plain text first, the same in HTML beside it."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import make_msgid, parseaddr

from gocron.core.mailbox import is_address
from gocron.core.news import Digest, Kind, News
from gocron.core.turns import in_turns
from gocron.render.entry import Entry, entry
from gocron.render.form import Form, nameless_headline, nameless_lines, next_step
from gocron.render.moment import LAST_SECOND, say_time
from gocron.render.templates import Templates
from gocron.render.wording import (
    ELLIPSIS,
    cut,
    full_name,
    headline,
    is_one_story,
    say_accounts,
    shown,
)

# So many jobs are told in full, and up to so many by name; the page has them all.
LISTED_LIMIT = 100
NAMED_LIMIT = 500
# The same in brief.
BRIEF_LISTED_LIMIT = 10
BRIEF_NAMED_LIMIT = 50
REFERENCES_LIMIT = 20

_SUBJECT_ROOM = 110
# A longer one would be folded, and mail programs could no longer find the thread.
_MESSAGE_ID_LIMIT = 64


class _Policy(EmailPolicy):
    """The library's, but a subject is encoded whole.

    Its own folding may break a word that is only half ASCII so that it can't be decoded.
    """

    def fold(self, name: str, value: str) -> str:
        if name.lower() != "subject" or str(value).isascii():
            return str(super().fold(name, value))
        encoded = Header(str(value), "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("utf-8", "surrogateescape")


# Of what all runs of a mail printed together it has so many characters.
OUTPUTS_LIMIT = 40_000

_POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True)
class Letterhead:
    """What all mails of one gocron share.

    `instance` sets its Message-IDs apart from all others'; `page_url` may be empty.
    """

    sender: str
    instance: str
    page_url: str


def alert_mail(
    templates: Templates,
    digest: Digest,
    letterhead: Letterhead,
    now: int,
    form: Form = Form.WHOLE,
) -> EmailMessage:
    """Return the mail that tells `digest` to its recipient; `now` is epoch seconds.

    Nothing in a name can add a header or make this raise. Raises PageError where a template
    doesn't work.
    """
    mail = _blank(letterhead.sender, digest.recipient, _subject(digest, form), now)
    mail["Message-ID"] = _message_id(digest.key, letterhead.instance)
    _thread(mail, digest, letterhead)
    # Quoted-printable is readable in a spool and passes every relay, 8-bit clean or not.
    if form.is_nameless:
        lines = nameless_lines(digest, form)
        mail.set_content("\n".join([*lines, "", "-- ", "gocron", ""]), cte="quoted-printable")
        return mail
    context = _context(digest, letterhead, now, form)
    mail.set_content(templates.text("alert", **context), cte="quoted-printable")
    if form is Form.WHOLE:
        page = templates.html("alert", **context)
        mail.add_alternative(page, subtype="html", cte="quoted-printable")
    return mail


def notice(
    digest: Digest,
    letterhead: Letterhead,
    subject: str,
    lines: Sequence[str],
    now: int,
    form: Form = Form.WHOLE,
) -> EmailMessage:
    """Return a mail of plain text to the recipient of `digest`, below the letterhead of all.

    Only the whole form has a link in it.
    """
    # An encoded word in a name would be decoded into whatever it holds.
    subject = f"[gocron] {subject}".replace("=?", "= ?")
    mail = _blank(letterhead.sender, digest.recipient, subject, now)
    mail["Message-ID"] = _message_id(digest.key, letterhead.instance)
    is_linked = form is Form.WHOLE and _is_link(letterhead.page_url)
    page = ["", "Status page:", letterhead.page_url] if is_linked else []
    text = "\n".join([*lines, *page, "", "-- ", "gocron", ""])
    mail.set_content(text, cte="quoted-printable")
    return mail


def trial_mail(sender: str, recipient: str, now: int) -> EmailMessage:
    """Return a mail that only shows `recipient` that mails arrive; `now` is epoch seconds."""
    mail = _blank(sender, recipient, "[gocron] Mails arrive", now)
    mail["Message-ID"] = make_msgid(domain="trial.gocron")
    mail.set_content(
        "gocron can mail you.\n\nNothing is missing: someone asked for this mail to try it,\n"
        f"at {say_time(now)}.\n",
        cte="quoted-printable",
    )
    return mail


def _blank(sender: str, recipient: str, subject: str, now: int) -> EmailMessage:
    """Return a mail without text. It asks that no absence notice answer it."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _sender(sender)
    mail["To"] = _recipient(recipient)
    mail["Subject"] = subject
    mail["Date"] = datetime.fromtimestamp(min(max(now, 0), LAST_SECOND), timezone.utc)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    return mail


def rooms(form: Form) -> tuple[int, int]:
    """Return how many jobs a mail tells in full, and how many more by name."""
    if form is Form.BRIEF:
        return BRIEF_LISTED_LIMIT, BRIEF_NAMED_LIMIT - BRIEF_LISTED_LIMIT
    return LISTED_LIMIT, NAMED_LIMIT - LISTED_LIMIT


def _context(digest: Digest, letterhead: Letterhead, now: int, form: Form) -> dict[str, object]:
    listed, named, rest = digest.shared(digest.in_order, *rooms(form))
    told: dict[Kind, list[Entry]] = {kind: [] for kind in Kind}
    said: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    room = OUTPUTS_LIMIT
    for item in listed:
        one = entry(item, now, is_alone=len(digest.jobs) == 1)
        # What the mail has said of the job already is not said again.
        facts = tuple(fact for fact in one.facts if fact not in said[item.name])
        said[item.name].update(facts)
        # A mail of hundreds of failures must not be refused for its size.
        room -= len(one.output)
        output = one.output if room >= 0 else ""
        told[item.kind].append(replace(one, facts=facts, output=output))
    is_linked = form is not Form.PLAIN and _is_link(letterhead.page_url)
    return {
        "headline": headline(digest.in_order),
        "missed": told[Kind.MISSING],
        "failed": told[Kind.FAILED],
        "recovered": told[Kind.BACK],
        "works": told[Kind.WORKS],
        "missed_count": len(digest.missing),
        "recovered_count": len(digest.back),
        "named": [full_name(item.episode.job) for item in named],
        "left_out": len(rest),
        "more": say_accounts(item.episode.job.account for item in rest),
        "page_url": letterhead.page_url if is_linked else "",
        "step": next_step(digest),
    }


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://")) and shown(url) == url


def _subject(digest: Digest, form: Form) -> str:
    news = digest.in_order
    if form.is_nameless:
        return f"[gocron] {nameless_headline(digest)}"
    subject = f"[gocron] {headline(news)}"
    if not is_one_story(news):
        each = (digest.missing, digest.failed, digest.back, digest.works)
        turns = [item for some in each for item in in_turns(some, _accounts)]
        named = {item.name: item for item in turns if item.name not in digest.unnamed}
        subject = _with_names(subject, list(named.values()))
    # An encoded word in a name would be decoded into whatever it holds.
    return subject.replace("=?", "= ?")


def _accounts(item: News) -> tuple[str]:
    return (item.episode.job.account,)


def _with_names(subject: str, news: Sequence[News]) -> str:
    """Return `subject` with the first names that there is room for."""
    names: list[str] = []
    for item in news:
        more = full_name(item.episode.job)
        if len(subject) + 2 + len(", ".join([*names, more])) > _SUBJECT_ROOM:
            break
        names.append(more)
    if not names:
        return subject
    rest = f", {ELLIPSIS}" if len(names) < len(news) else ""
    return f"{subject}: {', '.join(names)}{rest}"


def _sender(sender: str) -> Address:
    name, address = parseaddr(sender)
    found = _address(cut(shown(name), 60).replace("=?", "= ?") if name else "gocron", address)
    return found or Address("gocron", "gocron", "localhost")


def _recipient(recipient: str) -> Address | str:
    """Return what To says: the envelope decides who gets it, so no odd address may stop a mail."""
    return _address("", recipient) or "undisclosed-recipients:;"


def _address(name: str, address: str) -> Address | None:
    if not is_address(address):
        return None
    try:
        return Address(name, addr_spec=address)
    except (ValueError, IndexError, MessageError):
        return None


def _message_id(key: str, instance: str) -> str:
    """Return the Message-ID of the digest `key`: the same whenever it is made."""
    host = re.sub(r"[^A-Za-z0-9-]+", "-", instance).strip("-") or "localhost"
    left = key
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", key):
        left = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    room = _MESSAGE_ID_LIMIT - len(f"<{left}@.gocron>")
    return f"<{left}@{host[:room].rstrip('-')}.gocron>"


def _thread(mail: EmailMessage, digest: Digest, letterhead: Letterhead) -> None:
    """Let mail programs show the end of a silence below its beginning."""
    keys = list(dict.fromkeys(digest.replies_to))[-REFERENCES_LIMIT:]
    if keys:
        told = [_message_id(key, letterhead.instance) for key in keys]
        mail["In-Reply-To"] = told[-1]
        mail["References"] = " ".join(told)
