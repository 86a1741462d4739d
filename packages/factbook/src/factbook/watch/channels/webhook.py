"""The channel ``webhook``: one POST a message, a CloudEvent in JSON whose ``data`` are the alerts.

``data`` is ``{"channel": …, "tenant": …, "alerts": [notice, …]}``. With the option ``secret`` the header ``X-Factbook-Signature`` is
``sha256=`` and the HMAC-SHA256 of the body in hex. Redirects are not followed: an alert goes where its owner said and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from factbook.errors import ChannelRefused, ChannelUnavailable, ConfigurationError
from factbook.watch.channels.contract import Channel, Digest
from factbook.watch.channels.trouble import reason_of

EVENT_TYPE = "io.factbook.alerts.v1"
CONTENT_TYPE = "application/cloudevents+json"
SIGNATURE = "X-Factbook-Signature"
DEFAULT_SECONDS = 10.0
MAX_SECONDS = 20.0

_PASSING = frozenset({408, 425, 429})


class WebhookChannel(Channel):
    """Posts to an HTTP address. Options: ``secret``, ``headers`` (a mapping), ``timeout_seconds`` (up to 20)."""

    takes: ClassVar[frozenset[str]] = frozenset({"secret", "headers", "timeout_seconds"})

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        super().__init__(url, options)
        self._parts = _parse(url)
        self._timeout_seconds = _seconds(options.get("timeout_seconds", DEFAULT_SECONDS))
        self._secret = str(options["secret"]).encode() if options.get("secret") else None
        self._headers = _headers(options.get("headers", {}))

    def send(self, digest: Digest) -> None:
        body = msgspec.json.encode(envelope(digest))
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "factbook", **self._headers}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, body)
        connection = self._connection()
        try:
            connection.request("POST", self._path, body, headers)
            with connection.getresponse() as answer:
                status, asked = answer.status, answer.headers.get("Retry-After")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ChannelUnavailable("The webhook did not answer", why=reason_of(error)) from None
        finally:
            connection.close()
        _judge(status, asked)

    @property
    def _path(self) -> str:
        return (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout_seconds)


def envelope(digest: Digest) -> dict[str, Any]:
    """Return the body of a message. Its ``id`` is the same for the same alerts."""
    return {
        "specversion": "1.0",
        "id": digest.id,
        "source": digest.source,
        "type": EVENT_TYPE,
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
        "data": {"channel": digest.channel, "tenant": digest.tenant, "alerts": list(digest.alerts)},
    }


def signature(secret: bytes, body: bytes) -> str:
    """Return what the header of the signature says."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def _judge(status: int, asked: str | None) -> None:
    if 200 <= status < 300:
        return
    if status >= 500 or status in _PASSING:
        raise ChannelUnavailable("The webhook could not take it", why=f"it answered {status}", retry_after_seconds=_retry_after(asked))
    why = f"it answered {status}" + (", and redirects are not followed" if 300 <= status < 400 else "")
    raise ChannelRefused("The webhook refused", why=why, fix="Correct its url, headers or secret in the rules file")


def _retry_after(asked: str | None) -> float | None:
    """Return the seconds of ``Retry-After``, which are a number or a date (RFC 9110, 10.2.3)."""
    if not asked:
        return None
    try:
        if asked.strip().isascii() and asked.strip().isdigit():
            return float(asked)
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        is_good = False
    if not is_good:
        raise ConfigurationError("Its url is no web address", fix="Write for example https://hooks.example.org/…")
    if parts.username or parts.password:
        raise ConfigurationError("Its url holds a user", fix="Write the option headers: {Authorization: …}")
    return parts


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_SECONDS:
        raise ConfigurationError(f"timeout_seconds must be a number over 0 and up to {MAX_SECONDS:g}", fix="Leave it out, or correct it")
    return float(value)


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(item, str) and item.isprintable() for item in (*value, *value.values())):
        raise ConfigurationError("headers must be a mapping of names to texts on one line", fix="Correct it")
    return dict(value)
