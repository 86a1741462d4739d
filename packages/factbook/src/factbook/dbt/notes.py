"""What a project says of its tables and columns: descriptions, tags, owners and meta, as one ``annotation`` per table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from factbook.dbt.lineage import Placed
from factbook.dbt.model import DbtColumn, DbtNode, DbtProject
from factbook.dbt.reading import Metadata, check_version, decode
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.parts import TableRef

_PERSONAL = frozenset({"pii", "contains_pii", "is_pii"})
"""Keys of ``meta`` by which teams mark columns that are about people."""


class _Catalog(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()
    nodes: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}


Catalog = Mapping[str, Mapping[str, DbtColumn]]
"""By unique id and name in lower case, the columns as the database has them, in order."""


def read_catalog(text: bytes | None, warnings: list[str]) -> Catalog:
    """Return the columns that dbt found in the database; nothing where there is no catalogue."""
    if text is None:
        return {}
    catalog: _Catalog = decode(text, _Catalog, "catalog")
    check_version("catalog", catalog.metadata, warnings)
    return {unique_id: dict(_columns(node)) for unique_id, node in (catalog.nodes | catalog.sources).items()}


def annotations_of(
    project: DbtProject, placed: Placed, known: Mapping[TableRef, Sequence[str] | None], catalog: Catalog
) -> dict[TableRef, Annotation]:
    """Return what is said of each table; several nodes of one table say it together.

    ``known`` are the columns that scans know. Of tables that were not scanned the catalogue's types and comments are noted, too, since
    nothing else tells them.
    """
    notes: dict[TableRef, dict[bytes, Note]] = {}
    for node in project.nodes.values():
        table = placed.of(node.unique_id)
        if table is not None:
            scanned = known.get(table)
            columns = catalog.get(node.unique_id, {}) if scanned is None else {name.lower(): DbtColumn(name) for name in scanned}
            mine = notes.setdefault(table, {})
            for note in _notes(node, columns, with_types=scanned is None):
                mine.setdefault(msgspec.json.encode(note, order="deterministic"), note)
    return {table: Annotation("rule", list(found.values())) for table, found in notes.items() if found}


def _columns(node: Mapping[str, Any]) -> Iterator[tuple[str, DbtColumn]]:
    columns = [column for column in (node.get("columns") or {}).values() if isinstance(column, dict) and column.get("name")]
    for column in sorted(columns, key=lambda one: one["index"] if isinstance(one.get("index"), int) else 0):
        comment = column.get("comment")
        yield (
            str(column["name"]).lower(),
            DbtColumn(str(column["name"]), comment if isinstance(comment, str) else "", str(column.get("type") or "") or None),
        )


def _notes(node: DbtNode, found: Mapping[str, DbtColumn], *, with_types: bool) -> Iterator[Note]:
    yield from _said(node.description, node.tags, node.meta, None)
    yield from (Note("owner", owner) for owner in node.owners)
    if node.link:
        yield Note("link", node.link)
    yield from (Note("custom", value, name=name) for name, value in node.extras.items())
    documented = {column.name.lower(): column for column in node.columns}
    for key in dict.fromkeys((*found, *documented)):
        column, real = documented.get(key), found.get(key)
        # The manifest has a column's name as somebody wrote it, the catalogue and the scan as the database has it.
        name = real.name if real is not None else documented[key].name
        if column is not None:
            yield from _said(column.description, column.tags, column.meta, name)
        if real is not None and real.description and not (column and column.description):
            yield Note("description", real.description, name)
        data_type = (real and real.data_type) or (column and column.data_type)
        if with_types and data_type:
            yield Note("custom", data_type, name, "data_type")


def _said(description: str, tags: tuple[str, ...], meta: Mapping[str, Any], column: str | None) -> Iterator[Note]:
    if description:
        yield Note("description", description, column)
    yield from (Note("tag", tag, column) for tag in tags)
    for name, value in meta.items():
        if name == "owner":
            if column is not None and isinstance(value, str) and value:
                yield Note("owner", value, column)
        elif name == "classification" and value:
            yield Note("classification", value, column)
        elif name.lower() in _PERSONAL and value:
            yield Note("classification", "pii", column)
        elif name:
            yield Note("custom", value, column, name)
