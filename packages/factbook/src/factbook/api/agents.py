"""``/mcp``: the tools for agents over streamable HTTP, each request for itself.

The library behind it takes a second to load, so it is loaded with the first request. Who asks was found out by the guard; each tool's own
questions pass it again with the same headers from the same address.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from factbook.access import Action
from factbook.access.scopes import Who
from factbook.api.problems import answer
from factbook.errors import FactbookError, MissingExtra, NotFound
from factbook.health import installed_version

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MAX_BODY_BYTES = 1_000_000


class Agents:
    """Serves the tools until :meth:`stop`."""

    def __init__(self, app: ASGIApp, *, enabled: bool) -> None:
        self._app = app
        self._enabled = enabled
        self._starting = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._manager: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if not self._enabled:
                raise NotFound("Tools for agents are off", fix="Set MCP=true on the server")
            manager = await self._started()
        except FactbookError as error:
            await answer(error, path="/mcp", request_id=scope["state"]["request_id"])(scope, receive, send)
            return
        await manager.handle_request(scope, receive, send)

    async def stop(self) -> None:
        """End what runs; requests under way are cancelled."""
        self._stopping.set()
        if self._running is not None:
            await self._running

    async def _started(self) -> Any:
        async with self._starting:
            if self._running is None:
                self._manager = await run_in_threadpool(_manager, self._app)
                ready = asyncio.Event()
                self._running = asyncio.create_task(self._run(ready))
                await ready.wait()
        return self._manager

    async def _run(self, ready: asyncio.Event) -> None:
        # The manager's tasks live and end in one task, whichever request came first.
        async with self._manager.run():
            ready.set()
            await self._stopping.wait()


def _manager(app: ASGIApp) -> Any:
    try:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from factbook.agents import AskHere, build_server
    except ModuleNotFoundError as error:
        raise MissingExtra("Tools for agents cannot be served", "mcp") from error
    server = build_server(AskHere(app), version=installed_version(), may_write=_may_write)
    return StreamableHTTPSessionManager(server, json_response=True, stateless=True, max_request_body_size=MAX_BODY_BYTES)


def _may_write(request: Any) -> bool:
    """Return whether a token, or the key, lets whoever asks write annotations. Somebody on this machine without one reads."""
    principal = request.state.asking.principal
    return principal.who in (Who.TOKEN, Who.KEY) and any(
        principal.namespaces(Action.WRITE, grant.tenant, "annotation") for grant in principal.grants
    )
