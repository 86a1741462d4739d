"""``/dictionary``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import DictionaryReader
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AnySource, AsOf, Cursor, Limit, Pattern, Search
from factbook.dictionary import DictionaryFilter, DictionaryPage

router = APIRouter(tags=["dictionary"])

Flag = Annotated[bool | None, Query()]


def read_filter(
    source_id: AnySource = None,
    schema: Annotated[Pattern, Query(alias="schema")] = None,
    table: Pattern = None,
    object_type: Annotated[Pattern, Query(description="Only `table`, `view`, …")] = None,
    data_type: Annotated[Pattern, Query(alias="type", description="The data type, or how it begins: `varchar`.")] = None,
    primary_key: Flag = None,
    foreign_key: Flag = None,
    unique: Flag = None,
    nullable: Flag = None,
    search: Search = None,
    include_removed: Annotated[bool, Query(description="Show columns that are gone, too.")] = False,
) -> DictionaryFilter:
    """Return what rows are asked for: every parameter is a field of the filter."""
    return DictionaryFilter(**locals())


@router.get("/dictionary", responses=described(DictionaryPage, "Rows by source, schema, table and position."))
def list_dictionary(
    rooms: DictionaryReader,
    wanted: Annotated[DictionaryFilter, Depends(read_filter)],
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Response:
    """List the data dictionary, one row per column per object, as it is or as it was at a moment."""
    return answers.json(rooms.dictionary.page(wanted, limit=limit, cursor=cursor, as_of=as_of))
