"""The FastAPI application. ``python -m uvicorn factbook.api.app:app`` runs this; ``factbook serve`` adds the pages to it.

``app`` is built when it is asked for, from the settings in the environment; importing this module does nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from factbook.api import docs, openapi, problems
from factbook.api.access import close_undeclared
from factbook.api.agents import Agents
from factbook.api.bodies import BodyLimit
from factbook.api.exporting import places
from factbook.api.measuring import Measuring, request_histogram
from factbook.api.routes import LAST, ROUTERS
from factbook.api.security import Guard, check_listening
from factbook.api.tracing import Tracing
from factbook.api.unpacking import Unpacking
from factbook.api.waiting import Followers
from factbook.api.writing import Writing
from factbook.health import installed_version
from factbook.metrics import HouseCollector

if TYPE_CHECKING:
    from factbook.access.clerk import Clerk
    from factbook.app import Factbook
    from factbook.history.nightly import Nightly
    from factbook.jobs.worker import Worker

_DESCRIPTION = """Keeps every fact about your data: scan databases into a dictionary that remembers.

Lists are bounded: `next_cursor` is passed as `cursor`, `next_after_offset` as `after_offset`. Errors are problem details (RFC 9457).
Lists of records come as NDJSON to clients that accept `application/x-ndjson`; the way on then stands in the header `Next-Cursor`
or `Next-After-Offset`. Bodies may be packed (`Content-Encoding: gzip`); MAX_BODY_BYTES bounds them packed and unpacked."""


def create_app(factbook: Factbook, *, works: bool = True, pages: Mapping[str, Sequence[APIRouter]] = MappingProxyType({})) -> FastAPI:
    """Build the application around a Factbook. Its lifespan runs background jobs (unless ``works`` is false), and closes the Factbook at
    its end. ``pages`` are routers of others by the prefix they stand under."""
    app = FastAPI(
        title="Factbook",
        version=installed_version(),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(factbook, works=works),
        default_response_class=Response,
    )
    app.state.factbook = factbook
    app.state.followers = Followers(lambda offset, seconds: factbook.repository.wait_beyond(offset, seconds))
    app.state.writing = Writing(
        lambda: factbook.repository,
        warn=lambda used: factbook.kinds.warnings(used),
        max_requests=factbook.settings.max_pending_writes,
        max_bytes=factbook.settings.max_pending_bytes,
    )
    app.state.exports = places()
    app.state.metrics = CollectorRegistry()
    app.state.metrics.register(HouseCollector(factbook))
    app.state.api_routes = [route for router in (*ROUTERS, LAST) for route in router.routes]
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(close_undeclared)])
        app.include_router(router, prefix="/api/v1", include_in_schema=False, dependencies=[Depends(close_undeclared)])
    app.state.agents = Agents(app, enabled=factbook.settings.mcp)
    app.router.routes.append(Route("/mcp", app.state.agents, include_in_schema=False))
    docs.install(app)
    for prefix, routers in pages.items():
        for router in routers:
            app.include_router(router, prefix=prefix, include_in_schema=False, dependencies=[Depends(close_undeclared)])
    app.include_router(LAST, dependencies=[Depends(close_undeclared)])
    app.include_router(LAST, prefix="/api/v1", include_in_schema=False, dependencies=[Depends(close_undeclared)])
    problems.install(app)
    _install_layers(app, factbook)
    setattr(app, "openapi", lambda: openapi.document(app))  # noqa: B010 - FastAPI's own way to replace it, which mypy takes only so
    return app


def _install_layers(app: FastAPI, factbook: Factbook) -> None:
    """Add what every request passes; the last one added is the first one passed."""
    app.add_middleware(Unpacking, max_bytes=factbook.settings.max_body_bytes)
    app.add_middleware(BodyLimit, max_bytes=factbook.settings.max_body_bytes)
    app.add_middleware(Guard, factbook=factbook)
    app.add_middleware(Tracing)
    app.add_middleware(Measuring, histogram=request_histogram(app.state.metrics))


def _lifespan(factbook: Factbook, *, works: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            worker, clerk, nightly = await run_in_threadpool(_open, factbook, works)
            try:
                yield
            finally:
                await app.state.agents.stop()
                if nightly is not None:
                    await run_in_threadpool(nightly.stop)
                if worker is not None:
                    await run_in_threadpool(worker.stop)
                await run_in_threadpool(app.state.writing.close)
                await run_in_threadpool(clerk.stop)
        finally:
            factbook.close()

    return lifespan


def _open(factbook: Factbook, works: bool) -> tuple[Worker | None, Clerk, Nightly | None]:
    """Open what requests will use, in one thread, before many threads ask for it at once; start what works in the background."""
    _ = factbook.kinds, factbook.audit_trail
    clerk = factbook.clerk()
    clerk.start()
    if works and factbook.has_bus:
        factbook.relay.start()
    if not factbook.has_database:
        return None, clerk, None
    for room in ("connections", "jobs", "dictionary", "scans", "alerts", "lineage", "tokens", "doorkeeper", "history"):
        getattr(factbook, room)
    if not works:
        return None, clerk, None
    worker = factbook.worker()
    worker.start()
    nightly = factbook.nightly()
    if nightly is not None:
        nightly.start()
    if factbook.settings.watches:
        factbook.watcher.start()
    return worker, clerk, nightly


def from_environment(create: Callable[[Factbook], FastAPI]) -> FastAPI:
    """Return the application of a Factbook that is opened by the settings in the environment."""
    from factbook.app import Factbook
    from factbook.log import configure_logging
    from factbook.settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level)
    factbook = Factbook(settings)
    check_listening(settings, factbook.has_admin_token)
    return create(factbook)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = from_environment(create_app)
    return globals()["app"]
