"""Mail by SMTP, one connection for all the mails of a sweep."""

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from types import TracebackType
from typing import Any

from gocron.config import Config
from gocron.core.mailbox import is_address
from gocron.notify import DeliveryFailed, Refused, Unreachable
from gocron.notify.deadline import within

# Less than a claim in the outbox holds, so that nobody else sends the same mail meanwhile.
DELIVERY_LIMIT_S = 200
GOODBYE_LIMIT_S = 5


class MailServer:
    """The configured mail server; connects when first asked and again after a failure."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> "MailServer":
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

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Return once the server took `message` for `recipient`.

        Raises Refused where it never will, Unreachable where it takes nothing, else
        DeliveryFailed.
        """
        if not is_address(recipient):
            raise Refused(f"{recipient!r} is no mail address")
        try:
            with within(DELIVERY_LIMIT_S):
                self._send(message, recipient)
        except TimeoutError as error:
            failed = Unreachable if self._smtp is None else DeliveryFailed
            self._drop()
            raise failed(f"{self._name}: {_reason(error)}") from error

    def _send(self, message: EmailMessage, recipient: str) -> None:
        smtp = self._connected()
        try:
            smtp.send_message(message, to_addrs=[recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[recipient]
            self._start_over(smtp)
            if _is_final(code, answer):
                raise Refused(f"{code} {_text(answer)}") from error
            raise DeliveryFailed(f"{code} {_text(answer)}") from error
        except smtplib.SMTPSenderRefused as error:
            self._drop()
            raise Unreachable(f"sender {error.sender} refused: {_said(error)}") from error
        except smtplib.SMTPResponseException as error:
            self._start_over(smtp)
            raise DeliveryFailed(_said(error)) from error
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            self._drop()
            raise DeliveryFailed(f"{self._name}: {_reason(error)}") from error

    def check(self) -> None:
        """Connect, and log in where a password is set. Raises Unreachable."""
        self._connected()

    @property
    def _name(self) -> str:
        return f"{self._config.smtpserver}:{self._config.smtpport}"

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is not None and not _is_alive(self._smtp):
            self._drop()
        if self._smtp is None:
            try:
                self._smtp = self._connect()
            except smtplib.SMTPResponseException as error:
                raise Unreachable(f"{self._name}: {_said(error)}") from error
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                raise Unreachable(f"{self._name}: {_reason(error)}") from error
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        config = self._config
        if not config.smtpserver:
            raise OSError("no mail server; set smtpserver")
        where = config.smtpserver, config.smtpport
        if config.smtp_security == "tls":
            context = ssl.create_default_context()
            smtp: smtplib.SMTP = _ByTls(*where, timeout=config.smtp_timeout, context=context)
        else:
            smtp = _Plain(*where, timeout=config.smtp_timeout)
        try:
            if config.smtp_security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            # Asked here, a server that greets nobody is unreachable, not one that refuses.
            smtp.ehlo_or_helo_if_needed()
            if config.smtppassword:
                smtp.login(config.smtpaddress, config.smtppassword)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _start_over(self, smtp: smtplib.SMTP) -> None:
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


class _Plain(smtplib.SMTP):
    """The library's, but closed when the greeting was waited for too long."""

    def connect(self, *where: Any, **more: Any) -> tuple[int, bytes]:
        try:
            return super().connect(*where, **more)
        except BaseException:
            self.close()
            raise


class _ByTls(_Plain, smtplib.SMTP_SSL):
    """The same by TLS from the first byte on."""


def _is_alive(smtp: smtplib.SMTP) -> bool:
    """Tell whether the server still listens: some hang up after so many mails, or when idle."""
    try:
        return smtp.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _is_final(code: int, answer: bytes | str) -> bool:
    """Tell whether an answer to RCPT is about this recipient and for good.

    5.7 is about policy: a relay that is closed to us, a login it wants (RFC 3463).
    """
    return code in (550, 551, 553, 556) and not _text(answer).startswith("5.7.")


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or _text(str(error)) or type(error).__name__
