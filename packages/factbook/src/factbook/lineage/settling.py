"""The edges that follow from facts and from what names were settled to mean, written anew for the facts that are touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, and_, delete, literal, select

from factbook.database.bulk import bulk_insert
from factbook.lineage.lookup import look_up
from factbook.lineage.numbers import in_parts, number_columns
from factbook.lineage.pieces import Meaning, Piece, Timeline, cut, timeline
from factbook.lineage.tables import bindings, column_edges, edges, nodes
from factbook_sdk.facts.kinds.lineage import ColumnEdge

_EDGE = tuple(column.name for column in edges.columns)
_COLUMN_EDGE = tuple(column.name for column in column_edges.columns)
_columns = msgspec.json.Decoder(list[ColumnEdge])


class _Said(NamedTuple):
    """One input of one fact, and what the edges take from the fact."""

    fact: int
    place: int
    input_node: int
    type: int
    confidence: float
    columns: str | None
    output_node: int
    producer_no: int
    valid_from: int
    valid_to: int
    origin: int


_CHOSEN = "e.fact, e.place, e.node_id, e.type, e.confidence, e.columns, g.node_id, g.producer_no, g.valid_from, g.valid_to, g.origin"


def remove(connection: Connection, touched: Iterable[int]) -> None:
    """Take out the edges of facts."""
    for part in in_parts(sorted(touched)):
        for table in (edges, column_edges):
            connection.execute(delete(table).where(table.c.fact.in_(part)))


def write(connection: Connection, touched: Iterable[int]) -> None:
    """Write the edges of facts that have none, some hundred facts at a time."""
    for part in in_parts(sorted(touched)):
        rows = look_up(connection, part, _CHOSEN, "lineage_inputs e JOIN lineage_facts g ON g.fact = e.fact", "e.fact")
        _write(connection, sorted((_Said(*row) for row in rows), key=lambda one: one[:2]))


def rewrite(connection: Connection, touched: Iterable[int]) -> None:
    """Write the edges of facts anew."""
    listed = sorted(touched)
    remove(connection, listed)
    write(connection, listed)


def _write(connection: Connection, said: Sequence[_Said]) -> None:
    meant = _timelines(connection, {node_id for one in said for node_id in (one.input_node, one.output_node)})
    pieces = [(one, list(cut(one.valid_from, one.valid_to, meant[one.input_node], meant[one.output_node]))) for one in said]
    bulk_insert(connection, edges, _EDGE, [_edge(one, piece) for one, found in pieces for piece in found])
    between = [(one, number, step, piece) for one, found in pieces for number, step in _steps(one) for piece in found]
    if between:
        wanted = ((node_id, name) for _, _, step, piece in between for node_id, name in _ends(step, piece))
        numbers = number_columns(connection, wanted)
        bulk_insert(connection, column_edges, _COLUMN_EDGE, [_column_edge(*one, numbers) for one in between])


def _edge(one: _Said, piece: Piece) -> tuple[Any, ...]:
    has_columns = one.columns is not None
    return (one.fact, one.place, *piece, one.valid_from, one.producer_no, one.origin, one.type, has_columns, one.confidence)


def _steps(one: _Said) -> Iterator[tuple[int, ColumnEdge]]:
    yield from enumerate(_columns.decode(one.columns) if one.columns is not None else ())


def _ends(step: ColumnEdge, piece: Piece) -> tuple[tuple[int, str], tuple[int, str]]:
    return (piece.input_id, step.input), (piece.output_id, step.output)


def _column_edge(one: _Said, number: int, step: ColumnEdge, piece: Piece, numbers: dict[tuple[int, str], int]) -> tuple[Any, ...]:
    source, reader = _ends(step, piece)
    place = (one.fact, one.place, number, piece.valid_from, piece.valid_to)
    return (*place, numbers[source], numbers[reader], one.valid_from, one.producer_no, one.origin, one.type, one.confidence)


def _timelines(connection: Connection, named: Iterable[int]) -> dict[int, Timeline]:
    """Return what nodes mean over time."""
    listed = sorted(named)
    if connection.scalar(select(bindings.c.offset).limit(1)) is None:
        return {node_id: timeline(node_id, (), ()) for node_id in listed}
    names, spaces = _settled_names(connection, listed)
    settled = _meanings(connection, {*names.values(), *spaces.values()})
    return {
        node_id: timeline(node_id, *(settled[found[node_id]] if node_id in found else () for found in (names, spaces)))
        for node_id in listed
    }


def _settled_names(connection: Connection, named: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Return under which node the name of each node is settled, and under which its namespace, where there are such nodes."""
    place = nodes.alias("place")
    names: dict[int, int] = {}
    spaces: dict[int, int] = {}
    for part in in_parts(named):
        for found, table in ((names, nodes.c.table_name), (spaces, literal(""))):
            same = and_(
                place.c.tenant == nodes.c.tenant,
                place.c.source_id == nodes.c.space,
                place.c.schema_name == nodes.c.schema_name,
                place.c.table_name == table,
            )
            chosen = select(nodes.c.node_id, place.c.node_id).join_from(nodes, place, same)
            found.update({row[0]: row[1] for row in connection.execute(chosen.where(nodes.c.node_id.in_(part)))})
    return names, spaces


def _meanings(connection: Connection, named: Iterable[int]) -> defaultdict[int, list[Meaning]]:
    found: defaultdict[int, list[Meaning]] = defaultdict(list)
    order = (bindings.c.node_id, bindings.c.valid_from, bindings.c.offset)
    for part in in_parts(named):
        row: Row[Any]
        for row in connection.execute(select(bindings).where(bindings.c.node_id.in_(part)).order_by(*order)):
            if row.valid_from < row.valid_to:
                found[row.node_id].append(Meaning(row.valid_from, row.bound_id, row.is_ignored))
    return found
