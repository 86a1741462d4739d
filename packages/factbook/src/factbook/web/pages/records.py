"""``/ui/records`` and ``/ui/record/OFFSET``: the log itself, asked by a form that is a query builder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import Records, Tenant, may_know
from factbook.api.bodies import NDJSON
from factbook.api.parameters import MAX_OFFSET, Cursor, House
from factbook.errors import InvalidRequest, NotFound, UnknownKind
from factbook.kinds.fields import fields_of
from factbook.spreadsheets import csv_lines, defuse
from factbook.web.asking import MAX_ROWS, OPERATORS, Asked, Question, Row, question_of, read_asked
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages
from factbook_sdk.facts import Kind
from factbook_sdk.repository.contract import MAX_LIMIT, StoredRecord
from factbook_sdk.repository.filters import MISSING, value_at

router = Pages()

RECORDS = 50
COLUMNS = 5
MAX_PATHS = 300
_COMMON = ("context.run_id", "context.namespace", "target.schema", "target.table")
_CSV = ("offset", "id", "produced_at", "source_id", "schema", "table", "kind", "producer_id", "run_id", "payload")


class Found(msgspec.Struct, frozen=True):
    """The question, what may be asked, and the answer. ``cells`` are the values of ``columns`` in each record, ``None`` for a missing
    one. The command and the address ask the same elsewhere; none where the question is not good."""

    asked: Asked
    kinds: list[str]
    paths: list[str]
    operators: list[str]
    shown: Literal["table", "raw"]
    items: list[StoredRecord]
    columns: list[str]
    cells: list[list[Any]]
    command: str | None
    address: str | None
    next_cursor: str | None
    as_of: datetime | None


class OneRecord(msgspec.Struct, frozen=True):
    """A record, and the offsets of those that the same producer said of the same before and after it."""

    item: StoredRecord
    category: str | None
    before: int | None
    after: int | None


@router.page("/records")
def records(
    request: Request,
    house: House,
    log: Records,
    tenant: Tenant,
    shown: Literal["table", "raw"] = "table",
    rows: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 1,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Ask the log: records of one kind for which all conditions hold."""
    asked = read_asked(request.query_params)
    known = {kind.name: kind for kind in house.kinds.listed(tenant) if may_know(request, tenant, kind.name)}
    kind = known.get(asked.kind)
    if asked.kind and kind is None:
        asked = msgspec.structs.replace(asked, problems={**asked.problems, "kind": _unknown(log, tenant, asked.kind)})
    question = question_of(asked, as_of) if asked.is_good else None
    found = None if question is None else _query(log, tenant, question, limit=RECORDS, cursor=cursor)
    items = list(found.records) if found else []
    columns = _columns(kind) if kind is not None else []
    empty = [Row()] * (max(rows, len(asked.rows) + (not asked.rows)) - len(asked.rows))
    content = Found(
        asked=msgspec.structs.replace(asked, rows=[*asked.rows, *empty][:MAX_ROWS]),
        kinds=sorted(known),
        paths=_paths(kind),
        operators=list(OPERATORS),
        shown=shown,
        items=items,
        columns=columns,
        cells=[[_cell(item, column) for column in columns] for item in items],
        command=question.command(RECORDS) if question else None,
        address=question.address(RECORDS) if question else None,
        next_cursor=found.next_cursor if found else None,
        as_of=as_of,
    )
    is_wrong = bool(asked.problems) or any(row.problem for row in asked.rows)
    return page(request, "records.html", Page("Records", as_of=as_of), content, status=422 if is_wrong else 200)


@router.get("/records/export", response_model=None)
def export(
    request: Request,
    house: House,
    log: Records,
    tenant: Tenant,
    form: Annotated[Literal["csv", "ndjson"], Query(alias="format")] = "csv",
    as_of: AsOf = None,
) -> Response:
    """Answer with the records as a file: ten thousand at most, and ``Next-Cursor`` says that there are more."""
    asked = read_asked(request.query_params)
    if not asked.is_good:
        raise InvalidRequest(
            "That is no question to the log", why="a kind is missing, or a condition is wrong", fix="Ask it at /ui/records"
        )
    found = _query(log, tenant, question_of(asked, as_of), limit=MAX_LIMIT, cursor=None)
    house.kinds.get(asked.kind, tenant)
    if form == "csv":
        body = csv_lines([list(_CSV), *_csv_rows(found.records)])
    else:
        body = b"".join(msgspec.json.encode(item) + b"\n" for item in found.records)
    headers = {"Content-Disposition": f'attachment; filename="records.{form}"', "Cache-Control": "no-store"}
    headers |= {"Next-Cursor": found.next_cursor} if found.next_cursor else {}
    return Response(body, 200, headers, "text/csv; charset=utf-8" if form == "csv" else NDJSON)


