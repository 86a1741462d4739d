"""Values by which records are found quickly: a view of the log with one row per record and indexed path of its kind.

A row holds what is needed to pick candidates and no more: numbers as doubles, texts cut to their beginning. Both keep the order of what
they stand for, so a range of rows holds at least the records looked for; ``filters.matches`` has the last word. The bodies themselves are
never indexed: they may have moved to an archive. See docs/decisions/0011-kinds-are-facts.md.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Double, Integer, MetaData, Table, Text, UniqueConstraint, delete, select

from factbook.database.bulk import bulk_insert
from factbook.database.log_tables import channels
from factbook.database.log_tables import records as log
from factbook.repository import reading
from factbook.repository.archive.bodies import Bodies
from factbook.repository.projection import REPLAY_RECORDS, Projection
from factbook.repository.rows import microseconds
from factbook_sdk.facts import Kind
from factbook_sdk.facts.kinds.kind_definition import KIND as DEFINITIONS
from factbook_sdk.facts.kinds.kind_definition import KindDefinition
from factbook_sdk.repository.contract import StoredRecord
from factbook_sdk.repository.filters import MISSING, value_at

MAX_PATHS = 16
"""Paths a kind may have indexed: each costs a row per record."""
MAX_TEXT = 200
"""Characters of a text that are kept: PostgreSQL's index entries end at 2,700 bytes."""

_NUMBERED = 100
_METADATA = MetaData()
_OFFSET = BigInteger().with_variant(Integer(), "sqlite")
# By code point, as Python compares; a database's own collation would put ranges elsewhere.
_BY_CODE_POINT = Text().with_variant(Text(collation="C"), "postgresql")

