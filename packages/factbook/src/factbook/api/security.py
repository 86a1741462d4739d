"""Who asks, and whether it may pass, decided before a route is reached. The rules are one pure function, :func:`judge`.

========================  ======================  ================================================
request                   without API_KEY         with API_KEY
========================  ======================  ================================================
with a good token         served within its       served within its grants
                          grants
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

A server that listens beyond this machine without API_KEY, because there are admin tokens, asks others for a token (401) where the left
column says 403, and tells them whether it is healthy. A token that is not good is refused (401) from everywhere, whatever else would let
the request pass. Without token and key a local request sees the server's own tenant.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool

from factbook.access import Action, Principal
from factbook.access.audit import Deed
from factbook.access.scopes import EVERYTHING, Who, of_key, of_nobody, of_this_machine
from factbook.access.tokens import PREFIX
from factbook.api import problems
from factbook.api.access import Asking
from factbook.api.problems import UnsupportedBody
from factbook.errors import ConfigurationError, FactbookError, KeyRequired, NotAllowed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from factbook.app import Factbook
    from factbook.settings import Settings

BODY_TYPES = ("application/json", "application/x-ndjson", "application/yaml")
HEALTH_PATHS = frozenset({"/health", "/api/v1/health"})
QUESTIONS = frozenset({"/records/latest", "/records/query", "/api/v1/records/latest", "/api/v1/records/query", "/mcp"})
"""Where a POST is a question too long for a URL: it changes nothing, so it is a read. What a tool of
``/mcp`` writes is judged by itself."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDING = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})


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


def judge(caller: Caller, api_key: str, *, has_token: bool = False, listens_beyond: bool = False) -> FactbookError | None:
    """Return why the request is refused, ``None`` if it may pass.

    ``has_token`` is whether it came with a token that was found good, ``listens_beyond`` whether others can reach this server.
    """
    refusal: FactbookError | None = None
    if not has_token:
        is_asked_for = bool(api_key) or (listens_beyond and not caller.is_local)
        refusal = _judge_with_key(caller, api_key) if is_asked_for else _judge_without_key(caller)
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
            fix="Send a token as Authorization: Bearer …, set API_KEY on the server and send that, or call http://localhost there",
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
        "The API key or a token is missing" if caller.key is None else "The API key is wrong",
        why="writes need one from everywhere, reads from everywhere but this machine",
        fix="Send the header Authorization: Bearer API_KEY, or a token in its place",
    )


def knows_key(caller: Caller, api_key: str) -> bool:
    """Return whether the request carries the key; takes the same time for every wrong one."""
    return (
        bool(api_key)
        and caller.key is not None
        and hmac.compare_digest(caller.key.encode("utf-8", "surrogateescape"), api_key.encode("utf-8", "surrogateescape"))
    )


def check_listening(settings: Settings, has_admin_token: Callable[[], bool] = lambda: False) -> None:
    """Refuse to listen beyond this machine without a key or an admin's token; raises :class:`ConfigurationError`."""
    if not settings.api_key and not is_loopback(settings.host) and not has_admin_token():
        raise ConfigurationError(
            f"The server does not listen on {settings.host} without API_KEY or an admin token",
            why="anybody who reaches that address could read and write, or nobody could",
            fix='Set API_KEY (python -c "import secrets; print(secrets.token_urlsafe(32))" makes one), make a token '
            "(factbook tokens create NAME --admin), or set HOST=127.0.0.1",
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
    """Read from a request what the rules look at, in one pass: every request pays for this."""
    fields: dict[bytes, bytes] = {}
    hosts = 0
    for name, value in scope["headers"]:
        hosts += name == b"host"
        fields.setdefault(name, value)
    client = scope.get("client")
    scheme, _, key = fields.get(b"authorization", b"").partition(b" ")
    content_type = fields.get(b"content-type")
    return Caller(
        method=scope["method"],
        path=scope["path"],
        client=client[0] if client else None,
        host=fields[b"host"].decode("latin-1") if hosts == 1 else None,
        origin=fields[b"origin"].decode("latin-1") if b"origin" in fields else None,
        # A key may hold any character.
        key=key.strip().decode("utf-8", "surrogateescape") if scheme.lower() == b"bearer" else None,
        is_forwarded=not _FORWARDING.isdisjoint(fields),
        has_body=fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields,
        content_type=(content_type.partition(b";")[0].strip().lower().decode("latin-1") or None) if content_type else None,
    )


class Guard:
    """Find out who asks, turn away what :func:`judge` refuses before anything of the body is read, and note afterwards what was done."""

    def __init__(self, app: ASGIApp, factbook: Factbook) -> None:
        settings = factbook.settings
        self._app = app
        self._factbook = factbook
        self._api_key = settings.api_key
        self._listens_beyond = not is_loopback(settings.host)
        self._local = of_this_machine(settings.tenant, may_write=not settings.api_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        asked = Asking()
        scope["state"]["asking"] = asked
        status = 500

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            asked.principal = await self._who(caller)
            if asked.principal.who is Who.TOKEN and caller.key is not None:
                asked.renew = partial(self._factbook.doorkeeper.check, caller.key)
            refusal = judge(caller, self._api_key, has_token=asked.principal.who is Who.TOKEN, listens_beyond=self._listens_beyond)
        except FactbookError as error:
            refusal = error
        try:
            if refusal is None:
                await self._app(scope, receive, send_noting)
            else:
                await problems.answer(refusal, path=scope["path"], request_id=scope["state"]["request_id"])(scope, receive, send_noting)
        finally:
            self._note(scope, caller, asked, status)

    async def _who(self, caller: Caller) -> Principal:
        """Return who asks; raises :class:`KeyRequired` for a token that is not good."""
        if knows_key(caller, self._api_key):
            return of_key()
        if caller.key is not None and caller.key.startswith(PREFIX):
            doorkeeper = self._factbook.doorkeeper
            known = doorkeeper.recall(caller.key)
            return known if known is not None else await run_in_threadpool(doorkeeper.look_up, caller.key)
        return self._local if caller.is_local else of_nobody()

    def _note(self, scope: Scope, caller: Caller, asked: Asking, status: int) -> None:
        """Leave a trace of what somebody did who can be told, or of who was turned away."""
        action = asked.action or (Action.WRITE if caller.is_write else Action.READ)
        settings = self._factbook.settings
        if asked.principal.who is Who.LOCAL or not (settings.audit_reads if action is Action.READ else settings.audit_writes):
            return
        outcome: Literal["done", "refused", "failed"] = "done" if status < 400 else "refused" if status < 500 else "failed"
        route = scope.get("route")
        # Who is refused leaves a trace at home, and none with the tenant that was named: anybody can name one.
        concerned = asked.tenant if outcome != "refused" and asked.tenant != EVERYTHING else None
        tenants = asked.tally.by_tenant or {concerned or asked.principal.only_tenant or settings.tenant: {}}
        for tenant, counts in tenants.items():
            deed = Deed(
                tenant=tenant,
                principal=asked.principal,
                action=action,
                outcome=outcome,
                route=None if route is None else f"{caller.method} {route.path}",
                subject=asked.subject,
            )
            self._factbook.audit_trail.note(deed, request_id=scope["state"]["request_id"], counts=counts)


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
