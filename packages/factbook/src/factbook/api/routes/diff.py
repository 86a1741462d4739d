"""``/diff``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import DiffReader, DiffWriter, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import (
    LIMIT,
    AnySource,
    AsOf,
    ChangeKinds,
    ChangeWords,
    Cursor,
    Limit,
    MapSchemas,
    Moment,
    PathName,
    Patterns,
    Severities,
)
from factbook.api.schemas import DiffWish
from factbook.diff import Aspect, Chosen, DiffPage, Wanted, page_of, parse_mapping, place_of, write

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
    severity: Severities = None,
    change: ChangeKinds = None,
    search: ChangeWords = None,
    as_of: AsOf = None,
    form: Annotated[
        Literal["json", "csv", "markdown"], Query(alias="format", description="A page as a document: CSV, or Markdown by table.")
    ] = "json",
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Say what changed between two moments of a source, or what differs from another source. Without `from` and `to`: the last change."""
    wanted, place = Wanted(tuple(table or ()), tuple(aspect or ())), place_of(cursor, before, after)
    mapping = parse_mapping(map_schema or ())
    found = rooms.diffs.compare(source_id, place.before, place.after, other=other, mapping=mapping, wanted=wanted, as_of=as_of)
    chosen = Chosen(tuple(severity or ()), tuple(change or ()), tuple((search or "").split()))
    page = page_of(found, index=place.index, limit=limit, chosen=chosen, by_table=form == "markdown")
    if form == "json":
        return answers.json(page)
    return answers.rows(write(page, form), f"text/{form}; charset=utf-8", next_cursor=page.next_cursor)


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
