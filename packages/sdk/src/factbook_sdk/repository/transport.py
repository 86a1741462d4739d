"""Requests to a Factbook service: one at a time, each answered by bytes or by one of the SDK's errors. Nothing is tried again here."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from factbook_sdk.errors import ConfigurationError
from factbook_sdk.repository import failures

if TYPE_CHECKING:
    import httpx2

JSON = "application/json"
NDJSON = "application/x-ndjson"
DEFAULT_TIMEOUT_SECONDS = 30.0

_PACK_FROM_BYTES = 1024
_PACK_LEVEL = 3
"""JSON shrinks to an eighth at this level already; the default takes thrice the time for a tenth less."""

_CONNECT_SECONDS = 10.0


class Transport:
    """A client of one service, safe to use from many threads and after a fork.

    ``token`` is sent as ``Authorization: Bearer`` and never shown. A URL with a user, a query or a fragment is refused.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self.url = _check_url(url)
        self.timeout_seconds = timeout_seconds
        self._authorization = {b"Authorization": f"Bearer {_check_token(token)}".encode()} if token else {}
        self._client = self._connect()
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"Transport({self.url!r})"

    def get(self, path: str, parameters: Mapping[str, Any], *, wait_seconds: float = 0.0) -> bytes:
        """Ask; ``wait_seconds`` is what the service may take beside the usual."""
        return self._request("GET", path, parameters, wait_seconds=wait_seconds)

    def post(self, path: str, body: bytes, content_type: str, parameters: Mapping[str, Any] | None = None, *, pack: bool = False) -> bytes:
        """Send a body, by gzip if ``pack`` says so and it is worth it."""
        headers = {"Content-Type": content_type}
        if pack and len(body) >= _PACK_FROM_BYTES:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, _PACK_LEVEL, mtime=0)
        return self._request("POST", path, parameters or {}, body=body, headers=headers)

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._client.close()

    def _request(self, method: str, path: str, parameters: Mapping[str, Any], *, wait_seconds: float = 0.0, **content: Any) -> bytes:
        import httpx2

        if self._process != os.getpid():
            # Connections of the parent are the parent's: two processes on one would read each other's answers.
            self._client, self._process = self._connect(), os.getpid()
        if "body" in content:
            content["content"] = content.pop("body")
        limits = httpx2.Timeout(self.timeout_seconds + wait_seconds, connect=min(self.timeout_seconds, _CONNECT_SECONDS))
        try:
            answer = self._client.request(method, path, params=parameters, timeout=limits, **content)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise failures.of_exception(error, self.url) from error
        if answer.is_success:
            return answer.content
        raise failures.of_answer(answer.status_code, answer.headers, answer.content, self.url)

    def _connect(self) -> httpx2.Client:
        import httpx2

        headers = {b"User-Agent": b"factbook-sdk", b"Accept": JSON.encode(), **self._authorization}
        return httpx2.Client(base_url=self.url, headers=headers, follow_redirects=False)


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, fits = None, False
    # Neither message shows the URL: it may hold a password.
    if parts is not None and (parts.username is not None or parts.password is not None):
        raise ConfigurationError("The service's URL holds a user", why="it would be shown in messages", fix="Pass a token by token=")
    if parts is None or not fits or parts.query or parts.fragment:
        raise ConfigurationError(
            "That is no URL of a Factbook service", fix="Write http://HOST:PORT or https://HOST, with a path if it has one"
        )
    return url.rstrip("/")


def _check_token(token: str) -> str:
    if not token.isprintable() or " " in token:
        raise ConfigurationError(
            "The token cannot be sent", why="it holds white space or a control character", fix="Pass it as the service shows it"
        )
    return token
