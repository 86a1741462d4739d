"""The edges of a project: one ``lineage`` fact per model, snapshot and exposure that is made from something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from factbook.dbt.manifest import inputs_of
from factbook.dbt.model import DbtNode, DbtProject
from factbook.names import Names, Resolved
from factbook_sdk.facts.kinds.lineage import Evidence, Lineage, LineageInput, LineageJob, foreign_dataset
from factbook_sdk.facts.parts import TableRef

MAX_STATEMENT_CHARACTERS = 200_000
"""Compiled code that is longer is left out; nobody reads it, and a parser would take minutes."""


class Placed(msgspec.Struct, frozen=True):
    """Where every dataset of a project is: the table it means, or the foreign dataset it stays."""

    tables: Mapping[str, Resolved]

    def of(self, unique_id: str) -> TableRef | None:
        """Return where a dataset is; ``None`` for what is none, or is ignored."""
        found = self.tables.get(unique_id)
        return None if found is None or found.ignored else found.table


def place(project: DbtProject, names: Names, source_id: str | None) -> Placed:
    """Resolve every dataset by database, schema and name, in one source or in all of the adapter's engine.

    An exposure is a dataset of dbt's own.
    """
    found: dict[str, Resolved] = {}
    for node in project.nodes.values():
        if node.parts:
            found[node.unique_id] = names.resolve_relation(project.adapter, node.parts, namespace=project.namespace, source_id=source_id)
        elif node.resource_type == "exposure":
            found[node.unique_id] = Resolved(foreign_dataset(project.namespace, node.unique_id), True)
    return Placed(found)


def lineage_of(project: DbtProject, placed: Placed, warnings: list[str]) -> Iterator[tuple[DbtNode, TableRef, Lineage]]:
    """Yield each node that is made from others, where it is, and what it is made from."""
    for node in project.nodes.values():
        target = placed.of(node.unique_id)
        if target is None or node.resource_type not in ("model", "snapshot", "exposure"):
            continue
        inputs = _inputs(project, placed, node, target)
        if inputs:
            yield (
                node,
                target,
                Lineage(
                    "dbt",
                    inputs,
                    LineageJob(project.namespace, node.unique_id),
                    _statement(node, warnings),
                    evidence=Evidence(node.file) if node.file else None,
                ),
            )


def _inputs(project: DbtProject, placed: Placed, node: DbtNode, target: TableRef) -> list[LineageInput]:
    """Return the inputs, each table once, in the order of their names so that the same project says the same."""
    found: dict[TableRef, LineageInput] = {}
    for unique_id, way in sorted(inputs_of(project, node).items()):
        table = placed.of(unique_id)
        if table is None or table == target or table in found:
            continue
        found[table] = LineageInput(
            table, type="direct" if node.resource_type == "snapshot" else "derived", metadata={"through": way} if way else {}
        )
    return list(found.values())


def _statement(node: DbtNode, warnings: list[str]) -> str | None:
    if node.code is not None and len(node.code) > MAX_STATEMENT_CHARACTERS:
        warnings.append(f"the compiled code of {node.unique_id} has {len(node.code):,} characters and was left out")
        return None
    return node.code
