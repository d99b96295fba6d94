"""What a mail address is, and which of them are one mailbox."""

from gocron.core.name import normal


def is_address(text: str) -> bool:
    """Tell whether `text` is one plain mail address that a mail server can be given."""
    local, at, domain = text.rpartition("@")
    return bool(
        at
        and 0 < len(local) <= 64
        and 0 < len(domain) <= 255
        and not set(text) & set(' "(),:;<>[\\]')
        and local.count("@") == 0
        and not domain.startswith((".", "-"))
        and not domain.endswith((".", "-"))
        and ".." not in domain
        and text.isascii()
        and text.isprintable()
    )


def mailbox_of(address: str) -> str:
    """Return what is alike for all spellings of one mailbox.

    A domain has no case. A local part may have one, but no server that is used for mail gives
    `Ops` and `ops` to two people; who is mailed twice for one job is mailed once too often.
    """
    return normal(address).rstrip(".").lower()


def recipients_of(email: str) -> tuple[str, ...]:
    """Return the addresses of a list, each mailbox once, in the order and spelling written."""
    found: dict[str, str] = {}
    for part in email.split(","):
        if address := part.strip():
            found.setdefault(mailbox_of(address), address)
    return tuple(found.values())