paths = Table(
    "index_paths",
    _METADATA,
    Column("path_no", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    UniqueConstraint("tenant", "kind", "path"),
)
"""``path_no`` is made from the offset that brought the path, so that it is never given twice and is the same after a rebuild."""


def _values(name: str, value: Column[Any]) -> Table:
    return Table(
        name,
        _METADATA,
        Column("path_no", BigInteger, primary_key=True, autoincrement=False),
        value,
        Column("produced_at", BigInteger, primary_key=True),
        Column("offset", _OFFSET, primary_key=True),
        sqlite_with_rowid=False,
    )


numbers = _values("index_numbers", Column("value", Double, primary_key=True))
"""Numbers, and true and false as 1 and 0."""
texts = _values("index_texts", Column("value", _BY_CODE_POINT, primary_key=True))
"""Texts, and an empty one for every list and object: they can be asked whether they exist."""

_COLUMNS = ("path_no", "value", "produced_at", "offset")

_Owner = tuple[str, str]
"""Tenant, kind."""


def as_number(value: float) -> float:
    """Return a number as it is indexed; order is kept, what no double can hold ends at the largest one."""
    try:
        return max(-sys.float_info.max, min(sys.float_info.max, float(value)))
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max


def as_text(value: str) -> str:
    """Return the beginning of a text as it is indexed: up to a NUL, which PostgreSQL cannot store; order is kept."""
    return value[:MAX_TEXT].partition("\x00")[0]


class IndexProjection(Projection):
    """The indexed values of every tenant's records: of built-in kinds by their declaration, of others by their ``kind_definition``.

    Raise ``version`` when the indexed paths of a built-in kind change. A kind that gets a new path is filled from the log in the
    transaction that declares it.
    """

    name = "index"
    version = 3
    kinds = frozenset({DEFINITIONS.name})
    tables = (paths, numbers, texts)

    def __init__(self, builtin: Iterable[Kind]) -> None:
        self._builtin = {kind.name: kind.indexed for kind in builtin}
        self._plain = frozenset(name for name, indexed in self._builtin.items() if not indexed) - self.kinds

    def wanted(self, kinds: frozenset[str]) -> frozenset[str]:
        return kinds - self._plain

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        """Fill in order: a definition changes what is kept of the records after it."""
        for is_definition, run in groupby(records, key=lambda item: item.record.kind == DEFINITIONS.name):
            if is_definition:
                for item in run:
                    self._declare(connection, item)
            else:
                self._fill(connection, list(run))

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        declared = _declared(connection, [(tenant, kind)]).get((tenant, kind), {})
        for table in (numbers, texts) if declared else ():
            held = select(log.c.offset).where(log.c.offset == table.c.offset, log.c.produced_at == table.c.produced_at).exists()
            connection.execute(delete(table).where(table.c.path_no.in_(declared.values()), ~held))

    def _fill(self, connection: Connection, run: Sequence[StoredRecord]) -> None:
        owners = {(item.record.context.tenant, item.record.kind): item.offset for item in reversed(run)}
        declared = _declared(connection, owners)
        for (tenant, kind), first in owners.items():
            if (tenant, kind) not in declared and self._builtin.get(kind):
                declared[tenant, kind] = _give(connection, (tenant, kind), self._builtin[kind], first)
        _insert(connection, ((item, declared.get((item.record.context.tenant, item.record.kind), {})) for item in run))

    def _declare(self, connection: Connection, item: StoredRecord) -> None:
        """Drop the values of paths no longer declared; number new ones and fill them from the log before the definition."""
        if item.record.payload is None:
            return
        definition = msgspec.convert(item.record.payload, KindDefinition)
        owner = item.record.context.tenant, definition.name
        if definition.name in self._builtin:
            return
        known = _declared(connection, [owner]).get(owner, {})
        gone = [number for path, number in known.items() if path not in definition.indexed]
        for table in (numbers, texts, paths) if gone else ():
            connection.execute(delete(table).where(table.c.path_no.in_(gone)))
        new = [path for path in definition.indexed if path not in known]
        if new:
            given = _give(connection, owner, new, item.offset)
            for page in _history(connection, self.bodies, owner, item.offset):
                _insert(connection, ((found, given) for found in page))


def _declared(connection: Connection, owners: Collection[_Owner]) -> dict[_Owner, dict[str, int]]:
    """Return the numbers of the paths that these tenants' kinds have indexed."""
    found: dict[_Owner, dict[str, int]] = defaultdict(dict)
    wanted = paths.c.tenant.in_({tenant for tenant, _ in owners}), paths.c.kind.in_({kind for _, kind in owners})
    statement = select(paths.c.tenant, paths.c.kind, paths.c.path, paths.c.path_no).where(*wanted)
    for tenant, kind, path, number in connection.execute(statement):
        found[tenant, kind][path] = number
    return dict(found)


def _give(connection: Connection, owner: _Owner, new: Sequence[str], offset: int) -> dict[str, int]:
    given = {path: offset * _NUMBERED + place for place, path in enumerate(new)}
    bulk_insert(connection, paths, ("path_no", "tenant", "kind", "path"), [(number, *owner, path) for path, number in given.items()])
    return given


def _insert(connection: Connection, found: Iterable[tuple[StoredRecord, dict[str, int]]]) -> None:
    """Insert the values that records hold at their paths."""
    of_numbers: list[tuple[Any, ...]] = []
    of_texts: list[tuple[Any, ...]] = []
    for item, declared in found:
        for path, number in declared.items():
            value = value_at(item.record, path)
            if value is MISSING:
                continue
            place = microseconds(item.record.produced_at), item.offset
            if isinstance(value, (int, float)):
                of_numbers.append((number, as_number(value), *place))
            else:
                of_texts.append((number, as_text(value) if isinstance(value, str) else "", *place))
    bulk_insert(connection, numbers, _COLUMNS, of_numbers)
    bulk_insert(connection, texts, _COLUMNS, of_texts)


def _history(connection: Connection, bodies: Bodies, owner: _Owner, before: int) -> Iterator[list[StoredRecord]]:
    """Yield the records of a tenant and kind below an offset, a page at a time."""
    tenant, kind = owner
    number = connection.scalar(select(channels.c.channel_no).where(channels.c.tenant == tenant, channels.c.kind == kind))
    conditions = [log.c.channel_no == number, log.c.offset < before]
    after = None
    while number is not None:
        page = reading.ordered(connection, bodies, conditions, after=after, limit=REPLAY_RECORDS, channel=number)
        yield page
        if len(page) < REPLAY_RECORDS:
            return
        after = microseconds(page[-1].record.produced_at), page[-1].offset
