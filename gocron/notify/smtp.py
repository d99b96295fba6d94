"""The library's SMTP client, made fit for a claim that ends and for logins of any letters."""

import base64
import hmac
import re
import smtplib
from typing import Any

from gocron.notify import Lease, TooLarge

_CHALLENGES_MOST = 5
# Stands for an answer that there is none of, or that can't be read.
_NO_REPLY = -1
_END_OF_MESSAGE = b"\r\n.\r\n"
_STATUS = re.compile(rb"\s*#?(5\.\d{1,3}\.\d{1,3})\b")


class NotTaken(smtplib.SMTPDataError):
    """The server read the message, and did not take it."""


class BrokenOff(smtplib.SMTPServerDisconnected):
    """The connection ended before all of the message was handed over, so it was not taken."""


class LoginFailed(Exception):
    """The message says why, and no letter of what was sent: servers may send that back."""


class Smtp(smtplib.SMTP):
    """The library's, with a `lease` to look at right before a message is handed over.

    `is_unanswered` tells that a message left, and that no answer told what became of it.
    """

    lease: Lease | None = None
    is_unanswered = False

    def connect(self, *where: Any, **more: Any) -> tuple[int, bytes]:
        """As the library's, but nothing stays open where nobody greets."""
        try:
            return super().connect(*where, **more)
        except BaseException:
            self.close()
            raise

    def sendmail(self, *envelope: Any, **more: Any) -> dict[str, tuple[int, bytes]]:
        """As the library's, for a message that is not too large. Raises TooLarge."""
        most = self.esmtp_features.get("size", "")
        if most.isdigit() and 0 < int(most) < len(envelope[2]):
            raise TooLarge(f"{len(envelope[2])} bytes; the server takes {most}")
        return super().sendmail(*envelope, **more)

    def send(self, s: Any) -> None:
        """As the library's. Raises BrokenOff where that ends within a message."""
        is_message = bytes(s[-5:]) == _END_OF_MESSAGE if isinstance(s, bytes) else False
        self.is_unanswered |= is_message
        try:
            super().send(s)
        except smtplib.SMTPServerDisconnected as error:
            if not is_message:
                raise
            # Its end goes last: without it no server has a message.
            self.is_unanswered = False
            raise BrokenOff("connection lost while it read the message") from error

    def data(self, msg: Any) -> tuple[int, bytes]:
        """As the library's, while `lease` holds. Raises LeaseOver; NotTaken once it was read."""
        if self.lease is not None:
            self.lease.left_s()
        try:
            code, answer = super().data(msg)
        except smtplib.SMTPResponseException:
            if not self.is_unanswered:
                raise
            code, answer = _NO_REPLY, b""
        if code // 100 not in (2, 4, 5):
            raise smtplib.SMTPServerDisconnected("answered nothing that SMTP knows")
        self.is_unanswered = False
        if code // 100 != 2:
            raise NotTaken(code, answer)
        return 250, answer

    def log_in(self, user: str, password: str) -> None:
        """Log in. Raises LoginFailed, or what breaks the connection."""
        try:
            _utf8(user + password)
            self.login(user, password)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPAuthenticationError as error:
            status = _STATUS.match(_bytes(error.smtp_error))
            why = f"{error.smtp_code} {status[1].decode() if status else ''}".rstrip()
            why = "no way that both sides know" if error.smtp_code == _NO_REPLY else why
            raise LoginFailed(f"login as {user} refused: {why}") from None
        except UnicodeError:
            raise LoginFailed(f"login as {user} not possible: not UTF-8") from None
        except smtplib.SMTPException as error:
            raise LoginFailed(f"login as {user} not possible: {error}") from None

    def auth(
        self, mechanism: str, authobject: Any, *, initial_response_ok: bool = True
    ) -> tuple[int, bytes]:
        """As the library's, but in UTF-8 (RFC 4616, 4954): its own knows ASCII only."""
        first = authobject() if initial_response_ok else None
        self._auth_challenge_count = 0 if first is None else 1
        command = mechanism.upper() if first is None else f"{mechanism.upper()} {_base64(first)}"
        code, answer = self.docmd("AUTH", command)
        try:
            while code == 334 and self._auth_challenge_count < _CHALLENGES_MOST:
                self._auth_challenge_count += 1
                code, answer = self.docmd(_base64(authobject(base64.decodebytes(answer))))
        except ValueError:
            # A challenge that is no base64, no MD5 on this host: another mechanism may do.
            self.docmd("*")
            code, answer = _NO_REPLY, b""
        if code in (235, 503):
            return code, answer
        raise smtplib.SMTPAuthenticationError(code, answer)

    def auth_cram_md5(self, challenge: Any = None) -> Any:
        """As the library's, with a password in UTF-8."""
        if challenge is None:
            return None
        return f"{self.user} {hmac.new(_utf8(self.password), challenge, 'md5').hexdigest()}"


class SmtpByTls(Smtp, smtplib.SMTP_SSL):
    """The same by TLS from the first byte on."""


def spellings(user: str, password: str) -> tuple[str, ...]:
    """Return a password as it may come back from a server."""
    return password, _base64(password), _base64(f"\0{user}\0{password}")


def _base64(text: str) -> str:
    return base64.b64encode(_utf8(text)).decode("ascii")


def _utf8(text: str) -> bytes:
    """Return `text` in UTF-8; bytes that were none where it was read stay as they are."""
    return text.encode("utf-8", "surrogateescape")


def _bytes(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode("utf-8", "replace")
