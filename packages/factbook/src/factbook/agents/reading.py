"""The tools that read. Each answers as JSON text within ``max_tokens``, and says when there is more."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from msgspec import Meta

from factbook.agents.answering import Desk, bare, problem, without
from factbook.agents.asking import Question, path_of
from factbook.agents.bounds import shortened

Limit = Annotated[int, Meta(ge=1, le=200, description="Most items of this page.")]
Cursor = Annotated[str | None, Meta(description="`next_cursor` of the page before.")]
Moment = Annotated[str | None, Meta(description="As of this moment (ISO 8601 with a zone); now if missing.")]
SourceId = Annotated[str, Meta(description="Id of a source, as list_sources shows it.")]
Schema = Annotated[str, Meta(description="Schema of the table.")]
Table = Annotated[str, Meta(description="Name of the table or view.")]
Name = Annotated[str, Meta(description="source.schema.table, source.schema.table.column, a product, or a name that lineage showed.")]

_NOISE = ("key", "attributes_hash", "qualified_name", "attributes")
"""Fields of columns that say nothing to an agent."""
_MARKS = ("name_marks", "title_marks")


async def list_sources(desk: Desk, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """List the databases that are known, by the ids that other tools take."""
    return await desk.page("/sources", {"cursor": cursor}, limit, without("has_password"))


async def search(
    desk: Desk,
    words: Annotated[str, Meta(description="Words to look for in names, comments and types.")],
    what: Annotated[Literal["columns", "products", "terms", "everything"], Meta(description="What to search.")] = "columns",
    source_id: Annotated[str | None, Meta(description="Only in this source.")] = None,
    as_of: Moment = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Find columns with their tables, data products, or terms of the glossary; or everything by rank, with where the words are."""
    paths: dict[str, tuple[str, dict[str, Any]]] = {
        "columns": ("/dictionary", {"search": words, "source_id": source_id, "as_of": as_of}),
        "products": ("/products", {"text": words, "as_of": as_of}),
        "terms": ("/glossary", {"text": words, "as_of": as_of}),
        "everything": ("/search", {"search": words, "source_id": source_id, "as_of": as_of}),
    }
    path, params = paths[what]
    noise = {"columns": _NOISE, "everything": _MARKS}.get(what, ())
    return await desk.page(path, params | {"cursor": cursor}, limit, without(*noise))


