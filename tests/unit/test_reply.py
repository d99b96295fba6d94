"""What mail servers really say, and what it is about."""
# ruff: noqa: E501 - an answer is one line, as it was given.

import pytest

from gocron.notify.reply import About, about

TO_RCPT = {
    About.MAILBOX: """
        550 5.1.1 <ops@example.com>: Recipient address rejected: User unknown in local recipient table
        550 5.1.1 <ops@example.com>: Recipient address rejected: User unknown in virtual mailbox table
        550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. Learn more at https://support.google.com/mail/?p=NoSuchUser k5si1-gsmtp
        550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
        550 5.1.1 RESOLVER.ADR.RecipNotFound; not found
        550 5.1.1 <ops@example.com>... User unknown
        550 5.0.0 <ops@example.com>... User unknown
        550 5.1.0 <ops@example.com>: User unknown
        553 5.1.3 <ops@example.com>... Invalid address syntax
        551 5.1.6 recipient has moved
        556 5.1.10 Recipient address has null MX
        550 5.1.10 Recipient address rejected: Domain example.com does not accept mail (nullMX)
        550 5.1.1 User does not exist <OPS@example.com>
        550 #5.1.1 unknown user
        550 sorry, no mailbox here by that name. (#5.1.1)
        550 5.1.1 ops@example.com: user lookup success but no user record found
        554 5.1.1 Email address could not be found, or was misspelled (G8)
        550 no such user
        550 No such user here
        550 No Such User Here"
        550 No such local user
        550 Unknown user
        550 unknown local-part "ops" in domain "example.com"
        550 User unknown
        550 user not found
        550 ops@example.com is not a valid mailbox
        550 Mailbox does not exist
        550 Mailbox not found
        550 This user doesn't have a example.com account (ops@example.com)
        550 Recipient unknown
        550 Addressee unknown
        550 no such recipient
        550 No such person at this address
        553 sorry, no such mailbox
        550 Message was not accepted -- invalid mailbox. Local mailbox ops@example.com is unavailable: user not found
        550 no such address here
    """,
    About.OTHER: """
        450 4.2.0 <ops@example.com>: Recipient address rejected: Greylisted
        450 no such user
        450 4.1.1 <ops@example.com>: Recipient address rejected: unverified address: User unknown
        451 4.7.1 Greylisting in action, please come back later
        452 4.2.2 The email account that you tried to reach is over quota
        421 4.7.0 Try again later, closing connection
        550 5.7.1 Relaying denied
        550 5.7.1 Unable to relay
        550 relaying denied
        550 Relay not permitted
        550 relay access denied: no such user
        554 5.7.1 <ops@example.com>: Relay access denied
        554 relay access denied
        550 we do not relay, unknown user
        551 we do not relay
        551 User not local; please try <ops@example.org>
        553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
        553 5.7.1 <gocron@example.com>: Sender address rejected: not owned by user gocron
        550 5.1.0 <gocron@example.com>: Sender address rejected: User unknown in virtual mailbox table
        550 5.1.1 <gocron@example.com>: Sender address rejected: User unknown in local recipient table
        550 5.1.1 Sender unknown
        550 5.1.1 <gocron@example.com>: User unknown
        550 no such user gocron@example.com
        550 5.1.8 <gocron@example.com>: Sender address rejected: Domain not found
        550 5.7.23 SPF validation failed
        550 SPF check failed, user unknown
        550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy
        550 5.7.20 No passing DKIM signature found
        550 Blocked
        550 JunkMail rejected - host is in an RBL
        554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org
        550 Unknown user: your IP is blacklisted
        550 5.1.1 blocked by blocklist
        554 5.7.1 no such user: you are blacklisted
        530 authentication required
        530 5.7.0 Must issue a STARTTLS command first
        550 authentication required
        550 5.7.1 Authentication required
        535 5.7.8 Error: authentication failed
        550 SMTP AUTH is required: unknown user
        550 too many recipients, no such user
        550 5.4.5 Daily user sending limit exceeded
        550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages
        550 5.2.1 The email account that you tried to reach is disabled
        552 5.2.2 mailbox full
        552 5.2.2 The recipient's inbox is out of storage space
        552 Mailbox size limit exceeded
        550 mailbox is full
        550 Requested action not taken: mailbox unavailable
        550 5.4.1 Recipient address rejected: Access denied
        550 5.1.2 <ops@example.com>: Host unknown (Name server: host not found)
        550 Unrouteable address
        550 Invalid recipient: <ops@example.com>
        550 Invalid recipient
        550 5.5.0 Requested action not taken: mailbox unavailable
        554 no such user
        554 5.3.2 Service unavailable
        550 5.7.1 <ops@example.com>: User unknown
        500 5.5.2 unrecognized command
        521 this host does not accept mail
        550 rejected
        550
        550 Administrative prohibition
        550 5.1.1 temporarily rejected, try again later
    """,
    About.SIZE: """
        552 5.3.4 Message size exceeds fixed limit
        552 Message too large
        523 the message is too large
        523 5.3.4 message too long
        552 5.2.3 Message exceeds the administrative limit
    """,
}

