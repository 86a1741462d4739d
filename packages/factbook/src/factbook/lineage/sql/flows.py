"""What a statement fills one table from, in tables and columns of sources. Pure: what was traced comes in, payloads go out.

A statement names tables as its writer did; a :class:`Place` says what is meant. What goes through a temporary table is followed to the
tables behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from factbook.lineage.sql.model import Edge, Parsed, Traced, is_direct, stronger, through
from factbook_sdk.facts.kinds.lineage import ColumnEdge, Evidence, Lineage, LineageInput, LineageJob, Origin, Unresolved
from factbook_sdk.facts.parts import TableRef

WHOLE_ROW = "*"
"""The output of an edge that decides about rows, where it is not said of every column of the target: there are none, or too many."""

MAX_SPREAD = 4_000
"""Edges of what decides about rows, times the columns it decides about, up to which they are all said."""

MAX_STATEMENT = 10_000
"""Characters of a statement that a fact keeps."""

MAX_UNRESOLVED = 100

Source = tuple[TableRef, str]
"""A column of a table."""

Ways = dict[Source, dict[str, str | None]]
"""By column: the subtypes by which it takes part, each with its expression."""


class Flow(msgspec.Struct):
    """What fills one table. ``opaque`` are inputs of which some columns cannot be told; ``unresolved`` are names that mean no known table,
    ``strays`` columns that belong to no table, each with the reason."""

    columns: dict[str, Ways] = {}
    rows: Ways = {}
    tables: dict[TableRef, None] = {}
    opaque: set[TableRef] = set()
    unresolved: dict[str, str] = {}
    strays: dict[str, str] = {}

    def add(self, other: Flow) -> None:
        """Take in what another statement fills the same table from."""
        for name, ways in other.columns.items():
            _merge(self.columns.setdefault(name, {}), ways)
        _merge(self.rows, other.rows)
        self.tables |= other.tables
        self.opaque |= other.opaque
        self.unresolved |= other.unresolved
        self.strays |= other.strays


class Place(msgspec.Struct, frozen=True):
    """What a name in a statement means. ``flow``: it is a temporary table, and this is what fills it. ``reason``: why it is not known."""

    table: TableRef
    columns: Sequence[str] | None = None
    flow: Flow | None = None
    reason: str | None = None
    ignored: bool = False


def flow_of(parsed: Parsed, traced: Traced, places: Sequence[Place], own_columns: Sequence[str] | None) -> Flow:
    """Return what a traced statement fills its target from. ``own_columns`` are the target's, where they are known."""
    flow = Flow(strays={item.name: item.reason for item in traced.unknown})
    for place in places:
        if place.ignored:
            continue
        if place.reason is not None:
            flow.unresolved[place.table.table] = place.reason
        behind = {place.table: None} if place.flow is None else place.flow.tables
        flow.tables |= behind
        if place.flow is not None:
            flow.opaque |= place.flow.opaque
            _merge(flow.rows, place.flow.rows)
    for number in traced.stars:
        starred = places[number]
        if not starred.ignored:
            flow.opaque |= {starred.table} if starred.flow is None else set(starred.flow.tables)
    names = _own_names(parsed, [output.name for output in traced.outputs], own_columns)
    for name, output in zip(names, traced.outputs, strict=True):
        _merge(flow.columns.setdefault(name, {}), _ways(output.edges, places))
    _merge(flow.rows, _ways(traced.rows, places))
    return flow


def lineage_of(
    flow: Flow,
    target: TableRef | None,
    *,
    origin: Origin,
    statement: str | None,
    evidence: Evidence,
    job: LineageJob | None = None,
) -> Lineage:
    """Return the payload that says what ``target`` is filled from."""
    unresolved = [Unresolved(name, reason) for name, reason in sorted(flow.unresolved.items())[:MAX_UNRESOLVED]]
    if statement is not None and len(statement) > MAX_STATEMENT:
        statement = statement[: MAX_STATEMENT - 1] + "…"
    inputs = inputs_of(flow, target)
    return Lineage(origin=origin, inputs=inputs, job=job, statement=statement, unresolved=unresolved, evidence=evidence)


