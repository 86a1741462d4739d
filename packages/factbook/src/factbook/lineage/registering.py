"""Lineage by hand: what people and scripts say themselves, and take back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection, func, select

from factbook.errors import InvalidRequest, LimitReached, NotFound
from factbook.lineage.finding import find, is_one_of
from factbook.lineage.model import LineageEntry, LineageType
from factbook.lineage.naming import Target, name_of
from factbook.lineage.tables import OPEN, ORIGINS, PRODUCTS, facts, inputs, nodes, producers
from factbook.repository.rows import microseconds, moment
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.lineage import Lineage, LineageInput
from factbook_sdk.facts.parts import TableRef

MAX_NAME = 240
"""Characters in a name given by hand: two of them, and who says so, make up the producer's name."""

_MANUAL = ORIGINS.index("manual")
_TICK = timedelta(microseconds=1)
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=r"^[^\s\x00]([^\x00]*[^\s\x00])?$")]


class NewLineage(msgspec.Struct, frozen=True):
    """An entry to register: ``target`` is made from ``source``. Both are names of products, registered or not, or of tables that are known;
    ``confidence`` is the chance that it is so at all."""

    source: _Name
    target: _Name
    transformation: Annotated[str, Meta(max_length=4096)] | None = None
    lineage_type: LineageType = "direct"
    confidence: Annotated[float, Meta(ge=0, le=1)] = 1.0
    metadata: dict[str, Any] = {}


def read_wish(told: dict[str, Any]) -> NewLineage:
    """Return an entry to register from its fields; raises :class:`InvalidRequest` naming the one that is wrong."""
    try:
        return msgspec.convert(told, NewLineage)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise InvalidRequest("The entry is wrong", why=message, field=path.rstrip("`") or None) from error


class LineageRemoval(msgspec.Struct, frozen=True):
    """How many entries were taken back."""

    removed: int


class Registrar:
    """Registers entries and takes them back, in one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str, max_entries: int) -> None:
        self._repository = repository
        self._tenant = tenant
        self._max_entries = max_entries

    def register(self, wish: NewLineage, *, by: str) -> LineageEntry:
        """Store an entry as a fact of whoever says so, and return it. The identical one again changes nothing; another one of the same
        names and the same author takes its place. Raises :class:`LimitReached` over MAX_LINEAGE_ENTRIES."""
        if wish.source == wish.target:
            raise InvalidRequest("source and target are the same", why="nothing is made from itself", field="target")
        producer_id = producer_of(by, wish.source)
        source, target = self._meant(wish.source), self._meant(wish.target)
        with self._repository.transaction() as appending:
            connection = appending.connection
            known = _in_force(connection, self._tenant, target, producer_id)
            if known is None:
                self._check_room(connection)
            given = LineageInput(_ref(source), [], wish.lineage_type, wish.transformation, wish.confidence, wish.metadata)
            said_at = _now(known)
            appending.append(
                [
                    record_of(
                        Lineage("manual", [given]),
                        _target(target),
                        producer_id=producer_id,
                        produced_at=said_at,
                        context=MetadataContext(tenant=self._tenant),
                    )
                ]
            )
            stands_from = moment(_in_force(connection, self._tenant, target, producer_id) or microseconds(said_at))
            first = moment(_first_said(connection, self._tenant, target, producer_id))
        return LineageEntry(
            source=name_of(source),
            target=name_of(target),
            transformation=wish.transformation,
            lineage_type=wish.lineage_type,
            confidence=wish.confidence,
            metadata=wish.metadata,
            timestamp=stands_from,
            origin="manual",
            producer_id=producer_id,
            first_seen=first,
            last_seen=stands_from,
        )

    def remove(self, source: str, target: str) -> LineageRemoval:
        """Take back every entry of these two names that was made by hand, whoever made it; return how many. Raises :class:`NotFound`."""
        sources, targets = ({self._meant(name), (PRODUCTS, "", name)} for name in (source, target))
        with self._repository.transaction() as appending:
            standing = _by_hand(appending.connection, self._tenant, sources, targets)
            if not standing:
                raise NotFound(
                    f"No entry from {source!r} to {target!r} was made by hand",
                    why="only what people say is taken back so; other lineage ends with what it was read from",
                    fix="GET /lineage?origin=manual lists what was",
                    field="source",
                )
            context = MetadataContext(tenant=self._tenant)
            appending.append(
                [
                    closing(Lineage, _target(target), producer_id=producer_id, produced_at=_now(valid_from), context=context)
                    for target, producer_id, valid_from in standing
                ]
            )
        return LineageRemoval(len(standing))

    def _check_room(self, connection: Connection) -> None:
        mine = (facts.c.tenant == self._tenant, facts.c.valid_to == OPEN, facts.c.origin == _MANUAL)
        if (connection.scalar(select(func.count()).where(*mine)) or 0) >= self._max_entries:
            raise LimitReached(
                "No more lineage is taken by hand",
                why=f"there are {self._max_entries:,} entries already, which is MAX_LINEAGE_ENTRIES",
                fix="Take entries back that no longer hold, or raise MAX_LINEAGE_ENTRIES on the server",
            )

    def _meant(self, name: str) -> Target:
        """Return the table that a name is known to mean, else the product of that name, registered or not.

        Raises :class:`InvalidRequest` for the name of a table's column: a product of that name would hide the column.
        """
        try:
            with self._repository.reading_beside() as connection:
                found = find(connection, self._repository, name, tenant=self._tenant)
        except NotFound:
            return PRODUCTS, "", name
        if found.column is None:
            return found.target
        if found.target[0] == PRODUCTS:
            return PRODUCTS, "", name
        table = name_of(found.target)
        raise InvalidRequest(
            f"{name!r} is a column", why=f"it is one of the table {table}, and what is said by hand is of tables", fix=f"Name {table}"
        )


def producer_of(by: str, source: str) -> str:
    """Return under which producer somebody's entry about a source stands, so that one entry never replaces another."""
    return f"manual:{by[:MAX_NAME]}:{source}"


