"""``/ui/table/…/facts``: the records about a table, as they lie in the log, of every kind that whoever looks may read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.access.scoped import ScopedRepository
from factbook.api.access import Records, TableReader, asking
from factbook.api.parameters import MAX_OFFSET, Cursor, House
from factbook.errors import NotFound
from factbook.quality.facts import just_after
from factbook.web.pages.table.head import PATH, Table, table_of
from factbook.web.parameters import AsOf, Words
from factbook.web.routing import Pages, Part
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.kinds.statistics_snapshot import without_values
from factbook_sdk.repository.contract import StoredRecord
from factbook_sdk.repository.paging import format_cursor, sort_key

router = Pages()

RECORDS = 25
LONG = 16_000
"""Bytes of a record beyond which a list only names it; alone it is shown whole."""

Offset = Annotated[int | None, Query(ge=0, le=MAX_OFFSET, description="Only the record of the kind at this offset of the log.")]
Since = Annotated[AsOf, Query(description="From this moment on.")]
Until = Annotated[AsOf, Query(description="Before this moment.")]


class Fact(msgspec.Struct, frozen=True):
    """A record with its place in the log. ``record`` is missing where it is too long for a list. ``withholds``: values of sensitive columns
    were left out."""

    offset: int
    id: str
    kind: str
    producer_id: str
    produced_at: datetime
    is_end: bool
    size_bytes: int
    withholds: bool
    record: MetadataRecord | None


class Facts(msgspec.Struct, frozen=True):
    """Records, newest first, and what was asked for. ``kinds`` are those of which there is a record about the table."""

    facts: list[Fact]
    kinds: list[str]
    kind: str | None
    producer_id: str | None
    since: datetime | None
    until: datetime | None
    offset: int | None


@router.page(f"{PATH}/facts")
def facts(
    request: Request,
    rooms: TableReader,
    house: House,
    log: Records,
    source_id: Part,
    schema: Part,
    table: Part,
    kind: Words = None,
    producer_id: Words = None,
    since: Since = None,
    until: Until = None,
    offset: Offset = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show the records about a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    principal = asking(request).principal
    readable = [item.name for item in house.kinds.listed(rooms.tenant) if principal.namespaces(Action.READ, rooms.tenant, item.name)]
    reading = _Reading(chosen, log, producer_id or None, since, _earlier(until, as_of))
    newest = {name: reading.newest(name, cursor, many=kind in (None, "", name)) for name in readable}
    kinds = [name for name, found in newest.items() if found or (cursor is not None and reading.newest(name, None, many=False))]
    if offset is not None:
        shown, following = [reading.at(kind or "", offset)], None
    else:
        merged = sorted((item for name, found in newest.items() if kind in (None, "", name) for item in found), key=sort_key, reverse=True)
        shown = merged[:RECORDS]
        following = format_cursor(shown[-1]) if len(merged) > RECORDS else None
    sensitive = chosen.look.sensitive
    found = [_fact(item, sensitive, whole=offset is not None) for item in shown]
    return chosen.show("facts", Facts(found, kinds, kind or None, producer_id or None, since, until, offset), next_cursor=following)


class _Reading:
    """Reads the records of one table by kind."""

    def __init__(
        self, table: Table, log: ScopedRepository, producer_id: str | None, since: datetime | None, until: datetime | None
    ) -> None:
        self._target = table.target
        self._tenant = table.rooms.tenant
        self._log = log
        self._asked: dict[str, Any] = {"producer_id": producer_id, "since": since, "until": until}

    def newest(self, kind: str, cursor: str | None, *, many: bool) -> list[StoredRecord]:
        """Return the newest records of a kind; one, to see that there are any, or as many as a page may need."""
        found = self._log.query(
            kind,
            targets=[self._target],
            tenant=self._tenant,
            order="desc",
            limit=RECORDS + 1 if many else 1,
            cursor=cursor if many else None,
            **self._asked,
        )
        return list(found.records)

    def at(self, kind: str, offset: int) -> StoredRecord:
        """Return the record of a kind at an offset; raises :class:`NotFound` where that is none about the table."""
        found = self._log.tail(max(offset - 1, 0), kinds=[kind], tenant=self._tenant, limit=1).records if kind else []
        record = next((item for item in found if item.offset == offset and item.record.target == self._target), None)
        if record is None:
            raise NotFound(f"No record of {self._target} lies at offset {offset}", fix="Choose one from the list", field="offset")
        return record


def _earlier(until: datetime | None, as_of: datetime | None) -> datetime | None:
    """Return the bound that both allow."""
    if as_of is None:
        return until
    after = just_after(as_of)
    return after if until is None else min(until, after)


def _fact(item: StoredRecord, sensitive: Sensitive, *, whole: bool) -> Fact:
    record = item.record
    payload = _shown(record, sensitive)
    shown = record if payload is record.payload else msgspec.structs.replace(record, payload=payload)
    size = len(msgspec.json.encode(shown))
    return Fact(
        item.offset,
        item.id,
        record.kind,
        record.producer_id,
        record.produced_at,
        record.payload is None,
        size,
        payload is not record.payload,
        shown if whole or size <= LONG else None,
    )


def _shown(record: MetadataRecord, sensitive: Sensitive) -> dict[str, Any] | None:
    """Return the payload without values of columns that are sensitive now; the same object where it has none."""
    if record.payload is None or record.kind != "statistics_snapshot":
        return record.payload
    return without_values(record.payload, sensitive)
