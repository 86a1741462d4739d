"""``factbook mcp``: tools for agents over standard input and output, or over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.serve import Port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from factbook.agents import Ask
    from factbook.settings import Settings


def mcp(
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Ask the service there, with SERVICE_TOKEN; without it, the store of this machine."),
    ] = None,
    allow_write: Annotated[bool, typer.Option("--allow-write", help="Offer the tools that write suggestions, too.")] = False,
    http: Annotated[bool, typer.Option("--http", help="Run the server instead, which has the tools at /mcp.")] = False,
    port: Port = None,
) -> None:
    """Give agents tools to search, describe, compare and follow lineage (Model Context Protocol).

    An agent's program starts this command and speaks with it over standard input and output. `factbook serve` has the same tools at
    /mcp, where a token says what an agent may see and whether it may write.
    """
    if http:
        from factbook.cli.serve import serve

        serve(port=port)
        return
    import asyncio

    from factbook.settings import load_settings

    asyncio.run(_speak(load_settings(), url, allow_write=allow_write))


async def _speak(settings: Settings, url: str | None, *, allow_write: bool) -> None:
    from factbook.errors import MissingExtra

    try:
        from mcp.server.stdio import stdio_server
    except ModuleNotFoundError as error:
        raise MissingExtra("Tools for agents cannot be served", "mcp") from error
    from factbook.agents import AskThere, build_server
    from factbook.health import installed_version

    async def speak(ask: Ask) -> None:
        server = build_server(ask, version=installed_version(), may_write=lambda _: allow_write)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    if url is not None:
        await speak(AskThere(url, settings.service_token or None))
    else:
        await _speak_here(settings, speak)


async def _speak_here(settings: Settings, speak: Callable[[Ask], Awaitable[None]]) -> None:
    """Speak for the store of this machine: its application runs in this process, without a port and without background work."""
    from factbook.agents import AskHere
    from factbook.api.app import create_app
    from factbook.app import Factbook
    from factbook.log import configure_logging

    # Standard output belongs to the protocol.
    configure_logging("CRITICAL")
    app = create_app(Factbook(settings), works=False)
    async with app.router.lifespan_context(app):
        await speak(AskHere(app, key=settings.api_key))
