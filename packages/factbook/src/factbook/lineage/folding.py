"""From facts to edges: what a batch of facts and bindings changes, and the edges that follow anew from what it touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select, update

from factbook.database.bulk import bulk_insert
from factbook.lineage.lookup import look_up
from factbook.lineage.naming import Target, settled_as
from factbook.lineage.numbers import NodeKey, in_parts, number_nodes, number_producers
from factbook.lineage.pieces import ends
from factbook.lineage.settling import remove, write
from factbook.lineage.tables import OPEN, ORIGINS, TYPES, bindings, facts, inputs, nodes
from factbook.repository.rows import microseconds
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.kinds.name_binding import NameBinding
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import StoredRecord

_FACT = ("fact", "tenant", "node_id", "producer_no", "valid_from", "valid_to", "origin", "job", "evidence")
_INPUT = ("fact", "place", "node_id", "type", "confidence", "transformation", "metadata", "columns")
_BINDING = ("offset", "node_id", "valid_from", "valid_to", "bound_id", "is_ignored")

Stream = tuple[int, int]
"""Node and producer."""


class Link(NamedTuple):
    """A state in its chain: when it began, its offset, and until when it holds as far as that was known."""

    valid_from: int
    offset: int
    valid_to: int | None


def target_of(table: MetadataTarget | TableRef) -> Target:
    """Return a table as its source, schema (empty for none) and table (empty for a whole namespace)."""
    return table.source_id, table.schema or "", table.table or ""


def is_about_table(item: StoredRecord) -> bool:
    """Return whether a ``lineage`` fact is about a whole table; of parts of tables and of whole sources there are no edges."""
    return item.record.target.table is not None and not item.record.target.extras


def fold(connection: Connection, said: Sequence[StoredRecord], settled: Sequence[StoredRecord]) -> None:
    """Fold ``lineage`` and ``name_binding`` records in, in log order, back-dated ones where they belong."""
    read = [(item, None if item.record.payload is None else msgspec.convert(item.record.payload, Lineage)) for item in said]
    meant = [(item, None if item.record.payload is None else msgspec.convert(item.record.payload, NameBinding)) for item in settled]
    numbers = number_nodes(connection, list(_named(read, meant)))
    touched = _fold_facts(connection, read, numbers)
    touched |= _fold_bindings(connection, meant, numbers)
    new = {item.offset for item in said}
    remove(connection, touched - new)
    write(connection, touched)


def _named(
    read: Iterable[tuple[StoredRecord, Lineage | None]], meant: Iterable[tuple[StoredRecord, NameBinding | None]]
) -> Iterator[NodeKey]:
    """Yield what records name, in log order."""
    for item, payload in sorted([*read, *meant], key=lambda pair: pair[0].offset):
        tenant = item.record.context.tenant
        target = target_of(item.record.target)
        yield tenant, target if item.record.kind == "lineage" else settled_as(target)
        if isinstance(payload, Lineage):
            yield from ((tenant, target_of(given.table)) for given in payload.inputs)
        elif payload is not None and (bound := _bound(payload)) is not None:
            yield tenant, bound


def _bound(binding: NameBinding) -> Target | None:
    if binding.ignored or binding.source_id is None or binding.table is None:
        return None
    return binding.source_id, binding.schema or "", binding.table


def _fold_facts(connection: Connection, read: Sequence[tuple[StoredRecord, Lineage | None]], numbers: dict[NodeKey, int]) -> set[int]:
    """Store facts and what they say; return those whose edges change."""
    if not read:
        return set()
    owners = number_producers(connection, ((item.record.context.tenant, item.record.producer_id) for item, _ in read))
    streams: defaultdict[Stream, list[Link]] = defaultdict(list)
    rows: dict[int, list[Any]] = {}
    for item, lineage in read:
        record, moment = item.record, microseconds(item.record.produced_at)
        tenant = record.context.tenant
        stream = numbers[tenant, target_of(record.target)], owners[tenant, record.producer_id]
        streams[stream].append(Link(moment, item.offset, None))
        rows[item.offset] = [item.offset, tenant, *stream, moment, OPEN, *_about(lineage)]
    moved = _chain(connection, streams, rows)
    bulk_insert(connection, facts, _FACT, [tuple(row) for row in rows.values()])
    bulk_insert(connection, inputs, _INPUT, [row for item, lineage in read for row in _inputs(item, lineage, numbers)])
    return moved | {item.offset for item, lineage in read if lineage is not None}


def _about(lineage: Lineage | None) -> tuple[int | None, str | None, str | None]:
    if lineage is None:
        return None, None, None
    job = None if lineage.job is None else f"{lineage.job.namespace}/{lineage.job.name}"
    evidence = None if lineage.evidence is None else msgspec.json.encode(lineage.evidence).decode()
    return ORIGINS.index(lineage.origin), job, evidence


def _inputs(item: StoredRecord, lineage: Lineage | None, numbers: dict[NodeKey, int]) -> Iterator[tuple[Any, ...]]:
    for place, given in enumerate(lineage.inputs if lineage is not None else ()):
        node_id = numbers[item.record.context.tenant, target_of(given.table)]
        confidence = 1.0 if given.confidence is None else given.confidence
        metadata = msgspec.json.encode(given.metadata, order="sorted").decode() if given.metadata else None
        columns = msgspec.json.encode(given.columns).decode() if given.columns else None
        yield item.offset, place, node_id, TYPES.index(given.type), confidence, given.transformation, metadata, columns


def _chain(connection: Connection, streams: dict[Stream, list[Link]], rows: dict[int, list[Any]]) -> set[int]:
    """Say of new facts until when they hold, and of known ones that they hold less long; return the latter."""
    there = _open_links(connection, list(streams))
    moved: dict[int, int] = {}
    for stream, new in streams.items():
        known = there.get(stream, [])
        if known and min(new)[:2] < known[0][:2]:
            known = _all_links(connection, stream)
        links = sorted([*known, *new], key=lambda link: link[:2])
        for link, end in zip(links, ends([link.valid_from for link in links]), strict=True):
            if link.valid_to is None:
                rows[link.offset][_FACT.index("valid_to")] = end
            elif link.valid_to != end:
                moved[link.offset] = end
    for fact, end in moved.items():
        connection.execute(update(facts).where(facts.c.fact == fact).values(valid_to=end))
    return set(moved)


def _open_links(connection: Connection, streams: Sequence[Stream]) -> dict[Stream, list[Link]]:
    found: dict[Stream, list[Link]] = {}
    chosen = "e.node_id, e.producer_no, e.valid_from, e.fact"
    for part in in_parts(dict.fromkeys(node_id for node_id, _ in streams)):
        for node_id, producer_no, valid_from, fact in look_up(
            connection, part, chosen, "lineage_facts e", "e.node_id", f"e.valid_to = {OPEN}"
        ):
            found[node_id, producer_no] = [Link(valid_from, fact, OPEN)]
    return found


def _all_links(connection: Connection, stream: Stream) -> list[Link]:
    chosen = select(facts.c.valid_from, facts.c.fact, facts.c.valid_to)
    rows = connection.execute(chosen.where(facts.c.node_id == stream[0], facts.c.producer_no == stream[1]))
    return [Link(*row) for row in rows]


def _fold_bindings(
    connection: Connection, meant: Sequence[tuple[StoredRecord, NameBinding | None]], numbers: dict[NodeKey, int]
) -> set[int]:
    """Store what was settled; return the facts that name what it was settled of."""
    new: list[tuple[Any, ...]] = []
    for item, binding in meant:
        tenant = item.record.context.tenant
        bound = None if binding is None else _bound(binding)
        bound_id = None if bound is None else numbers[tenant, bound]
        moment = microseconds(item.record.produced_at)
        is_ignored = binding is not None and binding.ignored
        new.append((item.offset, numbers[tenant, settled_as(target_of(item.record.target))], moment, OPEN, bound_id, is_ignored))
    bulk_insert(connection, bindings, _BINDING, new)
    settled = {row[1] for row in new}
    for node_id in settled:
        chain_bindings(connection, node_id)
    return naming_facts(connection, settled)


def chain_bindings(connection: Connection, node_id: int) -> None:
    """Say of all that was settled of a name until when it holds. Of two the later one counts, whoever made it."""
    mine = select(bindings.c.valid_from, bindings.c.offset, bindings.c.valid_to).where(bindings.c.node_id == node_id)
    links = sorted((Link(*row) for row in connection.execute(mine)), key=attrgetter("valid_from", "offset"))
    for link, end in zip(links, ends([link.valid_from for link in links]), strict=True):
        if link.valid_to != end:
            connection.execute(update(bindings).where(bindings.c.offset == link.offset).values(valid_to=end))


def naming_facts(connection: Connection, settled: Iterable[int]) -> set[int]:
    """Return the facts that name what was settled; a node that stands for a namespace means every dataset in it."""
    found: set[int] = set()
    for node_id in _meant_by(connection, settled):
        found.update(connection.scalars(select(facts.c.fact).where(facts.c.node_id == node_id, facts.c.origin.is_not(None))))
        found.update(connection.scalars(select(inputs.c.fact).where(inputs.c.node_id == node_id)))
    return found


def _meant_by(connection: Connection, settled: Iterable[int]) -> set[int]:
    """Return the nodes that are called so, however their namespaces are written."""
    meant: set[int] = set()
    for part in in_parts(settled):
        rows = connection.execute(select(nodes).where(nodes.c.node_id.in_(part))).all()
        for row in rows:
            same = [nodes.c.tenant == row.tenant, nodes.c.space == row.source_id, nodes.c.schema_name == row.schema_name]
            if row.table_name:
                same.append(nodes.c.table_name == row.table_name)
            meant.update(connection.scalars(select(nodes.c.node_id).where(*same)))
    return meant


def forget_facts(connection: Connection, gone: Sequence[int]) -> set[int]:
    """Take out facts; return those that are left and now hold longer."""
    streams: set[Stream] = set()
    for part in in_parts(gone):
        streams.update(tuple(row) for row in connection.execute(select(facts.c.node_id, facts.c.producer_no).where(facts.c.fact.in_(part))))
        for table in (inputs, facts):
            connection.execute(delete(table).where(table.c.fact.in_(part)))
    moved: set[int] = set()
    for stream in streams:
        links = sorted(_all_links(connection, stream), key=lambda link: link[:2])
        for link, end in zip(links, ends([link.valid_from for link in links]), strict=True):
            if link.valid_to != end:
                connection.execute(update(facts).where(facts.c.fact == link.offset).values(valid_to=end))
                moved.add(link.offset)
    return moved
