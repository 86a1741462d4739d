"""``/diff``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import DiffReader, DiffWriter, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AnySource, Cursor, Limit, MapSchemas, Moment, PathName, Patterns
from factbook.api.schemas import DiffWish
from factbook.diff import Aspect, DiffPage, Wanted, page_of, parse_mapping, place_of

router = APIRouter(tags=["diff"])

Aspects = Annotated[list[Aspect] | None, Query(alias="aspect", description="Only changes in these respects.")]


@router.get("/diff/{source_id}", responses=described(DiffPage, "Changes, the worst first.", errors=(404,)))
def compare(
    rooms: DiffReader,
    source_id: PathName,
    before: Annotated[Moment, Query(alias="from")] = None,
    after: Annotated[Moment, Query(alias="to")] = None,
    other: Annotated[AnySource, Query(alias="with", description="Compare with this source instead of an earlier moment.")] = None,
    map_schema: MapSchemas = None,
    table: Patterns = None,
    aspect: Aspects = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Say what changed between two moments of a source, or what differs from another source. Without `from` and `to`: the last change."""
    wanted, place = Wanted(tuple(table or ()), tuple(aspect or ())), place_of(cursor, before, after)
    found = rooms.diffs.compare(source_id, place.before, place.after, other=other, mapping=parse_mapping(map_schema or ()), wanted=wanted)
    return answers.json(page_of(found, index=place.index, limit=limit))


@router.post(
    "/diff",
    responses=described(DiffPage, "Changes, the worst first, and what became of the facts.", errors=(404, *WRITE_ERRORS)),
    openapi_extra=takes(DiffWish),
)
def compare_and_store(request: Request, rooms: DiffWriter, asked: Annotated[DiffWish, json_body(DiffWish)]) -> Response:
    """Compare and store what differs as `catalog_diff` facts; or compare a source with a catalogue that is sent along."""
    asking(request).subject = asked.source_id
    found, stored = rooms.diffs.fulfil(**asked.options())
    page = page_of(found, limit=asked.limit)
    return answers.json(msgspec.structs.replace(page, stored=stored))
