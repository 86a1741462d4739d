"""``/search``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import Visitor, searchable
from factbook.api.openapi import answers as described
from factbook.api.parameters import AnySource, AsOf, Cursor, SchemaName
from factbook.finding import MAX_FOUND, FindFilter, SearchPage
from factbook.finding.model import FoundIn
from factbook.words import MAX_QUESTION
from factbook_sdk.facts.record import MAX_NAME_LENGTH

router = APIRouter(tags=["search"])

Question = Annotated[
    str,
    StringConstraints(max_length=MAX_QUESTION),
    Query(description=f"Words, or their beginnings, that all occur; {MAX_QUESTION} characters at most."),
]
_Value = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]


def read_filter(
    thing: Annotated[
        _Value | None, Query(description="Only `table`, `view` …, `source`, `schema`, `product`, `domain`, `contract` or `term`.")
    ] = None,
    found_in: Annotated[
        FoundIn | None, Query(description="Only what is found by its name, by its columns, or in what is written or said of it.")
    ] = None,
    source_id: AnySource = None,
    schema: SchemaName = None,
    tag: Annotated[_Value | None, Query(description="Only what has this tag.")] = None,
    classification: Annotated[_Value | None, Query(description="Only what is classified so.")] = None,
    owner: Annotated[_Value | None, Query(description="Only what this owner answers for.")] = None,
    domain: Annotated[_Value | None, Query(description="Only what belongs to this domain.")] = None,
    include_removed: Annotated[bool, Query(description="Find tables and columns that are gone, too.")] = False,
) -> FindFilter:
    """Return what may be found: every parameter is a field of the filter."""
    return FindFilter(**locals())


Wanted = Annotated[FindFilter, Depends(read_filter)]


@router.get("/search", responses=described(SearchPage, "What is found, by rank, with where the words are."))
def search_everything(
    request: Request,
    rooms: Visitor,
    wanted: Wanted,
    search: Question = "",
    limit: Annotated[int, Query(ge=1, le=MAX_FOUND, description="Items at most.")] = 30,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Response:
    """Search tables, columns, comments, products, contracts, terms and what people say, as it is or as it was at a moment."""
    parts = searchable(request, rooms)
    return answers.json(rooms.finder.search(search, wanted, parts=parts, limit=limit, cursor=cursor, as_of=as_of))
