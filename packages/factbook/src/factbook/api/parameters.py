"""Query and path parameters that several routes share, with their bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Header, Path, Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints
from starlette.requests import Request

from factbook.api.bodies import decode
from factbook.diff.payload import ChangeKind
from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.catalog_diff import Severity
from factbook_sdk.facts.record import MAX_NAME_LENGTH, MetadataTarget
from factbook_sdk.repository.contract import DEFAULT_LIMIT, MAX_LIMIT, Targets, Within

if TYPE_CHECKING:
    from factbook.app import Factbook

MAX_OFFSET = 2**63 - 1


_LAST = datetime.max.replace(tzinfo=UTC) - datetime.resolution


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC, the very last as the one before it, so that every moment has a next one; raises :class:`ValueError` where
    that is no moment."""
    try:
        return min(moment.astimezone(UTC), _LAST)
    except OverflowError as error:
        raise ValueError("the moment lies outside the years 1 to 9999") from error


def _factbook(request: Request) -> Any:
    return request.app.state.factbook


# PostgreSQL stores no NUL in text; everything else may be part of somebody's table name.
_NO_NUL = r"^[^\x00]*$"
_Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, pattern=_NO_NUL)]
_Text = Annotated[str, StringConstraints(max_length=4096, pattern=_NO_NUL)]
_Json = Annotated[str, StringConstraints(max_length=16_384, pattern=_NO_NUL)]

House = Annotated["Factbook", Depends(_factbook)]
"""The application behind the face."""

PathName = Annotated[_Name, Path()]
SourceId = Annotated[_Name, Query(description="The source's id.")]
AnySource = Annotated[_Name | None, Query(description="Only this source.")]
JobType = Annotated[_Name | None, Query(description="Only jobs of this type.")]
SomeSources = Annotated[
    list[_Name] | None, Query(alias="source_id", max_length=100, description="Only these sources; all, if none is named.")
]
SchemaName = Annotated[_Name | None, Query(alias="schema", description="The schema's name.")]
TableName = Annotated[_Name | None, Query(alias="table", description="The table's name.")]
TargetExtras = Annotated[
    _Json | None, Query(alias="target_extras", description='What narrows the target further, a JSON object: `{"column":"id"}`.')
]
TenantName = Annotated[_Name | None, Query(description="Whose records; those of the server's own tenant, if none is named.")]
KindName = Annotated[_Name, Query(description="The kind of the records; `/kinds` lists them.")]
Kinds = Annotated[list[_Name] | None, Query(alias="kind", max_length=100, description="Only these kinds.")]
Producer = Annotated[_Name | None, Query(description="Only records of this producer.")]
Pattern = Annotated[_Name | None, Query(description="A name, or a pattern with `*` and `?`.")]
Patterns = Annotated[
    list[_Name] | None,
    Query(alias="table", max_length=100, description="Only these tables: `table` or `schema.table`, with `*` and `?`."),
]
Moment = Annotated[_Name | None, Query(description="A run, a time, `latest`, `previous`, or `-1d`: as the last scan up to then saw it.")]
Severities = Annotated[list[Severity] | None, Query(alias="severity", max_length=4, description="Only changes of these severities.")]
ChangeKinds = Annotated[list[ChangeKind] | None, Query(alias="change", max_length=4, description="Only what was done in these ways.")]
ChangeWords = Annotated[
    _Text | None, Query(alias="search", description="Words that all occur in the name of schema and table, or in the path of the change.")
]
MapSchemas = Annotated[
    list[_Name] | None, Query(max_length=1000, description="`OTHER=OWN`: the other source's schema OTHER is what this one calls OWN.")
]
Binds = Annotated[
    list[_Text] | None,
    Query(alias="bind", max_length=1000, description="`OBJECT=SOURCE.SCHEMA.TABLE`: the table an object of the document is about."),
]
ProductFilterName = Annotated[_Name | None, Query(description="Only products with exactly this.")]
Search = Annotated[_Text | None, Query(description="Words, or their beginnings, that all occur in names and comments.")]
Where = Annotated[
    list[_Text] | None,
    Query(max_length=20, description="Conditions that all must hold, as `payload.row_count<100` or `payload.state in failed,cancelled`."),
]
ExportOptions = Annotated[list[_Text] | None, Query(alias="option", max_length=50, description="Options of the format, as `name=value`.")]
AsOf = Annotated[_Moment | None, Query(description="What was so at this moment, inclusive. A zone is needed: `2026-01-31T12:00:00Z`.")]
Since = Annotated[_Moment | None, Query(description="From this moment on.")]
Until = Annotated[_Moment | None, Query(description="Before this moment.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items at most.")]
Cursor = Annotated[_Text | None, Query(description="`next_cursor` of the page before.")]
AfterOffset = Annotated[int | None, Query(ge=0, le=MAX_OFFSET, description="`next_after_offset` of the page before.")]
LastEventId = Annotated[
    int | None,
    Header(ge=0, le=MAX_OFFSET, description="The id of the last event that a client of the stream has seen; before after_offset."),
]

LIMIT = DEFAULT_LIMIT


def read_target(
    source_id: SourceId, schema: SchemaName = None, table: TableName = None, target_extras: TargetExtras = None
) -> MetadataTarget:
    """Return the one target that the parameters name."""
    extras = decode(target_extras.encode(), dict[str, Any], "target_extras") if target_extras else {}
    return MetadataTarget(source_id, schema, table, extras)


def read_targets(source_id: AnySource = None, schema: SchemaName = None, table: TableName = None) -> Targets | None:
    """Return the targets meant: all, all within a source or schema, or one table."""
    if source_id is None:
        if schema is not None or table is not None:
            raise InvalidRequest("schema and table need source_id", fix="Name the source, too", field="source_id")
        return None
    return Within(source_id, schema) if table is None else [MetadataTarget(source_id, schema, table)]


OneTarget = Annotated[MetadataTarget, Depends(read_target)]
SomeTargets = Annotated[Any, Depends(read_targets)]
