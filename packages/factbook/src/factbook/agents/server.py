"""The server that speaks the Model Context Protocol, over whatever transport the face gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from mcp.server.lowlevel import Server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, ToolAnnotations
from mcp_types import Tool as Offered

from factbook.agents.asking import FORWARDED, Ask, Caller
from factbook.agents.reading import READING
from factbook.agents.tools import Tool, tool
from factbook.agents.writing import WRITING
from factbook_sdk.errors import FactbookError, InvalidRequest

INSTRUCTIONS = """Factbook keeps facts about databases: structures, measurements, lineage, quality, owners, data products.
Start with list_sources or search. Answers are JSON within max_tokens. `more` with `next_cursor` says that a list goes on; `cut` names what
was shortened; `problem` says what was refused or is not known, and what to do. Most answers can be had as of an earlier moment."""

MayWrite = Callable[[Any], bool]
"""Whether whoever sent an HTTP request (``None`` over standard input) is offered the tools that write."""

TOOLS: dict[str, Tool] = {made.name: made for made in (*(tool(work) for work in READING), *(tool(work, writes=True) for work in WRITING))}


def build_server(ask: Ask, *, version: str, may_write: MayWrite) -> Server[Any]:
    """Build the server. Tools that write are shown to nobody else than those who may use them."""

    def offered(request: Any) -> dict[str, Tool]:
        writes = may_write(request)
        return {name: made for name, made in TOOLS.items() if writes or not made.writes}

    async def list_tools(ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_described(made) for made in offered(ctx.request).values()])

    async def call_tool(ctx: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            chosen = offered(ctx.request).get(params.name)
            if chosen is None:
                raise InvalidRequest(f"There is no tool {params.name!r} for you", fix="List the tools")
            answer = await chosen.run(ask, caller_of(ctx.request), params.arguments or {})
        except FactbookError as error:
            told = {name: text for name in ("what", "why", "fix") if (text := getattr(error, name, None))}
            answer = {"problem": told}
        return CallToolResult(
            content=[TextContent(type="text", text=msgspec.json.encode(answer).decode())],
            is_error="problem" in answer,
        )

    return Server("factbook", version=version, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def _described(made: Tool) -> Offered:
    annotations = ToolAnnotations(read_only_hint=not made.writes, destructive_hint=False, open_world_hint=False)
    return Offered(name=made.name, description=made.description, input_schema=made.input_schema, annotations=annotations)


def caller_of(request: Any) -> Caller:
    """Return who sent a request over HTTP; over standard input it is somebody on this machine."""
    if request is None:
        return Caller()
    address = (request.client.host, request.client.port) if request.client else ("", 0)
    return Caller(address, {name: request.headers[name] for name in FORWARDED if name in request.headers})
