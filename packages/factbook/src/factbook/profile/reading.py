"""What the log knows about a source's tables before they are measured, and what was measured, for whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.profile import planning
from factbook.profile.model import ProfileRequest, TableProfiled
from factbook.repository.naming import tables_of
from factbook.repository.sensitivity import sensitive_of
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import Bill, StatisticsSnapshot, without_values
from factbook_sdk.facts.kinds.table_observation import TableObservation
from factbook_sdk.facts.record import DEFAULT_TENANT
from factbook_sdk.repository.contract import DEFAULT_LIMIT, MetadataRepository, StoredRecord, Targets, Within, check_limit
from factbook_sdk.repository.filters import Condition, Operator

KIND = "statistics_snapshot"
_NEVER = datetime.min.replace(tzinfo=UTC)
_BATCH = 100
"""Measurements that are read at a time: of a wide table one has some hundred kilobytes."""

_Place = tuple[str, str]
"""Schema, table: the order of a list, and what a cursor holds."""


class MeasuredTable(msgspec.Struct, frozen=True):
    """What was measured of a table, when, by which run and producer."""

    source_id: str
    schema: str
    table: str
    measured_at: datetime
    run_id: str | None
    producer_id: str
    statistics: StatisticsSnapshot


class MeasuredPage(msgspec.Struct, frozen=True):
    """Measured tables by name; or one table's measurements, newest first. ``next_cursor`` continues."""

    items: list[MeasuredTable]
    next_cursor: str | None = None


class Look(msgspec.Struct, frozen=True):
    """The last measurement of a table, if there is one, and which of its columns give counts and no values."""

    measured: MeasuredTable | None
    sensitive: Sensitive


class Resumed(msgspec.Struct, frozen=True):
    """What a run measured in attempts before this one: each table in a line, the whole of a partition, and what all of it cost."""

    tables: dict[TableName, TableProfiled]
    partitions: dict[TableName, StatisticsSnapshot]
    bill: Bill | None


class Known:
    """What a run starts from."""

    def __init__(
        self,
        snapshots: Mapping[TableName, SchemaSnapshot],
        rows: Mapping[TableName, int],
        sensitive: Mapping[TableName, Sensitive],
        measured_at: Mapping[TableName, datetime],
        resumed: Resumed,
    ) -> None:
        self.snapshots = snapshots
        self.sensitive = sensitive
        """What is sensitive in the tables that may be measured."""
        self.measured_at = measured_at
        self.resumed = resumed
        self._rows = rows

    def in_order(self, names: Sequence[TableName]) -> list[TableName]:
        """Return tables never measured first, then those measured longest ago, the smaller first: a budget reaches every table in time."""

        def place(name: TableName) -> tuple[bool, datetime, int, TableName]:
            return name in self.measured_at, self.measured_at.get(name, _NEVER), self._rows.get(name, 0), name

        # What this run measured stays in front, so that the run goes on in the order in which it began.
        return sorted(names, key=lambda name: (name not in self.resumed.tables, *place(name)))


def read_known(repository: MetadataRepository, request: ProfileRequest) -> Known:
    """Read what is known of a source."""
    within, tenant = Within(request.source_id), request.context.tenant
    snapshots = {
        _name(target): msgspec.convert(stored.record.payload, SchemaSnapshot)
        for target, stored in repository.latest_many(within, "schema_snapshot", tenant=tenant).items()
        if stored.record.payload is not None and target.table is not None
    }
    rows = {
        _name(target): msgspec.convert(stored.record.payload, TableObservation).row_estimate or 0
        for target, stored in repository.latest_many(within, "table_observation", tenant=tenant).items()
        if stored.record.payload is not None
    }
    wanted = planning.chosen(snapshots, request.options.tables)
    measured_at = {
        _name(stored.record.target): stored.record.produced_at for stored in _latest(repository, request.source_id, wanted, tenant=tenant)
    }
    targets = [MetadataTarget(request.source_id, name.schema, name.table) for name in wanted]
    sensitive = {_name(target): said for target, said in sensitive_of(repository, targets, tenant=tenant).items()}
    return Known(snapshots, rows, sensitive, measured_at, _resumed(repository, request, snapshots))


