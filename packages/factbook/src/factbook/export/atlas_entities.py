"""From the catalogue to entities of Apache Atlas' RDBMS model (``2010-rdbms_model``). Pure.

A thing that is new has a negative guid, by which others of the same request refer to it. Ours are made of what the thing is called, so that
a reference can be written before the thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from factbook.export.catalog import TableEntry
from factbook.export.contract import Tally
from factbook.export.names import joined
from factbook.export.rows import Keys, text_of
from factbook_sdk.facts.codec import canonical_json, digest
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index

_MAX_INT = 2**31 - 1
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""What Atlas takes for a label."""

Entity = dict[str, Any]


class Naming(msgspec.Struct, frozen=True):
    """How one source is called: qualified names are ``source.schema.table.column@cluster``."""

    source_id: str
    cluster: str

    def qualified(self, *parts: str) -> str:
        return f"{joined(self.source_id, *parts, separator='.', reserved='@')}@{self.cluster}"

    def reference(self, type_name: str, *parts: str) -> dict[str, str]:
        """Return what refers to a thing in the same request."""
        return {"typeName": type_name, "guid": guid(type_name, self.qualified(*parts))}


def guid(type_name: str, qualified_name: str) -> str:
    """Return the negative guid of a thing: 63 bits of a digest of what it is called."""
    number = int.from_bytes(digest(canonical_json([type_name, qualified_name]))[:8]) >> 1
    return f"-{number or 1}"


def _entity(naming: Naming, type_name: str, parts: Sequence[str], attributes: dict[str, Any], related: dict[str, Any]) -> Entity:
    qualified = naming.qualified(*parts)
    known = {"qualifiedName": qualified, "name": parts[-1] if parts else naming.source_id} | attributes
    return {
        "typeName": type_name,
        "guid": guid(type_name, qualified),
        "attributes": {name: value for name, value in known.items() if value is not None},
        "relationshipAttributes": related,
    }


def instance(naming: Naming, engine: str, version: str | None, namespace: str | None) -> Entity:
    """Return the server of a source. Where it is comes from the namespace (``postgresql://db.example:5432``)."""
    try:
        address = urlsplit(namespace or "")
        host, port = address.hostname, address.port
    except ValueError:
        host, port = None, None
    attributes = {"rdbms_type": engine or "unknown", "platform": version, "hostname": host, "port": port}
    return _entity(naming, "rdbms_instance", (), attributes, {})


def database(naming: Naming, schema: str) -> Entity:
    """Return a schema, which Atlas calls a database."""
    return _entity(naming, "rdbms_db", (schema,), {}, {"instance": naming.reference("rdbms_instance")})


def table(naming: Naming, entry: TableEntry) -> Entity:
    """Return a table or view. It names its columns and indexes, without which Atlas would not look at them."""
    snapshot = entry.snapshot
    place = (entry.schema, entry.table)
    attributes = {
        "description": entry.description(),
        "owner": next((text_of(note.value) for _, note in entry.notes_on(None, "owner")), snapshot.owner),
        "comment": snapshot.comment,
        "type": snapshot.object_type.upper(),
        "name_path": entry.schema,
    }
    related = {
        "db": naming.reference("rdbms_db", entry.schema),
        "columns": [naming.reference("rdbms_column", *place, column.name) for column in snapshot.columns],
        "indexes": [naming.reference("rdbms_index", *place, index.name) for index in snapshot.indexes],
    }
    return _labelled(_entity(naming, "rdbms_table", place, attributes, related), entry, None)


def parts(naming: Naming, entry: TableEntry, tally: Tally) -> Iterator[Entity]:
    """Yield the columns and indexes of a table."""
    keys = Keys(entry.snapshot)
    for column in entry.snapshot.columns:
        yield _column(naming, entry, column, is_key=column.name in keys.primary, tally=tally)
    for index in entry.snapshot.indexes:
        yield _index(naming, entry, index, tally)