@router.page("/record/{offset}")
def record(request: Request, house: House, log: Records, tenant: Tenant, offset: str) -> Response:
    """Show one record whole; its offset is its place in the log, which never changes."""
    number = int(offset) if offset.isascii() and offset.isdecimal() and len(offset) < 20 else 0
    found = log.at_offset(number if number <= MAX_OFFSET else 0, tenant=tenant)
    if found is None:
        raise NotFound("There is no such record", fix="Records lists what there is", field="offset")
    kind = next((kind for kind in house.kinds.listed(tenant) if kind.name == found.record.kind), None)
    before, after = _neighbours(log, tenant, found)
    about = Page(f"{found.record.kind} of {found.record.target}", [Crumb("Records", path("records"))])
    return page(request, "record.html", about, OneRecord(found, kind.category.value if kind else None, before, after))


def _query(log: Records, tenant: str, question: Question, *, limit: int, cursor: str | None) -> Any:
    return log.query(
        question.kind,
        targets=question.targets,
        where=question.conditions,
        producer_id=question.producer_id,
        tenant=tenant,
        since=question.since,
        until=question.until,
        order=question.order,
        limit=limit,
        cursor=cursor,
    )


def _neighbours(log: Records, tenant: str, item: StoredRecord) -> tuple[int | None, int | None]:
    """Return the offsets of the records next to one in its stream, among those of its own moment and the nearest others."""
    record = item.record

    def nearest(order: Literal["asc", "desc"], **bounds: datetime) -> int | None:
        found = log.query(
            record.kind,
            targets=[record.target],
            producer_id=record.producer_id,
            tenant=tenant,
            order=order,
            limit=1,
            **bounds,  # type: ignore[arg-type]
        ).records
        return found[0].offset if found else None

    later = record.produced_at + datetime.resolution if record.produced_at.year < 9999 else None
    return nearest("desc", until=record.produced_at), nearest("asc", since=later) if later else None


def _unknown(log: Records, tenant: str, kind: str) -> str:
    """Say that a kind is not there; raises :class:`NotAllowed` where whoever asks may not know."""
    try:
        log.query(kind, tenant=tenant, limit=1)
    except UnknownKind as error:
        return f"{error}."
    return f"No kind is called {kind}."


def _paths(kind: Kind | None) -> list[str]:
    """Return the paths that are offered, the indexed ones first."""
    if kind is None:
        return list(_COMMON)
    fields = [f"payload.{field.path}" for field in fields_of(kind.schemas.get(kind.latest_version, {})) if field.is_scalar]
    return list(dict.fromkeys([*kind.indexed, *fields, *_COMMON]))[:MAX_PATHS]


def _columns(kind: Kind) -> list[str]:
    """Return the paths of what a record says in brief: values that are indexed or always there, then any others."""
    fields = [field for field in fields_of(kind.schemas.get(kind.latest_version, {})) if field.is_scalar]
    named = {f"payload.{field.path}": field for field in fields}
    first = [name for name in named if name in kind.indexed]
    required = [name for name, field in named.items() if field.is_required and "." not in field.path]
    others = [name for name, field in named.items() if "." not in field.path]
    return list(dict.fromkeys([*first, *required, *others]))[:COLUMNS]


def _cell(item: StoredRecord, column: str) -> Any:
    value = value_at(item.record, column)
    return None if value is MISSING else value


def _csv_rows(items: list[StoredRecord]) -> Iterator[list[str]]:
    for item in items:
        record = item.record
        target = record.target
        payload = "" if record.payload is None else msgspec.json.encode(record.payload).decode()
        row = [str(item.offset), item.id, record.produced_at.isoformat(), target.source_id, target.schema or "", target.table or ""]
        row += [record.kind, record.producer_id, record.context.run_id or "", payload]
        defuse(row)
        yield row
