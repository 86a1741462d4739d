"""``/ui/diff`` and ``/ui/diff/SOURCE``: what changed between two moments, or what differs from another source, with its verdict."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from factbook.api.access import DiffReader, GateReader
from factbook.api.parameters import AnySource, Cursor, Moment
from factbook.api.problems import problem_of
from factbook.diff import DiffPage, page_of, place_of, write
from factbook.diff.impact import Impact
from factbook.diff.words import changed_lines, value_words
from factbook.errors import FactbookError, NotFound
from factbook.rooms import Rooms
from factbook.web.comparing import Asked, Question
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, May, Page, page, path, wants_json
from factbook.web.routing import Pages
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import CatalogDiff, Change, Severity, State
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan

router = Pages()

CHANGES = 100
SCANS = 30
STORED = 50
MAX_SOURCES = 500
MAX_EXPORTED = 100_000
_MAX_VALUE = 4_000
_MAX_LINES = 200
_SUFFIXES = {"json": "json", "csv": "csv", "markdown": "md"}


class Scan(msgspec.Struct, frozen=True):
    """A scan to compare with."""

    run_id: str | None
    at: datetime
    changes: int


class Held(msgspec.Struct, frozen=True):
    """Tables that a scan no longer saw and whose removal it held back, so that they are not among what was removed."""

    side: Literal["before", "after"]
    tables: int


class ShownChange(msgspec.Struct, frozen=True):
    """A change, with its sides in words, and of a definition the lines that differ."""

    change: Change
    before: str | None
    after: str | None
    lines: list[str]


class TableChanges(msgspec.Struct, frozen=True):
    """The changes of one table on this page; without a table, those of the schema itself."""

    schema: str | None
    table: str | None
    changes: list[ShownChange]


class Differences(msgspec.Struct, frozen=True):
    """What differs, and the scans that can be compared. ``problem`` says why nothing can be; ``permalink`` names both runs."""

    asked: Question
    source_id: str
    sources: list[str]
    scans: list[Scan]
    other_scans: list[Scan]
    found: DiffPage | None
    tables: list[TableChanges]
    held: list[Held]
    permalink: str | None
    exports: dict[str, str]
    problem: str | None
    next_cursor: str | None


class Stored(msgspec.Struct, frozen=True):
    """A comparison that a scan made and kept."""

    source_id: str
    at: datetime
    before: State
    after: State
    counts: dict[Severity, int]


class Choosing(msgspec.Struct, frozen=True):
    """What can be compared, and what was found last; ``None`` where that is closed to whoever looks."""

    sources: list[str]
    stored: list[Stored] | None
    next_cursor: str | None


class Hits(msgspec.Struct, frozen=True):
    """Whom one change, or all changes of a table, hit."""

    source_id: str
    schema: str
    table: str
    path: str | None
    impact: Impact


@router.page("/diff")
def choose(
    request: Request,
    rooms: DiffReader,
    source_id: AnySource = None,
    other: Annotated[AnySource, Query(alias="with")] = None,
    before: Annotated[Moment, Query(alias="from")] = None,
    after: Annotated[Moment, Query(alias="to")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Choose what to compare, or lead to the comparison that was chosen."""
    if source_id is not None:
        twin = ".json" if wants_json(request) else ""
        asked = {"with": other, "from": before, "to": after, "as_of": as_of and as_of.isoformat()}
        query = urlencode({name: value for name, value in asked.items() if value})
        return RedirectResponse(path("diff", source_id) + twin + (f"?{query}" if query else ""), 303)
    stored, following = _stored(rooms, as_of, cursor) if May(request)("StoredDiffReader") else (None, None)
    return page(request, "diffs.html", Page("Changes", as_of=as_of), Choosing(_sources(rooms), stored, following))


@router.page("/diff/{source_id}")
def diff(request: Request, rooms: DiffReader, asked: Asked, cursor: Cursor = None) -> Response:
    """Show the changes, table by table, the tables with the worst change first."""
    source_id = asked.source_id
    scans = _scans(rooms, source_id, asked.as_of)
    others = _scans(rooms, asked.other, asked.as_of) if asked.other else []
    about = Page(f"Changes of {source_id}", [Crumb("Changes", "/ui/diff"), Crumb(source_id, path("source", source_id))], asked.as_of)
    status, problem = 200, None
    try:
        place = place_of(cursor, asked.before, asked.after)
        compared = asked.compare(rooms, before=place.before, after=place.after)
    except FactbookError as error:
        if not scans or wants_json(request):
            raise
        # With a single scan there is nothing to compare yet, which is no error of whoever looks.
        is_asked = asked.before or asked.after or asked.other or cursor
        status = problem_of(error, path=request.url.path, request_id="").status if is_asked else 200
        problem = str(error)
    else:
        found = page_of(compared, index=place.index, limit=CHANGES, chosen=asked.chosen, by_table=True)
        here = path("diff", source_id)
        content = Differences(
            asked=asked,
            source_id=source_id,
            sources=_sources(rooms),
            scans=scans,
            other_scans=others,
            found=found,
            tables=_by_table(found),
            held=[*_held(rooms, found.before, asked.other or source_id, "before"), *_held(rooms, found.after, source_id, "after")],
            permalink=f"{here}?{urlencode(asked.params(found), doseq=True)}",
            exports={form: f"{here}/export?{urlencode(asked.params(found, format=form), doseq=True)}" for form in _SUFFIXES},
            problem=None,
            next_cursor=found.next_cursor,
        )
        return page(request, "diff.html", about, content)
    nothing = Differences(asked, source_id, _sources(rooms), scans, others, None, [], [], None, {}, problem, None)
    return page(request, "diff.html", about, nothing, status=status)