ONCE_READ = {
    About.CONTENT: """
        554 transaction failed
        550 5.7.1 spam
        554 5.7.1 Spam message rejected
        550 5.7.1 Message contains a blacklisted URL
        554 5.7.1 URL is listed in SURBL
        550 5.7.1 Our system has detected that this message is likely unsolicited mail
        554 5.6.0 Message content rejected
        550 5.6.1 media not supported
        554 5.7.1 Message rejected due to content restrictions
        550 5.7.1 Message blocked by policy
        550 Administrative prohibition
        554 5.7.0 Reject, id=0815 - BANNED
        552 virus detected
        554
    """,
    About.OTHER: """
        451 4.7.1 Service unavailable - try again later
        550 5.7.26 This mail has been blocked because the sender is unauthenticated
        550 5.7.1 Unauthenticated email is not accepted due to the domain's DMARC policy
        550 SPF fail
        554 5.7.1 relay access denied
        550 5.7.1 Client host blacklisted
        550 5.7.1 [203.0.113.9] your IP has a poor reputation
        550 5.4.5 Daily sending quota exceeded
        552 storage exceeded
        552 5.2.2 mailbox full
        552 Requested mail action aborted: exceeded storage allocation
        550 too many messages
    """,
    About.SIZE: """
        552 5.3.4 Message size exceeds fixed limit
        552 5.3.4 Error: message file too big
        552 Maximum message size exceeded
        554 5.3.4 too big
        523 too large
    """,
    About.MAILBOX: """
        550 5.1.1 User unknown
        550 no such user
    """,
}


def answers(table: dict[About, str]) -> list[tuple[str, About]]:
    return [
        (line.strip(), meant)
        for meant, lines in table.items()
        for line in lines.strip().split("\n")
    ]


def judged(answer: str, read: bool) -> About:
    code, _, text = answer.partition(" ")
    return about(int(code), text, "ops@example.com", read)


@pytest.mark.parametrize(("answer", "meant"), answers(TO_RCPT))
def test_only_what_is_surely_about_the_mailbox_is_for_good(answer: str, meant: About) -> None:
    assert judged(answer, read=False) is meant


@pytest.mark.parametrize(("answer", "meant"), answers(ONCE_READ))
def test_a_message_that_was_read_may_be_refused_for_what_it_holds(
    answer: str, meant: About
) -> None:
    assert judged(answer, read=True) is meant


@pytest.mark.parametrize("name", ["relay", "spam", "sender", "blocked", "policy", "quota"])
def test_the_name_of_a_mailbox_says_nothing(name: str) -> None:
    for answer in (f"5.1.1 <{name}@example.com>: User unknown", f"no such user {name}@example.com"):
        assert about(550, answer, f"{name}@example.com", read=False) is About.MAILBOX
