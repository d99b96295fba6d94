"""Mail by SMTP, one connection for all the mails of a sweep."""

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from types import TracebackType

from gocron.config import Config
from gocron.core.mailbox import is_address
from gocron.notify import (
    Deferred,
    DeliveryFailed,
    Lease,
    LeaseOver,
    Refused,
    TooLarge,
    Unreachable,
    Unsure,
    Unwanted,
)
from gocron.notify.deadline import within
from gocron.notify.reply import About, about
from gocron.notify.said import said
from gocron.notify.smtp import BrokenOff, LoginFailed, NotTaken, Smtp, SmtpByTls, spellings

# Less than a claim in the outbox holds, so that nobody else sends the same mail meanwhile.
DELIVERY_LIMIT_S = 200
GOODBYE_LIMIT_S = 5


class Mail:
    """The configured mail server; connects when first asked and again after a failure."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._smtp: Smtp | None = None

    def __enter__(self) -> "Mail":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._smtp is not None:
            with suppress(smtplib.SMTPException, OSError), within(GOODBYE_LIMIT_S):
                self._smtp.quit()
        self._drop()

    def send(self, message: EmailMessage, recipient: str, lease: Lease | None = None) -> None:
        """Return once the server took `message` for `recipient`; hand over while `lease` holds.

        Raises Refused where it never will, TooLarge or Unwanted where it may take another
        message, Deferred where it read this one, Unsure where it may have taken it, Unreachable
        where it takes nothing, LeaseOver, else DeliveryFailed.
        """
        if not is_address(recipient):
            raise Refused(f"{recipient!r} is no mail address")
        limit_s = DELIVERY_LIMIT_S if lease is None else min(DELIVERY_LIMIT_S, lease.left_s())
        try:
            with within(limit_s):
                self._send(message, recipient, lease)
        except TimeoutError as error:
            raise self._broken_off(error) from error

    def _send(self, message: EmailMessage, recipient: str, lease: Lease | None) -> None:
        smtp = self._connected()
        smtp.lease = lease
        try:
            smtp.send_message(message, to_addrs=[recipient])
        except LeaseOver:
            self._start_over(smtp)
            raise
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[recipient]
            self._start_over(smtp)
            raise self._failure(code, answer, recipient, read=False) from error
        except smtplib.SMTPSenderRefused as error:
            self._start_over(smtp)
            raise self._sender_refused(error, recipient) from error
        except smtplib.SMTPResponseException as error:
            self._start_over(smtp)
            read = isinstance(error, NotTaken)
            raise self._failure(error.smtp_code, error.smtp_error, recipient, read) from error
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise self._broken_off(error) from error

    def _broken_off(self, error: Exception) -> DeliveryFailed:
        """Drop the connection; return what it means for the message that it ended by `error`."""
        smtp, why = self._smtp, f"{self._name}: {_reason(error)}"
        self._drop()
        if smtp is None:
            return Unreachable(why)
        if smtp.is_unanswered:
            return Unsure(f"{why}, after the whole message; it may have been taken")
        return Deferred(why) if isinstance(error, BrokenOff) else DeliveryFailed(why)

    def _sender_refused(self, error: smtplib.SMTPSenderRefused, recipient: str) -> DeliveryFailed:
        """Return what an answer to MAIL means: that takes the size of the message, too."""
        failure = self._failure(error.smtp_code, error.smtp_error, recipient, read=False)
        if isinstance(failure, TooLarge):
            return failure
        self._drop()
        return Unreachable(f"sender {error.sender} refused: {failure}")

    def _failure(
        self, code: int, answer: bytes | str, recipient: str, read: bool
    ) -> DeliveryFailed:
        """Return what an answer means, to RCPT or once the message was `read`."""
        kinds: dict[About, type[DeliveryFailed]] = {
            About.MAILBOX: Refused,
            About.SIZE: TooLarge,
            About.CONTENT: Unwanted,
            About.OTHER: Deferred if read else DeliveryFailed,
        }
        meant = about(code, said(answer), recipient, read)
        return kinds[meant](f"{code} {self._said(answer)}".rstrip())

    def check(self) -> str:
        """Connect, and log in where a password is set; say so. Raises Unreachable."""
        self._connected()
        config = self._config
        login = f", login as {config.smtpaddress}" if config.smtppassword else ""
        return f"{self._name} answers ({config.smtp_security}{login})"

    @property
    def called(self) -> str:
        """The server's name."""
        return self._config.smtpserver

    @property
    def _name(self) -> str:
        return f"{self._config.smtpserver}:{self._config.smtpport}"

    def _said(self, answer: bytes | str) -> str:
        """Return what the server said, in one line and without the password in it."""
        login = self._config.smtpaddress, self._config.smtppassword
        return said(answer, spellings(*login) if self._config.smtppassword else ())

    def _connected(self) -> Smtp:
        if self._smtp is not None and not _is_alive(self._smtp):
            self._drop()
        if self._smtp is None:
            try:
                self._smtp = self._connect()
            except LoginFailed as error:
                raise Unreachable(f"{self._name}: {error}") from None
            except smtplib.SMTPResponseException as error:
                told = f"{error.smtp_code} {self._said(error.smtp_error)}"
                raise Unreachable(f"{self._name}: {told}") from error
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                raise Unreachable(f"{self._name}: {_reason(error)}") from error
        return self._smtp

    def _connect(self) -> Smtp:
        config = self._config
        if not config.smtpserver:
            raise OSError("no mail server; set smtpserver")
        where = config.smtpserver, config.smtpport
        if config.smtp_security == "tls":
            context = ssl.create_default_context()
            smtp: Smtp = SmtpByTls(*where, timeout=config.smtp_timeout, context=context)
        else:
            smtp = Smtp(*where, timeout=config.smtp_timeout)
        try:
            if config.smtp_security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            # Asked here, a server that greets nobody is unreachable, not one that refuses.
            smtp.ehlo_or_helo_if_needed()
            if config.smtppassword:
                smtp.log_in(config.smtpaddress, config.smtppassword)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _start_over(self, smtp: Smtp) -> None:
        """Make the connection fit for the next mail, or drop it."""
        try:
            smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        """Forget the connection without a word: its server is not to be waited for."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _is_alive(smtp: smtplib.SMTP) -> bool:
    """Tell whether the server still listens: some hang up after so many mails, or when idle."""
    try:
        return smtp.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or said(str(error)) or type(error).__name__
