"""Collibra: commands for its Import API v2 (``POST /rest/2.0/import/json-job``): communities, domains, then assets.

Names of asset and attribute types are those of an installation as it is delivered. The ids of relation types differ from one installation
to the next, so no relation is written before an option names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar

import msgspec

from factbook.errors import InvalidRequest
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import FileExporter, OnProgress, Option, Tally
from factbook.export.names import joined
from factbook.export.rows import Keys, text_of
from factbook.export.walking import walk
from factbook_sdk.facts.kinds.schema_snapshot import Column

_encode = msgspec.json.Encoder().encode
_RELATION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:(SOURCE|TARGET)")
_RELATIONS = {
    "column_table": "a column and its table",
    "table_schema": "a table and its schema",
    "schema_database": "a schema and its database",
}

Command = dict[str, Any]


class CollibraExporter(FileExporter):
    """An array of commands, one a line. An asset is called ``source>schema>table>column`` and shows its own name."""

    name: ClassVar[str] = "collibra"
    description: ClassVar[str] = "Collibra: commands for its Import API v2"
    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"
    options: ClassVar[tuple[Option, ...]] = (
        Option("community", "The community that the domains belong to", "Factbook"),
        Option("domain_type", "The type of the domains, one a source", "Physical Data Dictionary"),
        Option("status", "The status of assets; empty: as the installation sets it", ""),
        Option(
            "attributes",
            "basic: description and technical data type; full: key, nullability, position, default, size too",
            "basic",
            ("basic", "full"),
        ),
        *(
            Option(name, f"The relation between {what}, as RELATION_TYPE_ID:SOURCE or :TARGET, seen from the first")
            for name, what in _RELATIONS.items()
        ),
    )

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        for name in _RELATIONS:
            if options[name] and not _RELATION.fullmatch(options[name]):
                raise InvalidRequest(f"{name} names no relation", why="it is a UUID, a colon and SOURCE or TARGET", field=name)
        writer = _Commands(options, tally)
        separator = b"[\n"
        for source_id, of_source in groupby(walk(catalog, on_progress), key=lambda entry: entry.source_id):
            for command in writer.of_source(source_id, of_source, is_first=separator == b"[\n"):
                yield separator + _encode(command)
                separator = b",\n"
        yield b"[]\n" if separator == b"[\n" else b"\n]\n"


class _Commands:
    """Commands of one export."""

    def __init__(self, options: Mapping[str, str], tally: Tally) -> None:
        self._options = options
        self._tally = tally

    def of_source(self, source_id: str, tables: Iterator[TableEntry], *, is_first: bool) -> Iterator[Command]:
        """Yield what a source becomes; the community comes with the first one."""
        if is_first:
            yield {"resourceType": "Community", "identifier": {"name": self._options["community"]}}
        yield {"resourceType": "Domain", "identifier": self._domain(source_id), "type": {"name": self._options["domain_type"]}}
        yield self._asset("Database", source_id)
        for schema, entries in groupby(tables, key=lambda entry: entry.schema):
            yield self._asset("Schema", source_id, schema, relation="schema_database")
            self._tally.add("schemas")
            for entry in entries:
                yield from self._of_table(entry)

    def _of_table(self, entry: TableEntry) -> Iterator[Command]:
        place = (entry.source_id, entry.schema, entry.table)
        kind = "Database View" if "view" in entry.snapshot.object_type else "Table"
        yield self._asset(kind, *place, relation="table_schema", attributes={"Description": entry.description()}, tags=_tags(entry, None))
        self._tally.add("tables")
        keys = Keys(entry.snapshot)
        for column in entry.snapshot.columns:
            attributes = {"Description": entry.description(column.name), "Technical Data Type": column.data_type}
            if self._options["attributes"] == "full":
                attributes |= _full(column, is_key=column.name in keys.primary)
            yield self._asset("Column", *place, column.name, relation="column_table", attributes=attributes, tags=_tags(entry, column.name))
            self._tally.add("columns")
        self._count_losses(entry)

    def _asset(
        self,
        kind: str,
        *place: str,
        relation: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        tags: list[str] | None = None,
    ) -> Command:
        made: Command = {
            "resourceType": "Asset",
            "identifier": self._identifier(*place),
            "displayName": place[-1],
            "type": {"name": kind},
        }
        said = {name: [{"value": value}] for name, value in (attributes or {}).items() if value not in (None, "")}
        if said:
            made["attributes"] = said
        if relation is not None:
            made |= self._related(relation, place)
        if tags:
            made["tags"] = tags
        if self._options["status"]:
            made["status"] = {"name": self._options["status"]}
        return made

    def _related(self, relation: str, place: tuple[str, ...]) -> Command:
        named = self._options[relation]
        if not named:
            self._tally.lose(f"relations between {_RELATIONS[relation]}: name them by --option {relation}=RELATION_TYPE_ID:TARGET")
            return {}
        return {"relations": {named: [self._identifier(*place[:-1])]}}

    def _identifier(self, *place: str) -> Command:
        return {"name": joined(*place, separator=">"), "domain": self._domain(place[0])}

    def _domain(self, source_id: str) -> Command:
        return {"name": source_id, "community": {"name": self._options["community"]}}

    def _count_losses(self, entry: TableEntry) -> None:
        snapshot, lose = entry.snapshot, self._tally.lose
        lose("constraints other than primary keys", sum(item.type not in ("primary_key", "not_null") for item in snapshot.constraints))
        lose("indexes", len(snapshot.indexes))
        lose("queries of views", snapshot.definition is not None)
        lose("statistics of tables", entry.statistics is not None)
        lose("lineage of tables", bool(entry.lineage))
        for _, note in entry.notes:
            if note.property not in ("description", "tag", "classification"):
                lose(f"notes of the property {note.property}")


def _full(column: Column, *, is_key: bool) -> dict[str, Any]:
    """Return the attributes that Collibra's own ingestion gives a column."""
    return {
        "Is Primary Key": is_key,
        "Is Nullable": column.nullable,
        "Column Position": column.position,
        "Default Value": column.default,
        "Size": column.length if column.length is not None else column.precision,
        "Number of Fractional Digits": column.scale,
    }


def _tags(entry: TableEntry, column: str | None) -> list[str]:
    said = (text_of(note.value) for _, note in entry.notes if note.column == column and note.property in ("tag", "classification"))
    return sorted(set(said))
