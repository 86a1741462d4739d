"""Routes that take the request as it is.

What FastAPI does to find and check parameters costs more than all the rest of a small request, so the hottest routes read theirs
themselves and describe them for the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import close_undeclared
from factbook.errors import InvalidRequest

_FLAGS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


class Direct(APIRoute):
    """A route whose endpoint is ``async def endpoint(request: Request) -> Response``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            # FastAPI's own handler would do this as a dependency.
            await close_undeclared(request)
            return await endpoint(request)

        return handle


def flag(request: Request, name: str) -> bool:
    """Return a boolean parameter of the query, false if it is not there."""
    text = request.query_params.get(name, "false")
    if text.lower() not in _FLAGS:
        raise InvalidRequest(f"{name} is wrong", why=f"{text[:40]!r} is no boolean", fix=f"Write {name}=true or {name}=false", field=name)
    return _FLAGS[text.lower()]


def flag_parameter(name: str, description: str) -> dict[str, Any]:
    """Describe a boolean parameter of the query."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": {"type": "boolean", "default": False, "title": name.title(), "description": description},
        "description": description,
    }
