"""How a page is declared: once, with its JSON twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import AfterValidator
from starlette.responses import RedirectResponse, Response

from factbook.api.parameters import PathName
from factbook.web.rendering import Done, unescaped
from factbook.web.rendering import path as path_of

Part = Annotated[PathName, AfterValidator(unescaped)]
"""A name as a part of a page's path, written by :func:`~factbook.web.rendering.path`."""

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class Pages(APIRouter):
    """The pages of one module."""

    def page(self, path: str, *, twin: str | None = None) -> Callable[[_Endpoint], _Endpoint]:
        """Declare a page at a path below ``/ui``, and its JSON twin at ``path.json``."""

        def declare(endpoint: _Endpoint) -> _Endpoint:
            self.add_api_route(twin or f"{path}.json", endpoint, methods=["GET"], response_model=None)
            self.add_api_route(path, endpoint, methods=["GET"], response_model=None)
            return endpoint

        return declare

    def action(self, path: str) -> Callable[[_Endpoint], _Endpoint]:
        """Declare what a form does; it answers by leading to a page, or with the page of the form again."""

        def declare(endpoint: _Endpoint) -> _Endpoint:
            self.add_api_route(path, endpoint, methods=["POST"], response_model=None)
            return endpoint

        return declare


def lead_to(*parts: str, done: Done | None = None, **params: str | None) -> Response:
    """Lead to another page, which is then asked for by GET with these parameters, and says what was done; ``None`` is left out."""
    asked = urlencode({name: value for name, value in {**params, "done": done}.items() if value is not None})
    return RedirectResponse(path_of(*parts) + (f"?{asked}" if asked else ""), 303)
