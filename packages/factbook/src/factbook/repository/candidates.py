"""Which records a filter can mean, by the index: always all that match and mostly few that do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, false, func, or_, select, union_all

from factbook.database.log_tables import log_head
from factbook.database.log_tables import projections as positions
from factbook.repository import reading
from factbook.repository.archive.bodies import Bodies
from factbook.repository.explaining import QueryPlan, explain
from factbook.repository.indexing import IndexProjection, as_number, as_text, numbers, paths, texts
from factbook_sdk.repository.contract import StoredRecord, Targets, Within
from factbook_sdk.repository.filters import Condition, Operator

FEW = 1_000
"""Candidates up to which the index is used where the targets are named: their own history is read quickly, too."""
MANY = 100_000
"""Candidates up to which it is used at all. Above, matches are so dense that reading in order fills a page sooner than sorting them."""

_MAX_VALUES = 500


class Way(msgspec.Struct, frozen=True):
    """How a query gets at its records: over ``candidates`` of the index where there are any, and by ``conditions`` on ``records``."""

    conditions: list[ColumnElement[bool]]
    candidates: Candidates | None
    reason: str

    @property
    def statement(self) -> Select[Any] | None:
        return None if self.candidates is None else self.candidates.statement


class Candidates(msgspec.Struct, frozen=True):
    """The records that the conditions on a path pick: ``statement`` selects their ``produced_at`` and ``offset``, ``count`` of them."""

    path: str
    path_no: int
    count: int
    statement: Select[Any]


class Asked(msgspec.Struct, frozen=True):
    """What a query asks of a channel, but for its bounds in time and the place it continues from."""

    channel: int
    tenant: str
    kind: str
    targets: Targets | None
    producer_id: str | None
    where: Sequence[Condition]
    is_indexed: bool


def read(connection: Connection, bodies: Bodies, asked: Asked, **bounds: Any) -> list[StoredRecord]:
    """Return the matching records within the bounds, which are those of :func:`reading.ordered`."""
    chosen = _way(connection, asked)
    bounds |= {"where": asked.where, "channel": asked.channel}
    found = reading.ordered(connection, bodies, chosen.conditions, candidates=chosen.statement, **bounds)
    if chosen.candidates is None or _is_declared(connection, chosen.candidates):
        return found
    chosen = _way(connection, msgspec.structs.replace(asked, is_indexed=False))
    return reading.ordered(connection, bodies, chosen.conditions, **bounds)


def plan(
    connection: Connection, asked: Asked, *, since: int | None, until: int | None, order: Literal["asc", "desc"], limit: int
) -> QueryPlan:
    """Return how :func:`read` would get at its first records."""
    chosen = _way(connection, asked)
    statement = reading.first_statement(
        connection,
        chosen.conditions,
        since=since,
        until=until,
        order=order,
        limit=limit,
        where=asked.where,
        channel=asked.channel,
        candidates=chosen.statement,
    )
    index = None if chosen.candidates is None else chosen.candidates.path
    return QueryPlan(index, chosen.reason, connection.dialect.name, explain(connection, statement))


def _way(connection: Connection, asked: Asked) -> Way:
    found, reason = None, "this store is opened without its index"
    if asked.is_indexed:
        is_wide = asked.targets is None or isinstance(asked.targets, Within)
        found, reason = _find(connection, asked, at_most=MANY if is_wide else FEW)
    filter_of = reading.record_filter if found is None else reading.stream_conditions
    return Way(filter_of(connection, asked.channel, asked.tenant, asked.targets, asked.producer_id), found, reason)


def _find(connection: Connection, asked: Asked, *, at_most: int) -> tuple[Candidates | None, str]:
    """Return the fewest candidates that one condition leaves, or ``None``; and why the index is or is not used."""
    if not asked.where:
        return None, "there is no condition"
    if not _is_current(connection):
        return None, "the index is behind the log; the next record stored here brings it up to date"
    declared = {row.path: row.path_no for row in connection.execute(_of_kind(asked.tenant, asked.kind))}
    picked = {path: ranges for path in sorted(declared) if (ranges := _together(path, asked.where)) is not None}
    if not picked:
        indexed = f"{asked.kind} has {', '.join(sorted(declared))} indexed" if declared else f"no path of {asked.kind} is indexed"
        return None, f"no condition can use an index: {indexed}"
    best: Candidates | None = None
    for path, ranges in picked.items():
        bound = at_most if best is None else best.count
        statement = _entries(declared[path], ranges)
        count = int(connection.scalar(select(func.count()).select_from(statement.limit(bound + 1).subquery())) or 0)
        if count <= bound:
            best = Candidates(path, declared[path], count, statement)
    if best is None:
        return None, f"the conditions on every path leave more than {at_most:,} candidates; reading in order is quicker"
    return best, f"{best.path} leaves {best.count:,} candidates"


def _is_declared(connection: Connection, candidates: Candidates) -> bool:
    """Return whether the path is indexed still: where each statement sees the newest, its values may be gone by now."""
    return connection.scalar(select(paths.c.path_no).where(paths.c.path_no == candidates.path_no)) is not None


_Ranges = dict[Table, list[ColumnElement[bool]]]
"""Which entries of which tables: a value at a path stands in one of the two."""


def _together(path: str, where: Sequence[Condition]) -> _Ranges | None:
    """Return the entries that satisfy all conditions on a path which the index can tell, or ``None`` where there is no such condition."""
    together: _Ranges | None = None
    for condition in where:
        ranges = matching(condition) if condition.path == path else None
        if ranges is not None:
            both = ranges if together is None else {table: together[table] + ranges[table] for table in together if table in ranges}
            together = both
    return together


def matching(condition: Condition) -> _Ranges | None:
    """Return the entries of every record that can satisfy a condition, or ``None`` where the index cannot tell."""
    value, operator = condition.value, condition.operator
    if operator is Operator.EXISTS:
        return {numbers: [], texts: []}
    if operator is Operator.IN:
        return _one_of(value)
    if operator is Operator.EQ:
        return _one_of([value])
    if operator is Operator.LIKE:
        return _beginning(value)
    if operator is Operator.NE or isinstance(value, bool) or not _is_storable(value):
        return None
    # Cut and rounded values may meet where the whole ones do not, so bounds are inclusive here.
    table, bound = (texts, as_text(value)) if isinstance(value, str) else (numbers, as_number(value))
    below = operator in (Operator.LT, Operator.LE)
    return {table: [table.c.value <= bound if below else table.c.value >= bound]}


def _one_of(values: Sequence[Any]) -> _Ranges | None:
    if not 0 < len(values) <= _MAX_VALUES or not all(_is_storable(value) for value in values):
        return None
    wanted_numbers = [as_number(value) for value in values if isinstance(value, (int, float))]
    wanted_texts = [as_text(value) for value in values if isinstance(value, str)]
    wanted = ((numbers, wanted_numbers), (texts, wanted_texts))
    return {table: [table.c.value.in_(items)] for table, items in wanted if items}


def _is_storable(value: Any) -> bool:
    """Return whether the value is a number or a text that can be asked for; a lone surrogate cannot."""
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return isinstance(value, (int, float))


def _beginning(pattern: str) -> _Ranges | None:
    """Return the texts that begin as the pattern does, up to its first wildcard."""
    prefix = as_text(pattern.partition("%")[0].partition("_")[0])
    if not prefix or not _is_storable(prefix):
        return None
    last = _after(prefix)
    return {texts: [texts.c.value >= prefix] if last is None else [texts.c.value >= prefix, texts.c.value < last]}


def _after(prefix: str) -> str | None:
    """Return the first text behind all that begin with the prefix."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)


def _entries(path_no: int, ranges: _Ranges) -> Select[Any]:
    """Select when the records of some entries became true, and their offsets."""
    selects = [select(table.c.produced_at, table.c.offset).where(table.c.path_no == path_no, *bounds) for table, bounds in ranges.items()]
    if not selects:
        return select(numbers.c.produced_at, numbers.c.offset).where(false())
    if len(selects) == 1:
        return selects[0]
    either = union_all(*selects).subquery("either")
    return select(either.c.produced_at, either.c.offset)


def _of_kind(tenant: str, kind: str) -> Select[Any]:
    return select(paths.c.path, paths.c.path_no).where(paths.c.tenant == tenant, paths.c.kind == kind)


def _is_current(connection: Connection) -> bool:
    """Return whether the index has our version and has seen the whole log: a process of an older release may append without it."""
    ours = (positions.c.name == IndexProjection.name, positions.c.version == IndexProjection.version)
    reached = select(positions.c.position).where(*ours).scalar_subquery()
    return bool(connection.scalar(select(or_(reached >= log_head.c.last_offset, log_head.c.last_offset == 0))))