def inputs_of(flow: Flow, target: TableRef | None) -> list[LineageInput]:
    """Return the tables a flow comes from. That a table decides about its own rows, as in an UPDATE, makes it no input of itself."""
    edges: dict[TableRef, list[ColumnEdge]] = {table: [] for table in sorted(flow.tables, key=_order)}
    for output, ways in _by_output(flow).items():
        for (table, column), found in ways.items():
            for subtype, transformation in found.items():
                if table == target and (not is_direct(subtype) or column == output):
                    continue
                how: Literal["direct", "indirect"] = "direct" if is_direct(subtype) else "indirect"
                edges.setdefault(table, []).append(ColumnEdge(output, column, how, subtype, transformation))
    return [_input(table, found, table in flow.opaque) for table, found in edges.items() if found or table != target]


def _by_output(flow: Flow) -> dict[str, Ways]:
    """Return what each column of the target depends on, what decides about its rows included."""
    deciding = sum(map(len, flow.rows.values()))
    if not flow.columns or deciding * len(flow.columns) > MAX_SPREAD:
        return flow.columns | {WHOLE_ROW: flow.rows}
    together: dict[str, Ways] = {}
    for name, ways in flow.columns.items():
        _merge(together.setdefault(name, {}), ways)
        _merge(together[name], flow.rows)
    return together


def _input(table: TableRef, edges: list[ColumnEdge], is_opaque: bool) -> LineageInput:
    subtypes = {edge.subtype for edge in edges if edge.type == "direct"}
    kind: Literal["direct", "derived", "aggregated"] = "derived"
    if "AGGREGATION" in subtypes:
        kind = "aggregated"
    elif subtypes == {"IDENTITY"} or (is_opaque and not subtypes):
        kind = "direct"
    if is_opaque:
        # Columns that are given are all there are, and here some are missing.
        metadata: dict[str, Any] = {"columns_unknown": "a * over it could not be expanded: its columns are not known"}
        return LineageInput(table, type=kind, metadata=metadata)
    return LineageInput(table, sorted(edges, key=lambda edge: (edge.output, edge.input, edge.subtype or "")), type=kind)


def _own_names(parsed: Parsed, outputs: Sequence[str], own: Sequence[str] | None) -> list[str]:
    """Return which columns of the target the outputs fill: by their places, or by their names as the target writes them."""
    if own is not None and ((parsed.by_position and len(outputs) <= len(own)) or (parsed.is_view and len(outputs) == len(own))):
        return list(own[: len(outputs)])
    spelled: Mapping[str, str] = {name.lower(): name for name in own or ()}
    return [name if name in (own or ()) else spelled.get(name.lower(), name) for name in outputs]


def _ways(edges: Iterable[Edge], places: Sequence[Place]) -> Ways:
    ways: Ways = {}
    for edge in edges:
        place = places[edge.mention]
        if place.ignored:
            continue
        if place.flow is None:
            _merge(ways, {(place.table, edge.column): {edge.subtype: edge.transformation}})
        else:
            for source, found in place.flow.columns.get(edge.column, {}).items():
                passed = {through(edge.subtype, inner): edge.transformation or by for inner, by in found.items()}
                _merge(ways, {source: passed})
    return ways


def _merge(into: Ways, ways: Ways) -> None:
    """Add ways to others; of direct ones the strongest stands."""
    for source, found in ways.items():
        known = into.setdefault(source, {})
        for subtype, transformation in found.items():
            direct = next((item for item in known if is_direct(item)), None) if is_direct(subtype) else None
            if direct is None:
                known.setdefault(subtype, transformation)
            elif stronger(direct, subtype) != direct:
                del known[direct]
                known[subtype] = transformation


def _order(table: TableRef) -> tuple[str, str, str]:
    return table.source_id, table.schema or "", table.table
