"""``/records``: the log itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api import answers
from factbook.api.access import Records, Tenant, admit, judges_itself, reads_of, still_good, writes_of
from factbook.api.bodies import NDJSON, holds_one, json_body
from factbook.api.direct import Direct, flag, flag_parameter
from factbook.api.openapi import WRITE_ERRORS, reference, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import (
    LIMIT,
    AfterOffset,
    AsOf,
    Cursor,
    House,
    KindName,
    Kinds,
    LastEventId,
    Limit,
    OneTarget,
    Producer,
    Since,
    SomeTargets,
    TenantName,
    Until,
    Where,
)
from factbook.api.schemas import LatestQuestion, OffsetPage, RecordPage, RecordQuestion, StoreReport, page_of, report_of
from factbook.api.waiting import STREAM_PAGE, Followers, Lines, ServerSentEvents
from factbook.api.writing import Writing, read_counted
from factbook.errors import NotFound
from factbook.repository.explaining import QueryPlan
from factbook_sdk.facts import MetadataRecord, target_key
from factbook_sdk.repository.contract import MAX_WAIT_SECONDS, QueryPage, StoredRecord, TailPage
from factbook_sdk.repository.filters import parse_condition
from factbook_sdk.repository.intake import only_record

router = APIRouter(tags=["records"])
hot = APIRouter(tags=["records"], route_class=Direct)

_ONE = reference(MetadataRecord)
_RECORDS = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [_ONE, {"type": "array", "items": _ONE}]}},
            NDJSON: {"schema": {"type": "string", "description": "One MetadataRecord a line."}},
        },
    }
}


@hot.post(
    "/records",
    responses=described(StoreReport, "What became of each record; the rejected ones say why.", errors=(422, 429, *WRITE_ERRORS)),
    openapi_extra=_RECORDS | {"parameters": [flag_parameter("atomic", "Store all or none; a single object always is.")]},
)
@judges_itself
async def store_records(request: Request) -> Response:
    """Store one record, a list, or NDJSON. Sending a record again changes nothing and says so."""
    writing: Writing = request.app.state.writing
    writes = writes_of(request)
    atomic = flag(request, "atomic")
    declared = request.headers.get("content-length", "")
    with writing.pressure.admit(int(declared) if declared.isdecimal() else 0) as correct:
        body = await read_counted(request, correct)
        record = only_record(body) if holds_one(request, body) else None
        if record is not None and writes.refusal_of(record) is None:
            report = await writing.store_one(record)
            writes.count([record.context.tenant], report.results)
        else:
            report = await writing.store_document(writes.records, body, atomic=atomic or holds_one(request, body))
    return answers.json(report_of(report))


@router.get("/records/latest", responses=described(StoredRecord, "The record; a closed state has the payload `null`.", errors=(404,)))
def latest_record(
    records: Records, target: OneTarget, tenant: Tenant, kind: KindName, producer_id: Producer = None, as_of: AsOf = None
) -> Response:
    """Show the last record of a target and kind."""
    found = records.latest(target, kind, producer_id=producer_id, tenant=tenant, as_of=as_of)
    if found is None:
        raise NotFound(f"Nothing of kind {kind} is known of {target}", fix="GET /kinds and /dictionary list what there is")
    return answers.json(found)


@router.post(
    "/records/latest",
    responses=described(
        RecordPage, "A record a target; targets of which nothing is known are absent.", lines_of=StoredRecord, errors=WRITE_ERRORS
    ),
    openapi_extra=takes(LatestQuestion),
)
def latest_of_many(
    request: Request, records: Records, asked: Annotated[LatestQuestion, json_body(LatestQuestion)], tenant: TenantName = None
) -> Response:
    """Show the last record of a kind for each of many targets. This reads and changes nothing."""
    meant = reads_of(request, asked.tenant or tenant)
    found = records.latest_many(asked.picked, asked.kind, producer_id=asked.producer_id, tenant=meant, as_of=asked.as_of)
    named = {target_key(meant, target).hex(): item for target, item in found.items()}
    keys, cursor = page_of(sorted(named), str, limit=asked.limit, cursor=asked.cursor)
    items = [named[key] for key in keys]
    return answers.listing(request, RecordPage(items, cursor), items, following=("Next-Cursor", cursor))


@router.get("/records/history", responses=described(OffsetPage, "Records, newest last.", lines_of=StoredRecord))
def list_history(
    request: Request,
    records: Records,
    target: OneTarget,
    tenant: Tenant,
    kind: KindName,
    producer_id: Producer = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = LIMIT,
    after_offset: AfterOffset = None,
) -> Response:
    """List the records of one target and kind."""
    items = records.history(
        target,
        kind,
        producer_id=producer_id,
        tenant=tenant,
        since=since,
        until=until,
        limit=limit,
        after_offset=after_offset,
    )
    after = items[-1].offset if len(items) == limit else None
    return answers.listing(request, OffsetPage(items, after), items, following=("Next-After-Offset", after))


@router.get(
    "/records/query",
    responses=described(RecordPage, "Records by the time they became true, or the plan.", or_else=QueryPlan, lines_of=StoredRecord),
)
def query_records(
    request: Request,
    house: House,
    records: Records,
    kind: KindName,
    targets: SomeTargets,
    tenant: Tenant,
    where: Where = None,
    producer_id: Producer = None,
    since: Since = None,
    until: Until = None,
    order: Literal["asc", "desc"] = "asc",
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    explain: Annotated[bool, Query(description="Answer how the first page would be found instead of reading it.")] = False,
) -> Response:
    """List the records of one kind for which all conditions hold."""
    question: dict[str, Any] = {
        "targets": targets,
        "where": [parse_condition(text) for text in where or ()],
        "producer_id": producer_id,
        "tenant": tenant,
        "since": since,
        "until": until,
        "order": order,
        "limit": limit,
    }
    if explain:
        # A plan tells how many records there are, so that all of them must be theirs to read who ask for it.
        admit(request, tenant, (Action.READ, (kind,)))
        return answers.json(house.sql.explain(kind, **question))
    return _page(request, records.query(kind, cursor=cursor, **question))


@router.post(
    "/records/query",
    responses=described(RecordPage, "Records by the time they became true.", lines_of=StoredRecord, errors=WRITE_ERRORS),
    openapi_extra=takes(RecordQuestion),
)
def query_records_of_many(
    request: Request, records: Records, asked: Annotated[RecordQuestion, json_body(RecordQuestion)], tenant: TenantName = None
) -> Response:
    """List records as the GET does, for questions too long for a URL. This reads and changes nothing."""
    page = records.query(
        asked.kind,
        targets=asked.picked,
        where=asked.where,
        producer_id=asked.producer_id,
        tenant=reads_of(request, asked.tenant or tenant),
        since=asked.since,
        until=asked.until,
        order=asked.order,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return _page(request, page)


@router.get(
    "/records/tail",
    responses=described(
        OffsetPage, "Records in log order, or a stream of them.", lines_of=StoredRecord, events_of=StoredRecord, errors=(429,)
    ),
)
async def tail_records(
    request: Request,
    records: Records,
    tenant: Tenant,
    after_offset: AfterOffset = None,
    kinds: Kinds = None,
    limit: Limit = LIMIT,
    wait_seconds: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS, description="How long to wait for something new.")] = 0.0,
    follow: Annotated[bool, Query(description="Stream what comes, as NDJSON, until the client goes; `limit` then bounds nothing.")] = False,
    last_event_id: LastEventId = None,
) -> Response:
    """Follow the log: what came after an offset, waiting for it if asked to, or as a stream.

    A client that accepts `text/event-stream` gets server-sent events, one a record with its offset as id; it resumes by `Last-Event-ID`.
    """
    followers: Followers = request.app.state.followers
    records.check_following(tenant, kinds)
    after = last_event_id if last_event_id is not None else after_offset or 0
    streamed = ServerSentEvents() if answers.accepts(request, ServerSentEvents.media_type) else Lines() if follow else None
    size = limit if streamed is None else STREAM_PAGE

    def read(offset: int) -> TailPage:
        still_good(request)
        return records.tail(offset, kinds=kinds, tenant=tenant, limit=size)

    if streamed is not None:
        return answers.stream(followers, read, streamed, after_offset=after)
    page = await followers.poll(request, read, after_offset=after, wait_seconds=wait_seconds)
    shown = OffsetPage(page.records, page.next_offset)
    return answers.listing(request, shown, page.records, following=("Next-After-Offset", page.next_offset))


def _page(request: Request, page: QueryPage) -> Response:
    shown = RecordPage(page.records, page.next_cursor)
    return answers.listing(request, shown, page.records, following=("Next-Cursor", page.next_cursor))
