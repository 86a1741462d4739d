"""``/lineage…``, ``/register_lineage``, ``/analytics/lineage-stats``. Names are the rest of the path, for they may hold slashes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import LineageReader, LineageWriter, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AsOf, Cursor, Limit, Producer
from factbook.lineage.entries import MAX_OFFSET
from factbook.lineage.model import (
    Breaks,
    Closure,
    LineageEntry,
    LineageEntryPage,
    LineageOrigin,
    LineageStats,
    LineageType,
    Neighbourhood,
    NodeKind,
    Paths,
)
from factbook.lineage.paths import MAX_PATHS
from factbook.lineage.reading import DEFAULT_DEPTH, DEFAULT_PATHS
from factbook.lineage.registering import LineageRemoval, NewLineage
from factbook.lineage.view import View
from factbook.lineage.walking import MAX_DEPTH

router = APIRouter(tags=["lineage"])

_Name = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00]*$")]
NodePath = Annotated[_Name, Path(description="A product, SOURCE.SCHEMA.TABLE, ….COLUMN, or a dataset as answers show it.")]
Node = Annotated[_Name, Query(description="A product, SOURCE.SCHEMA.TABLE, or a dataset as answers show it.")]
AnyNode = Annotated[_Name | None, Query(description="Only entries of this product, SOURCE.SCHEMA.TABLE, or dataset as answers show it.")]
Depth = Annotated[int, Query(ge=1, le=MAX_DEPTH, description="Steps at most.")]
Types = Annotated[list[LineageType] | None, Query(alias="lineage_type", max_length=3, description="Only edges of these types.")]
Origins = Annotated[list[LineageOrigin] | None, Query(alias="origin", max_length=7, description="Only edges known from there.")]
NodeKinds = Annotated[list[NodeKind] | None, Query(alias="kind", max_length=3, description="Show only nodes of these sorts.")]
Columns = Annotated[bool, Query(description="Follow columns: all that a table has. For a column it is always so.")]
Gone = Annotated[bool, Query(description="Also what was not confirmed for LINEAGE_GONE_DAYS.")]


async def _view(
    as_of: AsOf = None,
    include_gone: Gone = False,
    lineage_type: Types = None,
    origin: Origins = None,
) -> View:
    return View(as_of=as_of, include_gone=include_gone, types=lineage_type or (), origins=origin or ())


Looking = Annotated[View, Depends(_view)]


@router.post(
    "/register_lineage",
    openapi_extra=takes(NewLineage),
    responses=described(LineageEntry, "The entry, as it is kept.", errors=(409, 422, *WRITE_ERRORS)),
)
def register_lineage(request: Request, rooms: LineageWriter, body: Annotated[NewLineage, json_body(NewLineage)]) -> Response:
    """Say that one product, table or dataset is made from another. The identical entry again changes nothing."""
    asking(request).subject = body.target
    return answers.json(rooms.lineage_by_hand.register(body, by=asking(request).principal.title))


@router.get("/lineage", responses=described(LineageEntryPage, "Entries in the order in which they were learnt.", errors=(404,)))
def list_lineage(
    rooms: LineageReader,
    view: Looking,
    source: AnyNode = None,
    target: AnyNode = None,
    producer_id: Producer = None,
    limit: Limit = LIMIT,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Entries to leave out before the page; `cursor` is better.")] = 0,
    cursor: Cursor = None,
) -> Response:
    """List entries, whoever told them: source, target, type, confidence, and since when."""
    return answers.json(
        rooms.lineage.entries(source=source, target=target, producer_id=producer_id, view=view, limit=limit, offset=offset, cursor=cursor)
    )


@router.delete("/lineage", responses=described(LineageRemoval, "How many entries were taken back.", errors=(404,)))
def remove_lineage(request: Request, rooms: LineageWriter, source: Node, target: Node) -> Response:
    """Take back what was registered by hand between two names, whoever did. Its past stays."""
    asking(request).subject = target
    return answers.json(rooms.lineage_by_hand.remove(source, target))


@router.get("/lineage/upstream/{name:path}", responses=described(Closure, "What it is made from, nearest first.", errors=(404,)))
def upstream(
    rooms: LineageReader,
    view: Looking,
    name: NodePath,
    depth: Depth = DEFAULT_DEPTH,
    columns: Columns = False,
    kind: NodeKinds = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Show what a product, table, dataset or column is made from."""
    return answers.json(
        rooms.lineage.closure(name, "upstream", columns=columns, kinds=kind or (), view=view, depth=depth, limit=limit, cursor=cursor)
    )


@router.get("/lineage/downstream/{name:path}", responses=described(Closure, "What is made from it, nearest first.", errors=(404,)))
def downstream(
    rooms: LineageReader,
    view: Looking,
    name: NodePath,
    depth: Depth = DEFAULT_DEPTH,
    columns: Columns = False,
    kind: NodeKinds = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Show what is made from a product, table, dataset or column."""
    return answers.json(
        rooms.lineage.closure(name, "downstream", columns=columns, kinds=kind or (), view=view, depth=depth, limit=limit, cursor=cursor)
    )


@router.get("/lineage/neighbours/{name:path}", responses=described(Neighbourhood, "What lies around it, both ways.", errors=(404,)))
def neighbours(rooms: LineageReader, view: Looking, name: NodePath, depth: Annotated[int, Query(ge=1, le=5)] = 1) -> Response:
    """Show a node with what lies around it and the edges between, for drawing."""
    return answers.json(rooms.lineage.neighbours(name, depth, view=view))


@router.get("/lineage/paths", responses=described(Paths, "Ways from source to target, the surest first.", errors=(404,)))
def paths(
    rooms: LineageReader,
    view: Looking,
    source: Node,
    target: Node,
    depth: Depth = DEFAULT_DEPTH,
    limit: Annotated[int, Query(ge=1, le=MAX_PATHS, description="Ways at most.")] = DEFAULT_PATHS,
) -> Response:
    """Show the ways by which data gets from one table to another, or from one column to another."""
    return answers.json(rooms.lineage.paths(source, target, depth=depth, limit=limit, view=view))


@router.get("/lineage/breaks/{name:path}", responses=described(Breaks, "What is hit, nearest first.", errors=(404,)))
def breaks(
    rooms: LineageReader,
    view: Looking,
    name: NodePath,
    depth: Depth = DEFAULT_DEPTH,
    kind: NodeKinds = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Show what breaks if a table or a column goes."""
    return answers.json(rooms.lineage.breaks(name, depth=depth, kinds=kind or (), limit=limit, cursor=cursor, view=view))


@router.get("/analytics/lineage-stats", responses=described(LineageStats, "Lineage in numbers."))
def lineage_stats(rooms: LineageReader, as_of: AsOf = None, include_gone: Gone = False) -> Response:
    """Count lineage: edges by type and origin, average confidence, the most connected, sources without any, what is stale."""
    return answers.json(rooms.lineage.stats(view=View(as_of=as_of, include_gone=include_gone)))