async def describe_table(
    desk: Desk,
    source_id: SourceId,
    schema: Schema,
    table: Table,
    as_of: Moment = None,
    limit: Limit = 60,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Describe a table: its columns with types, keys and comments, and on the first page what people say, what was measured, its
    quality and its neighbours in the lineage. What is not known, or not allowed to see, is named."""
    params = {"source_id": source_id, "schema": schema, "table": table, "as_of": as_of, "cursor": cursor}
    if cursor is not None:
        return await desk.page("/dictionary", params, limit, without(*_NOISE, "source_id", "schema", "table", "table_comment"))
    whole = desk.room
    desk.room = whole // 2
    columns = await desk.page("/dictionary", params, limit, without(*_NOISE, "source_id", "schema", "table"))
    if "problem" in columns:
        return columns
    place = path_of(source_id, schema, table)
    name = ".".join((source_id, schema, table))
    parts = {
        "said": Question(f"/notes{place}", {"as_of": as_of, "limit": limit}),
        "measured": Question(f"/profile{place}", {"as_of": as_of}),
        "quality": Question(f"/quality{path_of(source_id)}", {"table": f"{schema}.{table}", "as_of": as_of, "limit": 10}),
        "made_from": Question(f"/lineage/upstream{path_of(name)}", {"depth": 1, "limit": 20, "as_of": as_of}),
        "feeds": Question(f"/lineage/downstream{path_of(name)}", {"depth": 1, "limit": 20, "as_of": as_of}),
    }
    answers = await asyncio.gather(*(desk.ask(question) for question in parts.values()))
    result: dict[str, Any] = {"table": name, "columns": columns.pop("items", []), **columns}
    room = whole // 2 // len(parts)
    for part, answer in zip(parts, answers, strict=True):
        document, cut = ({"problem": problem(answer)}, []) if answer.is_problem else shortened(_slim_part(part, answer.document), room)
        result[part] = document
        if cut:
            result[f"{part}_cut"] = cut
    return result


def _slim_part(part: str, document: Any) -> Any:
    if part != "measured" or not isinstance(document, dict):
        return document
    kept = ("name", "null_share", "distinct_count", "distinct_method", "minimum", "maximum", "mean", "is_key_candidate", "suggestions")
    statistics = document.get("statistics") or {}
    columns = [{name: column[name] for name in kept if column.get(name) is not None} for column in statistics.get("columns", ())]
    whole = {name: statistics[name] for name in ("origin", "row_count", "size_bytes", "freshness") if statistics.get(name) is not None}
    return {"measured_at": document.get("measured_at"), **whole, "columns": columns}


async def lineage(
    desk: Desk,
    name: Name,
    direction: Annotated[Literal["upstream", "downstream"], Meta(description="What it is made from, or what is made from it.")],
    depth: Annotated[int, Meta(ge=1, le=20, description="How many steps to go.")] = 3,
    as_of: Moment = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Follow where data comes from or goes to, the nearest first, with distance and confidence."""
    params = {"depth": depth, "as_of": as_of, "cursor": cursor}
    return await desk.page(f"/lineage/{direction}{path_of(name)}", params, limit)


async def impact(desk: Desk, name: Name, as_of: Moment = None, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """Say what breaks if a table or a column goes."""
    return await desk.page(f"/lineage/breaks{path_of(name)}", {"as_of": as_of, "cursor": cursor}, limit)


async def diff(
    desk: Desk,
    source_id: SourceId,
    since: Annotated[str | None, Meta(description="A moment or a run; the scan before the last if missing.")] = None,
    until: Annotated[str | None, Meta(description="A moment or a run; the last scan if missing.")] = None,
    table: Annotated[str | None, Meta(description="Only tables that match this pattern, with *.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Say what changed in a source between two moments, and whom it breaks."""
    params = {"from": since, "to": until, "table": table, "cursor": cursor}
    return await desk.page(f"/diff{path_of(source_id)}", params, limit, lists=("changes", "renames"))


async def quality(
    desk: Desk,
    source_id: SourceId,
    table: Annotated[str | None, Meta(description="Only tables that match this pattern, with *.")] = None,
    as_of: Moment = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Show scores and the last outcome of each quality rule."""
    params = {"table": table, "as_of": as_of, "cursor": cursor}
    return await desk.page(f"/quality{path_of(source_id)}", params, limit)


async def product(
    desk: Desk,
    name: Annotated[str, Meta(description="Name of the data product.")],
    as_of: Moment = None,
) -> dict[str, Any]:
    """Show a data product: owner, schema, version, ports, and whether its tables keep what it declares."""
    return await desk.document(Question(f"/product{path_of(name)}", {"as_of": as_of}), bare)


async def records(
    desk: Desk,
    kind: Annotated[str, Meta(description="Kind of facts, for example schema_snapshot, annotation, lineage.")],
    source_id: Annotated[str | None, Meta(description="Only facts about this source.")] = None,
    schema: Annotated[str | None, Meta(description="Only facts about this schema.")] = None,
    table: Annotated[str | None, Meta(description="Only facts about this table.")] = None,
    since: Annotated[str | None, Meta(description="Only what became true at this moment or later.")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Read raw facts from the log, newest first."""
    params = {"kind": kind, "source_id": source_id, "schema": schema, "table": table, "since": since, "order": "desc", "cursor": cursor}
    return await desk.page("/records/query", params, limit)


READING = (list_sources, search, describe_table, lineage, impact, diff, quality, product, records)
