"""The channel ``email``: one plain-text mail a message, over SMTP.

``smtp://USER:PASSWORD@HOST:587`` uses STARTTLS, ``smtps://…:465`` is TLS from the beginning.
``Message-ID`` is the same for the same alerts.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from factbook.errors import ChannelRefused, ChannelUnavailable, ConfigurationError
from factbook.watch.channels.contract import Channel, Digest
from factbook.watch.channels.trouble import reason_of

_PORTS = {"smtp": 587, "smtps": 465}
_TIMEOUT_SECONDS = 15.0
_UNFOLDED = SMTP.clone(max_line_length=998)
"""A subject that is folded before its first word comes out with a space in front."""

_STARTTLS = ("required", "never")


class EmailChannel(Channel):
    """Sends mail. Options: ``from``, ``to`` (an address or a list), ``starttls``: ``required`` (default) or ``never``."""

    takes: ClassVar[frozenset[str]] = frozenset({"from", "to", "starttls"})

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        super().__init__(url, options)
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise ConfigurationError("Its url is no mail server", fix="Write for example smtp://user@mail.example.org:587") from None
        if parts.scheme not in _PORTS or not self._host:
            raise ConfigurationError("Its url is no mail server", fix="Write for example smtp://user@mail.example.org:587")
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._is_tls = parts.scheme == "smtps"
        self._starttls: Literal["required", "never"] = options.get("starttls", "required")
        if self._starttls not in _STARTTLS:
            raise ConfigurationError("starttls is neither required nor never", fix="Correct it, or leave it out")
        if self._user and self._starttls == "never" and not self._is_tls:
            raise ConfigurationError("A password would travel in the clear", fix="Leave starttls out, or use smtps://")
        self._from = _addresses(options.get("from"), "from")[0]
        self._to = _addresses(options.get("to"), "to")

    def send(self, digest: Digest) -> None:
        message = self._message(digest)
        try:
            with self._server() as server:
                if not self._is_tls and self._starttls == "required":
                    server.starttls(context=ssl.create_default_context())
                if self._user:
                    server.login(self._user, self._password)
                server.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise _translated(error) from None

    def _server(self) -> smtplib.SMTP:
        if self._is_tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_SECONDS)

    def _message(self, digest: Digest) -> EmailMessage:
        message = EmailMessage(policy=_UNFOLDED)
        message["Subject"] = digest.subject
        message["From"] = self._from
        message["To"] = ", ".join(self._to)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{digest.id}@factbook>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(digest.text)
        return message


def _translated(error: Exception) -> ChannelRefused | ChannelUnavailable:
    """Return what a failed mail means: a code of 5xx is a refusal (RFC 5321, 4.2.1), everything else may pass."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max((code for code, _ in error.recipients.values()), default=0)
    else:
        code = getattr(error, "smtp_code", 0)
    fix = "Correct the channel's url, from or to in the rules file"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ChannelRefused("The mail server refused", why="it cannot do what is asked of it, STARTTLS or the login", fix=fix)
    if isinstance(code, int) and 500 <= code < 600:
        return ChannelRefused("The mail server refused", why=f"it answered {code}", fix=fix)
    return ChannelUnavailable("The mail server did not take it", why=f"it answered {code}" if code and code > 0 else reason_of(error))


def _addresses(value: Any, name: str) -> list[str]:
    found = [value] if isinstance(value, str) else value
    is_good = isinstance(found, list) and found and all(isinstance(item, str) and "@" in item and item.isprintable() for item in found)
    if not is_good:
        raise ConfigurationError(f"The option {name} holds no address", fix=f"Write for example {name}: data@example.org")
    return list(found)