@router.get("/diff/{source_id}/export", response_model=None)
def export(
    rooms: DiffReader, asked: Asked, form: Annotated[Literal["json", "csv", "markdown"], Query(alias="format")] = "json"
) -> Response:
    """Answer with the comparison as a file."""
    compared = asked.compare(rooms, before=asked.before, after=asked.after)
    found = page_of(compared, limit=MAX_EXPORTED, chosen=asked.chosen, by_table=form == "markdown")
    body = msgspec.json.encode(found) if form == "json" else write(found, form)
    media = "application/json" if form == "json" else f"text/{form}; charset=utf-8"
    headers = {"Content-Disposition": f'attachment; filename="changes.{_SUFFIXES[form]}"', "Cache-Control": "no-store"}
    return Response(body, 200, headers, media)


@router.page("/diff/{source_id}/impact")
def impact(
    request: Request,
    rooms: GateReader,
    asked: Asked,
    schema: Annotated[str, Query(max_length=1024, pattern=r"^[^\x00]*$")] = "",
    of: Annotated[str, Query(max_length=1024, pattern=r"^[^\x00]*$")] = "",
    at: Annotated[str | None, Query(max_length=4096, pattern=r"^[^\x00]*$")] = None,
) -> Response:
    """Show who reads a table that changed: ``of`` names it, ``at`` the path of one change in it."""
    source_id = asked.source_id
    compared = asked.compare(rooms, before=asked.before, after=asked.after)
    names = {(item.difference.schema, item.difference.name.table) for item in compared.judged if item.difference.name}
    if (schema, of) not in names:
        raise NotFound(f"Nothing changed in {schema}.{of}", fix="Choose a change among those that are shown", field="of")
    concerned = [
        item
        for item in compared.judged
        if item.difference.name
        and (item.difference.schema, item.difference.name.table) == (schema, of)
        and at in (None, item.difference.path)
    ]
    found = rooms.gate.impact(compared, concerned)
    crumbs = [Crumb("Changes", "/ui/diff"), Crumb(source_id, path("diff", source_id))]
    about = Page(f"Who reads {schema}.{of}", crumbs)
    return page(request, "impact.html", about, Hits(source_id, schema, of, at, found), part="impact_part.html")


def _sources(rooms: Rooms) -> list[str]:
    return [source.source_id for source in rooms.connections.list()[:MAX_SOURCES]]


def _just_after(moment: datetime | None) -> dict[str, Any]:
    return {} if moment is None or moment.year > 9998 else {"until": moment + datetime.resolution}


def _scans(rooms: Rooms, source_id: str, as_of: datetime | None) -> list[Scan]:
    found = rooms.records.query(
        "catalog_scan", targets=[MetadataTarget(source_id)], tenant=rooms.tenant, order="desc", limit=SCANS, **_just_after(as_of)
    )
    return [Scan(item.record.context.run_id, item.record.produced_at, _changes(item.record.payload)) for item in found.records]


def _changes(payload: Any) -> int:
    counts = msgspec.convert(payload, CatalogScan).counts
    return counts.added + counts.changed + counts.removed


def _stored(rooms: Rooms, as_of: datetime | None, cursor: str | None) -> tuple[list[Stored], str | None]:
    found = rooms.records.query("catalog_diff", tenant=rooms.tenant, order="desc", limit=STORED, cursor=cursor, **_just_after(as_of))
    shown = []
    for item in found.records:
        said = msgspec.convert(item.record.payload, CatalogDiff)
        if said.part == 1:
            shown.append(Stored(item.record.target.source_id, item.record.produced_at, said.before, said.after, said.counts))
    return shown, found.next_cursor


def _held(rooms: Rooms, state: State, source_id: str, side: Literal["before", "after"]) -> list[Held]:
    stored = rooms.records.latest(MetadataTarget(source_id), "catalog_scan", tenant=rooms.tenant, as_of=state.moment)
    held = msgspec.convert(stored.record.payload, CatalogScan).removals_held if stored else 0
    return [Held(side, held)] if held else []


def _by_table(found: DiffPage) -> list[TableChanges]:
    groups = groupby(found.changes, key=lambda change: (change.schema, change.table))
    return [TableChanges(schema, table, [_shown(change) for change in changes]) for (schema, table), changes in groups]


def _shown(change: Change) -> ShownChange:
    kind = change.object or "table"
    before, after = (None if value is None else value_words(value, kind, length=_MAX_VALUE) for value in (change.before, change.after))
    is_text = change.aspect == "definition" and change.change == "changed"
    return ShownChange(change, before, after, changed_lines(change.before, change.after)[:_MAX_LINES] if is_text else [])