def _now(stands_from: int | None) -> datetime:
    # A fact from a clock ahead of ours must not stay in force over what is said now.
    now = datetime.now(UTC)
    return now if stands_from is None else max(now, moment(stands_from) + _TICK)


def _target(target: Target) -> MetadataTarget:
    return MetadataTarget(target[0], target[1] or None, target[2])


def _ref(target: Target) -> TableRef:
    return TableRef(target[0], target[2], target[1] or None)


def _stream(tenant: str, target: Target, producer_id: str) -> Any:
    return (
        select(facts.c.valid_from)
        .join(nodes, nodes.c.node_id == facts.c.node_id)
        .join(producers, producers.c.producer_no == facts.c.producer_no)
        .where(nodes.c.tenant == tenant, nodes.c.source_id == target[0], nodes.c.schema_name == target[1], nodes.c.table_name == target[2])
        .where(producers.c.producer_id == producer_id, facts.c.origin.is_not(None))
    )


def _in_force(connection: Connection, tenant: str, target: Target, producer_id: str) -> int | None:
    return connection.scalar(_stream(tenant, target, producer_id).where(facts.c.valid_to == OPEN))  # type: ignore[no-any-return]


def _first_said(connection: Connection, tenant: str, target: Target, producer_id: str) -> int:
    return int(connection.scalars(_stream(tenant, target, producer_id).order_by(facts.c.valid_from).limit(1)).one())


def _by_hand(
    connection: Connection, tenant: str, sources: Collection[Target], targets: Collection[Target]
) -> list[tuple[Target, str, int]]:
    """Return target, producer and beginning of what was said by hand and stands."""
    given = nodes.alias("given")
    standing = (
        select(nodes, producers.c.producer_id, facts.c.valid_from)
        .join_from(facts, nodes, nodes.c.node_id == facts.c.node_id)
        .join(producers, producers.c.producer_no == facts.c.producer_no)
        .join(inputs, inputs.c.fact == facts.c.fact)
        .join(given, given.c.node_id == inputs.c.node_id)
        .where(facts.c.valid_to == OPEN, facts.c.origin == _MANUAL)
        .where(is_one_of(nodes, targets, tenant), is_one_of(given, sources, tenant))
    )
    rows = connection.execute(standing).all()
    return [((row.source_id, row.schema_name, row.table_name), row.producer_id, row.valid_from) for row in rows]