def _column(naming: Naming, entry: TableEntry, column: Column, *, is_key: bool, tally: Tally) -> Entity:
    place = (entry.schema, entry.table)
    length = column.length
    if length is not None and length > _MAX_INT:
        tally.lose("lengths of columns above 2147483647")
        length = None
    attributes = {
        "data_type": column.data_type,
        "length": length,
        "default_value": column.default,
        "comment": column.comment,
        "description": entry.description(column.name),
        "isNullable": column.nullable,
        "isPrimaryKey": is_key,
    }
    made = _entity(naming, "rdbms_column", (*place, column.name), attributes, {"table": naming.reference("rdbms_table", *place)})
    return _labelled(made, entry, column.name)


def _index(naming: Naming, entry: TableEntry, index: Index, tally: Tally) -> Entity:
    place = (entry.schema, entry.table)
    known = {column.name for column in entry.snapshot.columns}
    named = dict.fromkeys(part.column for part in index.parts if part.column in known)
    tally.lose("expressions and conditions of indexes", sum(part.column is None for part in index.parts) + (index.predicate is not None))
    attributes = {"index_type": index.method, "isUnique": index.unique, "comment": index.comment}
    related = {
        "table": naming.reference("rdbms_table", *place),
        "columns": [naming.reference("rdbms_column", *place, column) for column in named if column is not None],
    }
    return _entity(naming, "rdbms_index", (*place, index.name), attributes, related)


def foreign_keys(naming: Naming, entry: TableEntry) -> Iterator[tuple[str, Entity]]:
    """Yield the foreign keys of a table, each with the guid of the table it refers to."""
    taken: set[str] = set()
    for constraint in entry.snapshot.constraints:
        if constraint.type == "foreign_key" and constraint.references is not None:
            yield _foreign_key(naming, entry, constraint, _free_name(constraint, taken))


def _free_name(constraint: Constraint, taken: set[str]) -> str:
    """Return the constraint's name, or one made of its columns; two of a table never share one."""
    wished = constraint.name or f"fk_{'_'.join(constraint.columns)}"
    name, number = wished, 2
    while name in taken:
        name, number = f"{wished}_{number}", number + 1
    taken.add(name)
    return name


def _foreign_key(naming: Naming, entry: TableEntry, constraint: Constraint, name: str) -> tuple[str, Entity]:
    place = (entry.schema, entry.table)
    target = constraint.references
    theirs = ((target.schema or entry.schema), target.table) if target is not None else place
    table_reference = naming.reference("rdbms_table", *theirs)
    related = {
        "table": naming.reference("rdbms_table", *place),
        "key_columns": [naming.reference("rdbms_column", *place, column) for column in constraint.columns],
        "references_table": table_reference,
        "references_columns": [naming.reference("rdbms_column", *theirs, column) for column in (target.columns if target else ())],
    }
    return table_reference["guid"], _entity(naming, "rdbms_foreign_key", (*place, name), {}, related)


def _labelled(made: Entity, entry: TableEntry, column: str | None) -> Entity:
    labels = sorted({label for label in _tags(entry, column) if _LABEL.fullmatch(label)})
    return made | ({"labels": labels} if labels else {})


def _tags(entry: TableEntry, column: str | None) -> list[str]:
    return [text_of(note.value) for _, note in entry.notes if note.column == column and note.property in ("tag", "classification")]


def count_losses(entry: TableEntry, tally: Tally) -> None:
    """Count what the model has no place for."""
    snapshot = entry.snapshot
    tally.lose(
        "constraints other than primary and foreign keys",
        sum(item.type in ("unique", "check", "exclusion") for item in snapshot.constraints),
    )
    tally.lose("queries of views", snapshot.definition is not None)
    tally.lose("statistics of tables", entry.statistics is not None)
    tally.lose("partitioning of tables", snapshot.partitioning is not None or snapshot.partition_of is not None)
    tally.lose("lineage of tables, which needs process entities", bool(entry.lineage))
    for _, note in entry.notes:
        if note.property in ("tag", "classification"):
            tally.lose("tags of characters that Atlas does not take for labels", not _LABEL.fullmatch(text_of(note.value)))
        elif note.property != "description" and (note.property != "owner" or note.column is not None):
            tally.lose(f"notes of the property {note.property}")
