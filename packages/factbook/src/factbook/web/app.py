"""The application with its pages: the API of :mod:`factbook.api.app` and, below ``/ui``, everything of :mod:`factbook.web.pages`.

``app`` is built when it is asked for, from the settings in the environment, as the one of the API is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from factbook.api import app as api
from factbook.web.assets import served
from factbook.web.door import Door
from factbook.web.pages import ROUTERS, signing_in

if TYPE_CHECKING:
    from factbook.app import Factbook


def create_app(factbook: Factbook) -> FastAPI:
    """Build the application around a Factbook, as :func:`factbook.api.app.create_app` does, with its pages."""
    app = api.create_app(factbook, pages={"/ui": ROUTERS})
    hall = Starlette(
        routes=[
            Mount("/ui/static", served()),
            Route("/ui/sign-in", signing_in.sign_in, methods=["GET", "POST"]),
            Route("/ui/sign-out", signing_in.sign_out, methods=["POST"]),
        ]
    )
    hall.state.factbook = factbook
    app.add_middleware(Door, factbook=factbook, hall=hall)
    return app


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = api.from_environment(create_app)
    return globals()["app"]
