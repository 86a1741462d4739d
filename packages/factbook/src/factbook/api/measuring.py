"""Count requests and how long they took to begin to answer, by route and status."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Histogram

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER = "other"
"""The label of what is no route of ours: anybody can ask for any path."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0)


def request_histogram(registry: CollectorRegistry) -> Histogram:
    """Make the histogram of one application."""
    text = "Time until a request began to be answered; a long poll waits by its own wish."
    return Histogram("factbook_http_request_seconds", text, ("method", "route", "status"), registry=registry, buckets=_BUCKETS)


class Measuring:
    """A layer that costs some microseconds a request (``bench/bus.py``)."""

    def __init__(self, app: ASGIApp, histogram: Histogram) -> None:
        self._app = app
        self._histogram = histogram
        self._children: dict[tuple[str, str, int], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._observe(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_measured)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", OTHER)
        key = scope["method"], route, status
        child = self._children.get(key)
        if child is None:
            method = scope["method"] if scope["method"] in _METHODS else OTHER
            child = self._histogram.labels(method, route, str(status))
            if method != OTHER:
                self._children[key] = child
        child.observe(seconds)
