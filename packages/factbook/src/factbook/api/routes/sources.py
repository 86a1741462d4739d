"""``/sources``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import SourceReader, SourceTester, TenantAdmin, asking, check_connecting
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, Limit, PathName
from factbook.api.schemas import NewSource, SourcePage, page_of
from factbook.sources.connections import Connection
from factbook.sources.contract import Probe

router = APIRouter(tags=["sources"])


@router.get("/sources", responses=described(SourcePage, "Sources by id, without secrets."))
def list_sources(rooms: SourceReader, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """List the registered sources."""
    return answers.json(SourcePage(*page_of(rooms.connections.list(), lambda item: item.source_id, limit=limit, cursor=cursor)))


@router.post(
    "/sources",
    status_code=201,
    responses=described(Connection, "The source, without its password.", status=201, errors=WRITE_ERRORS),
    openapi_extra=takes(NewSource),
)
def add_source(request: Request, rooms: TenantAdmin, new: Annotated[NewSource, json_body(NewSource)]) -> Response:
    """Register a source, or change how a registered one is reached. Nothing is connected to."""
    check_connecting(request, rooms)
    asking(request).subject = new.source_id
    source = rooms.connections.add(new.source_id, new.url, password=new.password)
    return answers.json(source, status=201, location=answers.under_same_prefix(request, f"/sources/{source.source_id}"))


@router.get("/sources/{source_id}", responses=described(Connection, "The source, without its password.", errors=(404,)))
def show_source(rooms: SourceReader, source_id: PathName) -> Response:
    """Show one source."""
    return answers.json(rooms.connections.get(source_id))


@router.delete(
    "/sources/{source_id}", status_code=204, responses=described(None, "It is forgotten; its facts stay.", status=204, errors=(404, 415))
)
def remove_source(request: Request, rooms: TenantAdmin, source_id: PathName) -> Response:
    """Forget how a source is reached."""
    asking(request).subject = source_id
    rooms.connections.remove(source_id)
    return answers.no_content()


@router.post("/sources/{source_id}/test", responses=described(Probe, "What answered.", errors=(404, 415, 501, 502, 504)))
def test_source(rooms: SourceTester, source_id: PathName) -> Response:
    """Connect to a source and say what answers."""
    return answers.json(rooms.test_source(source_id))
