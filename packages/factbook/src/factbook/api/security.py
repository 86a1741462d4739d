"""Who may do what, decided before a route is reached. The rules are one pure function, :func:`judge`.

========================  ======================  ================================================
request                   without API_KEY         with API_KEY
========================  ======================  ================================================
read, local               served                  served
read, from elsewhere      403                     needs ``Authorization: Bearer``
write, local              served, but 403 when    needs ``Authorization: Bearer``
                          another origin's page
                          sent it
write, from elsewhere     403                     needs ``Authorization: Bearer``
``GET /health``           as any read             served; details only to local requests or the key
========================  ======================  ================================================

*Local* means: the client's address is loopback, the ``Host`` header names loopback (so that a page which points its own domain name at
127.0.0.1 stays outside), and no proxy says that it forwards for somebody. A body must say that it is JSON, which a plain web form cannot.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers

from factbook.api import problems
from factbook.api.problems import KeyRequired, NotAllowed, UnsupportedBody
from factbook.errors import ConfigurationError, FactbookError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from factbook.settings import Settings

BODY_TYPES = ("application/json", "application/x-ndjson")
HEALTH_PATHS = frozenset({"/health", "/api/v1/health"})
QUESTIONS = frozenset({"/records/latest", "/records/query", "/api/v1/records/latest", "/api/v1/records/query"})
"""Where a POST is a question too long for a URL: it changes nothing, so it is a read."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at. ``client`` is the peer's address, ``None`` on a Unix socket; ``key`` what followed ``Bearer``."""

    method: str
    path: str
    client: str | None
    host: str | None
    origin: str | None = None
    key: str | None = None
    is_forwarded: bool = False
    has_body: bool = False
    content_type: str | None = None

    @property
    def is_local(self) -> bool:
        return not self.is_forwarded and is_loopback(self.client or "") and is_loopback(_host_name(self.host))

    @property
    def is_write(self) -> bool:
        return self.method not in _SAFE_METHODS and not (self.method == "POST" and self.path in QUESTIONS)


def judge(caller: Caller, api_key: str) -> FactbookError | None:
    """Return why the request is refused, ``None`` if it may pass."""
    refusal = _judge_with_key(caller, api_key) if api_key else _judge_without_key(caller)
    if refusal is None and caller.method not in _SAFE_METHODS and caller.has_body and caller.content_type not in BODY_TYPES:
        return UnsupportedBody(
            f"A body of type {caller.content_type or '(none named)'} is not taken",
            why=f"only {' and '.join(BODY_TYPES)} are",
            fix="Send the header Content-Type: application/json",
        )
    return refusal


def _judge_without_key(caller: Caller) -> FactbookError | None:
    if not caller.is_local:
        return NotAllowed(
            "Without an API key only requests from this machine are served",
            why="the client's address or the Host header is not loopback, or a proxy forwarded the request",
            fix="Set API_KEY on the server and send it as Authorization: Bearer …, or call http://localhost from the server itself",
        )
    if caller.is_write and caller.origin is not None and not _is_same_origin(caller.origin, caller.host or ""):
        return NotAllowed(
            "A web page of another origin may not write",
            why=f"Origin is {caller.origin} and Host is {caller.host}",
            fix="Send the request without a browser, or from the server's own pages",
        )
    return None


def _judge_with_key(caller: Caller, api_key: str) -> FactbookError | None:
    if not caller.is_write and (caller.is_local or caller.path in HEALTH_PATHS):
        return None
    if knows_key(caller, api_key):
        return None
    return KeyRequired(
        "The API key is missing" if caller.key is None else "The API key is wrong",
        why="writes need it from everywhere, reads from everywhere but this machine",
        fix="Send the header Authorization: Bearer API_KEY",
    )


def knows_key(caller: Caller, api_key: str) -> bool:
    """Return whether the request carries the key; takes the same time for every wrong one."""
    return caller.key is not None and hmac.compare_digest(
        caller.key.encode("utf-8", "surrogateescape"), api_key.encode("utf-8", "surrogateescape")
    )


def sees_details(caller: Caller, api_key: str) -> bool:
    """Return whether ``/health`` may tell this caller more than its status."""
    return caller.is_local or (bool(api_key) and knows_key(caller, api_key))


def check_listening(settings: Settings) -> None:
    """Refuse to listen beyond this machine without a key; raises :class:`ConfigurationError`."""
    if not settings.api_key and not is_loopback(settings.host):
        raise ConfigurationError(
            f"The server does not listen on {settings.host} without API_KEY",
            why="anybody who reaches that address could read and write",
            fix='Set API_KEY (python -c "import secrets; print(secrets.token_urlsafe(32))" makes one), or HOST=127.0.0.1',
        )


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """Return whether an address or host name is this machine's loopback."""
    if address.lower().rstrip(".") == "localhost":
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def caller_of(scope: Scope) -> Caller:
    """Read from a request what the rules look at."""
    headers = Headers(scope=scope)
    client = scope.get("client")
    scheme, _, key = headers.get("authorization", "").partition(" ")
    hosts = headers.getlist("host")
    return Caller(
        method=scope["method"],
        path=scope["path"],
        client=client[0] if client else None,
        host=hosts[0] if len(hosts) == 1 else None,
        origin=headers.get("origin"),
        key=_header_text(key.strip()) if scheme.lower() == "bearer" else None,
        is_forwarded=any(name in headers for name in _FORWARDING),
        has_body=headers.get("content-length", "0") != "0" or "transfer-encoding" in headers,
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower() or None,
    )


class Guard:
    """Turn away what :func:`judge` refuses, before anything of the body is read."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._api_key = api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        refusal = judge(caller, self._api_key)
        scope["state"]["sees_details"] = sees_details(caller, self._api_key)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await problems.answer(refusal, path=scope["path"], request_id=scope["state"]["request_id"])(scope, receive, send)


def _header_text(value: str) -> str:
    """Undo the server's reading of header bytes as Latin-1, so that a key may hold any character."""
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


@lru_cache(maxsize=1024)
def _host_name(host: str | None) -> str:
    """Return the name in a Host header, without its port; empty if there is none."""
    return _split(f"//{host}")[0] if host else ""


def _is_same_origin(origin: str, host: str) -> bool:
    """Return whether a page of this origin came from the host the request goes to: same name and same port."""
    scheme = origin.partition("://")[0].lower()
    default = {"http": 80, "https": 443}.get(scheme)
    name, port = _split(origin)
    host_name, host_port = _split(f"//{host}")
    return default is not None and bool(name) and name == host_name and (port or default) == (host_port or default)


def _split(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        plain = parts.username is None and not parts.path and not parts.query and not parts.fragment
        return ((parts.hostname or "").lower(), parts.port) if plain else ("", None)
    except ValueError:
        return "", None
