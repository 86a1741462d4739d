"""From the inputs and outputs of a run to lineage: one fact for each output, with the columns where the producer names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from factbook.names import Resolved
from factbook.openlineage.merging import Run
from factbook.openlineage.model import Dataset, entries, is_deleted, is_name, text_of
from factbook.openlineage.naming import bounded
from factbook.openlineage.resolving import Resolver, place
from factbook_sdk.facts.kinds.lineage import ColumnEdge, Lineage, LineageInput, LineageJob
from factbook_sdk.facts.parts import TableRef

MAX_SPREAD = 20_000
"""Edges that dependencies of a whole dataset may become when they are spread over its columns."""

Form = Literal["direct", "derived", "aggregated"]


def lineage_of(run: Run, job: LineageJob, resolver: Resolver) -> dict[TableRef, Lineage]:
    """Return the lineage of each output that is made of something. Datasets that are ignored are left out, as are outputs dropped by it."""
    aliases = {symlink: dataset for dataset in run.inputs.values() for symlink in dataset.symlinks} | dict(run.inputs)
    places: dict[tuple[str, str], Resolved] = {}

    def placed(dataset: Dataset) -> Resolved:
        known = places.get(dataset.key)
        if known is None:
            known = places[dataset.key] = place(resolver, dataset)
        return known

    found: dict[TableRef, Lineage] = {}
    for output in run.outputs.values():
        target = place(resolver, output)
        if target.ignored or change_of(output) == "DROP":
            continue
        inputs: dict[TableRef, set[ColumnEdge]] = {}
        for dataset in run.inputs.values():
            source = placed(dataset)
            if not source.ignored:
                inputs.setdefault(source.table, set())
        for dataset, edge in _column_edges(output, aliases):
            source = placed(dataset)
            if not source.ignored:
                inputs.setdefault(source.table, set()).add(edge)
        known = found.get(target.table)
        if known is not None:
            for given in known.inputs:
                inputs.setdefault(given.table, set()).update(given.columns)
        if inputs:
            found[target.table] = Lineage("openlineage", in_order(inputs), job, run.statement)
    return found


def dropped_by(run: Run, resolver: Resolver) -> set[TableRef]:
    """Return the tables that the run says are gone: dropped, or renamed into another."""
    gone: set[TableRef] = set()
    for output in run.outputs.values():
        change = change_of(output)
        if change == "DROP":
            gone.add(place(resolver, output).table)
        before = output.facets.get("lifecycleStateChange", {}).get("previousIdentifier")
        if change == "RENAME" and isinstance(before, dict) and is_name(before.get("namespace")) and is_name(before.get("name")):
            gone.add(place(resolver, Dataset(before["namespace"], before["name"])).table)
    return gone


def change_of(dataset: Dataset) -> str | None:
    """Return what an event did to a dataset as a whole (``DROP``, ``RENAME`` …)."""
    facet = dataset.facets.get("lifecycleStateChange")
    return None if facet is None or is_deleted(facet) else text_of(facet.get("lifecycleStateChange"))


def joined(one: Lineage, other: Lineage) -> Lineage:
    """Return a lineage with the inputs of both; all else is that of the first."""
    inputs: dict[TableRef, set[ColumnEdge]] = {}
    for given in (*one.inputs, *other.inputs):
        inputs.setdefault(given.table, set()).update(given.columns)
    return msgspec.structs.replace(one, inputs=in_order(inputs))


def in_order(inputs: Mapping[TableRef, set[ColumnEdge]]) -> list[LineageInput]:
    """Return inputs in an order of their own, so that what is the same is the same state however it came."""
    named = sorted(inputs, key=lambda table: (table.source_id, table.schema or "", table.table))
    return [LineageInput(table, sorted(inputs[table], key=_edge_order), form_of(inputs[table])) for table in named]


def form_of(edges: Iterable[ColumnEdge]) -> Form:
    """Return what is done to a table on the way, as its columns tell."""
    direct = {edge.subtype for edge in edges if edge.type == "direct"}
    if "AGGREGATION" in direct:
        return "aggregated"
    return "derived" if direct - {"IDENTITY", None} else "direct"


def pairs_of(lineage: Lineage) -> int:
    """Return how many pairs of columns a lineage has, whatever the number of ways in which one depends on the other."""
    return sum(len({(edge.output, edge.input) for edge in given.columns}) for given in lineage.inputs)


def _edge_order(edge: ColumnEdge) -> tuple[str, str, str, str, str]:
    return edge.output, edge.input, edge.type, edge.subtype or "", edge.transformation or ""


def _column_edges(output: Dataset, known: Mapping[tuple[str, str], Dataset]) -> Iterator[tuple[Dataset, ColumnEdge]]:
    facet = output.facets.get("columnLineage")
    if facet is None or is_deleted(facet) or not isinstance(facet.get("fields"), dict):
        return
    fields: dict[str, Any] = facet["fields"]
    for name, field in fields.items():
        if not name or not isinstance(field, dict):
            continue
        # Before version 1.1 of the facet a field told how it is made, not each of its inputs.
        plain = {"subtype": field.get("transformationType"), "description": field.get("transformationDescription")}
        for entry in entries(field, "inputFields"):
            yield from _edges_of(entry, name, known, plain)
    of_all = entries(facet, "dataset")
    if len(of_all) * len(fields) <= MAX_SPREAD:
        for entry in of_all:
            for name in filter(None, fields):
                yield from _edges_of(entry, name, known, {"type": "INDIRECT"})


def _edges_of(
    entry: dict[str, Any], output: str, known: Mapping[tuple[str, str], Dataset], plain: dict[str, Any]
) -> Iterator[tuple[Dataset, ColumnEdge]]:
    namespace, name, field = entry.get("namespace"), entry.get("name"), entry.get("field")
    if not (isinstance(namespace, str) and namespace and isinstance(name, str) and name and isinstance(field, str) and field):
        return
    dataset = known.get((namespace, name)) or Dataset(namespace, name)
    for way in entries(entry, "transformations") or [plain]:
        kind: Literal["direct", "indirect"] = "indirect" if str(way.get("type")).upper() == "INDIRECT" else "direct"
        subtype, description = text_of(way.get("subtype")), text_of(way.get("description"))
        yield dataset, ColumnEdge(bounded(output), bounded(field), kind, None if subtype is None else bounded(subtype), description)