def _resumed(repository: MetadataRepository, request: ProfileRequest, snapshots: Mapping[TableName, SchemaSnapshot]) -> Resumed:
    tables: dict[TableName, TableProfiled] = {}
    partitions: dict[TableName, StatisticsSnapshot] = {}
    bills: dict[TableName, Bill] = {}
    if request.context.run_id is not None:
        of_run = [Condition("context.run_id", Operator.EQ, request.context.run_id)]
        for stored in _all(repository, Within(request.source_id), request.context.tenant, of_run):
            name, statistics = _name(stored.record.target), msgspec.convert(stored.record.payload, StatisticsSnapshot)
            tables[name] = TableProfiled.of(name, statistics, resumed=True)
            if statistics.bill is not None:
                bills[name] = statistics.bill
            if name in snapshots and snapshots[name].partition_of is not None:
                partitions[name] = statistics
    return Resumed(tables, partitions, _added(list(bills.values())))


def _added(bills: Sequence[Bill]) -> Bill | None:
    if not bills:
        return None
    return Bill(
        sum(bill.rows_read for bill in bills),
        sum(bill.bytes_read for bill in bills),
        sum(bill.statements for bill in bills),
        sum(bill.seconds for bill in bills),
    )


def _latest(
    repository: MetadataRepository,
    source_id: str,
    names: Sequence[TableName],
    *,
    tenant: str,
    as_of: datetime | None = None,
    batch: int = _BATCH,
) -> Iterator[StoredRecord]:
    """Yield the last measurement of each table that has one, in the order of the names, with ``batch`` of them in memory at a time."""
    for start in range(0, len(names), batch):
        targets = [MetadataTarget(source_id, name.schema, name.table) for name in names[start : start + batch]]
        found = repository.latest_many(targets, KIND, tenant=tenant, as_of=as_of)
        yield from (found[target] for target in targets if target in found and found[target].record.payload is not None)


def _names(repository: MetadataRepository, source_id: str, tenant: str) -> list[TableName]:
    """Return the tables that were ever measured, by name."""
    return [TableName(*place) for place in sorted(tables_of(repository, KIND, source_id, tenant=tenant))]


def _all(repository: MetadataRepository, targets: Targets, tenant: str, where: list[Condition]) -> Iterator[StoredRecord]:
    cursor = None
    while True:
        page = repository.query(KIND, targets=targets, where=where, tenant=tenant, limit=_BATCH, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def latest_page(
    repository: MetadataRepository,
    source_id: str,
    *,
    tenant: str = DEFAULT_TENANT,
    schema: str | None = None,
    as_of: datetime | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> MeasuredPage:
    """Return the last measurement of every table of a source, by name; raises :class:`NotFound` if there is none, and
    :class:`InvalidRequest` for a limit or cursor that cannot be."""
    check_limit(limit)
    after = _parse_cursor(cursor) if cursor is not None else None
    names = [name for name in _names(repository, source_id, tenant) if schema in (None, name.schema)]
    rest = [name for name in names if after is None or (name.schema, name.table) > after]
    latest = _latest(repository, source_id, rest, tenant=tenant, as_of=as_of, batch=min(_BATCH, limit + 1))
    found = list(islice(latest, limit + 1))
    if not names or (after is None and not found):
        raise NotFound(f"Nothing of {source_id} was measured" + (" by then" if as_of else " yet"), fix=f"factbook profile {source_id}")
    page = found[:limit]
    return MeasuredPage(_shown(repository, page, tenant), _format_cursor(page[-1]) if len(found) > limit else None)


def latest_of_many(
    repository: MetadataRepository, source_id: str, names: Sequence[TableName], *, tenant: str = DEFAULT_TENANT
) -> list[MeasuredTable]:
    """Return the last measurement of each of these tables, in their order; those that have none are left out."""
    return _shown(repository, list(_latest(repository, source_id, names, tenant=tenant)), tenant)


def latest_of(
    repository: MetadataRepository, source_id: str, name: TableName, *, tenant: str = DEFAULT_TENANT, as_of: datetime | None = None
) -> MeasuredTable:
    """Return the last measurement of a table; raises :class:`NotFound`."""
    stored = repository.latest(MetadataTarget(source_id, name.schema, name.table), KIND, tenant=tenant, as_of=as_of)
    if stored is None or stored.record.payload is None:
        raise _not_measured(source_id, name, as_of)
    return _shown(repository, [stored], tenant)[0]


def look_at(
    repository: MetadataRepository,
    source_id: str,
    name: TableName,
    *,
    tenant: str = DEFAULT_TENANT,
    columns: Collection[str] | None = None,
    as_of: datetime | None = None,
) -> Look:
    """Return what is known of a table's data at a moment, of all its columns or of some: one of a wide table has a thousand. What is
    sensitive is said as of now, since so it is protected."""
    target = MetadataTarget(source_id, name.schema, name.table)
    sensitive = sensitive_of(repository, [target], tenant=tenant)[target]
    stored = repository.latest(target, KIND, tenant=tenant, as_of=as_of)
    if stored is None or stored.record.payload is None:
        return Look(None, sensitive)
    if columns is not None:
        some = [column for column in stored.record.payload.get("columns") or () if column["name"] in columns]
        record = msgspec.structs.replace(stored.record, payload={**stored.record.payload, "columns": some})
        stored = msgspec.structs.replace(stored, record=record)
    return Look(_measured(stored, sensitive), sensitive)


def history_of(
    repository: MetadataRepository,
    source_id: str,
    name: TableName,
    *,
    tenant: str = DEFAULT_TENANT,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> MeasuredPage:
    """Return a table's measurements, newest first; raises :class:`NotFound` if there is none."""
    target = MetadataTarget(source_id, name.schema, name.table)
    page = repository.query(KIND, targets=[target], tenant=tenant, order="desc", limit=limit, cursor=cursor)
    if not page.records and cursor is None:
        raise _not_measured(source_id, name)
    return MeasuredPage(_shown(repository, [item for item in page.records if item.record.payload is not None], tenant), page.next_cursor)


def _not_measured(source_id: str, name: TableName, as_of: datetime | None = None) -> NotFound:
    when = "by then" if as_of else "yet"
    return NotFound(f"{name} of {source_id} was not measured {when}", fix=f"factbook profile {source_id}", field="table")


def names_like(repository: MetadataRepository, source_id: str, text: str, *, tenant: str = DEFAULT_TENANT) -> list[TableName]:
    """Return the measured tables that somebody can mean by ``table`` or ``schema.table``."""
    names = [name for name in _names(repository, source_id, tenant) if text in (name.table, str(name))]
    return [_name(item.record.target) for item in _latest(repository, source_id, names, tenant=tenant)]


def _format_cursor(item: StoredRecord) -> str:
    return msgspec.json.encode([item.record.target.schema, item.record.target.table]).hex()


def _parse_cursor(cursor: str) -> _Place:
    try:
        place: _Place = msgspec.json.decode(bytes.fromhex(cursor), type=_Place)
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error


def _name(target: MetadataTarget) -> TableName:
    return TableName(target.schema or "", target.table or "")


def _shown(repository: MetadataRepository, items: Sequence[StoredRecord], tenant: str) -> list[MeasuredTable]:
    """Return measurements without the values of columns that are called sensitive now, whatever they were called then."""
    tables = [MetadataTarget(item.record.target.source_id, item.record.target.schema, item.record.target.table) for item in items]
    sensitive = sensitive_of(repository, tables, tenant=tenant)
    return [_measured(item, sensitive[table]) for item, table in zip(items, tables, strict=True)]


def _measured(item: StoredRecord, sensitive: Sensitive) -> MeasuredTable:
    record = item.record
    statistics = msgspec.convert(without_values(record.payload or {}, sensitive), StatisticsSnapshot)
    columns = [
        msgspec.structs.replace(column, is_sensitive=True) if sensitive.covers(column.name) else column for column in statistics.columns
    ]
    statistics = msgspec.structs.replace(statistics, columns=columns)
    name = _name(record.target)
    return MeasuredTable(
        record.target.source_id, name.schema, name.table, record.produced_at, record.context.run_id, record.producer_id, statistics
    )
