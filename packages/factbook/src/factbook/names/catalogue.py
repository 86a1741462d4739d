"""The tables of one source, held so that a name is found by one look into a dictionary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from factbook.names.namespaces import Case, Space, case_of, has_database, identifiers, space_of, unquoted
from factbook.repository.naming import sources_of, tables_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository

_READ = 500

Tables = tuple[TableRef, ...]
_Found = Mapping[str, Tables]


class Source(msgspec.Struct, frozen=True):
    """What the last scan said of a source. ``space`` is missing for one that only ever got single records."""

    source_id: str
    engine: str | None = None
    namespace: str | None = None
    space: Space | None = None
    database: str | None = None


def read_sources(repository: MetadataRepository, *, tenant: str) -> dict[str, Source]:
    """Return all sources of which a structure is known or that were scanned, by id."""
    found = sources_of(repository, "schema_snapshot", tenant=tenant) | sources_of(repository, "catalog_scan", tenant=tenant)
    names = sorted(found)
    scans = repository.latest_many([MetadataTarget(name) for name in names], "catalog_scan", tenant=tenant)
    sources = {name: Source(name) for name in names}
    for target, stored in scans.items():
        payload, written = stored.record.payload or {}, stored.record.context.namespace or ""
        # Scans of older versions told the namespace beside the payload alone, where somebody may have put a word of his own.
        namespace = payload.get("namespace") or (written if "://" in written else None)
        space = None if namespace is None else space_of(namespace)
        database = payload.get("database") or (space.database if space is not None else None)
        sources[target.source_id] = Source(target.source_id, payload.get("engine"), namespace, space, database)
    return sources


class Catalogue:
    """The names of one source's tables, and their columns."""

    def __init__(self, source: Source, columns: Mapping[TableRef, tuple[str, ...]]) -> None:
        self.source = source
        self.columns = columns
        self._case: Case = case_of(source.engine)
        self._has_database = has_database(source.engine)
        whole: dict[str, list[TableRef]] = defaultdict(list)
        bare: dict[str, list[TableRef]] = defaultdict(list)
        for table in columns:
            whole[f"{table.schema}.{table.table}"].append(table)
            bare[table.table].append(table)
        self._whole, self._bare = _settled(whole), _settled(bare)
        self._whole_folded, self._bare_folded = (_folded(whole), _folded(bare)) if self._case == "any" else ({}, {})

    @classmethod
    def read(cls, repository: MetadataRepository, source: Source, *, tenant: str) -> Catalogue:
        """Read the tables that are there now."""
        columns = {table: tuple(column["name"] for column in payload["columns"]) for table, payload in _read(repository, source, tenant)}
        return cls(source, columns)

    def name_of(self, table: TableRef) -> str:
        """Return a table's name in OpenLineage's form: with the database where there is one."""
        parts = (self.source.database if self._has_database else None, table.schema, table.table)
        return ".".join(part for part in parts if part is not None)

    def find(self, name: str, database: str | None = None) -> Tables:
        """Return the tables that a dataset's name can mean; ``database`` is one that the namespace told.

        A name that says more is meant before one that says less: with the database, with the schema, the table alone.
        """
        if database is not None and self._has_database and self.source.database and not self._same(database, self.source.database):
            return ()
        if database is not None and not self._has_database and (found := self._look(f"{database}.{name}", whole=True)):
            return found
        rest = self._without_database(name)
        found = (rest is not None and self._look(rest, whole=True)) or self._look(name, whole=True)
        found = found or (rest is not None and self._look(rest, whole=False)) or self._look(name, whole=False)
        if found or not any(mark in name for mark in '"`['):
            return found or ()
        return self.find_parts(identifiers(name), ())

    def find_parts(self, parts: Sequence[str], search_path: Sequence[str]) -> Tables:
        """Return the tables that one to three SQL identifiers can mean; those in quotes are taken as they are written."""
        if len(parts) == 3:
            database = unquoted(parts[0]) or parts[0]
            known = self.source.database
            if not self._has_database or (known is not None and not self._same(database, known)):
                return ()
            parts = parts[1:]
        if len(parts) == 2:
            return self._spelled(parts, self._whole, self._whole_folded)
        if len(parts) != 1:
            return ()
        for schema in search_path:
            if found := self._spelled((schema, parts[0]), self._whole, self._whole_folded):
                return found
        return self._spelled(parts, self._bare, self._bare_folded)

    def find_relation(self, parts: Sequence[str]) -> Tables:
        """Return the table that a relation means, of which a tool wrote each part as it is: exactly, else as the engine folds names."""
        own = parts if self._has_database else parts[-2:]
        quoted = [f'"{part.replace(chr(34), chr(34) * 2)}"' for part in own]
        return self.find_parts(quoted, ()) or self.find_parts(own, ())

    def _spelled(self, parts: Sequence[str], exact: _Found, folded: _Found) -> Tables:
        """Look for parts as the engine folds them, then as they stand: a parser may have folded them already."""
        inside = [unquoted(part) for part in parts]
        plain = [part if quoted is None else quoted for part, quoted in zip(parts, inside, strict=True)]
        for fold in _FOLDS[self._case]:
            spelled = ".".join(fold(part) if quoted is None else part for part, quoted in zip(plain, inside, strict=True))
            if found := exact.get(spelled):
                return found
        return folded.get(".".join(plain).casefold(), ())

    def _look(self, name: str, *, whole: bool) -> Tables:
        exact, folded = (self._whole, self._whole_folded) if whole else (self._bare, self._bare_folded)
        found = exact.get(name)
        if found is not None:
            return found
        for fold in _FOLDS[self._case]:
            found = exact.get(fold(name))
            if found is not None:
                return found
        return folded.get(name.casefold(), ()) if folded else ()

    def _without_database(self, name: str) -> str | None:
        """Return the name without the database before it, or ``None`` if it has none or another one's."""
        if not self._has_database:
            return None
        known = self.source.database
        if known is None:
            return name.partition(".")[2] or None
        before, dot, rest = name[: len(known)], name[len(known) : len(known) + 1], name[len(known) + 1 :]
        return rest if dot == "." and rest and self._same(before, known) else None

    def _same(self, one: str, other: str) -> bool:
        return one == other or (self._case != "exact" and one.casefold() == other.casefold())


def read_snapshots(repository: MetadataRepository, source: Source, *, tenant: str) -> Iterator[tuple[TableRef, SchemaSnapshot]]:
    """Yield the tables of a source with their structure, by schema and name."""
    for table, payload in _read(repository, source, tenant):
        yield table, msgspec.convert(payload, SchemaSnapshot)


def _read(repository: MetadataRepository, source: Source, tenant: str) -> Iterator[tuple[TableRef, dict[str, Any]]]:
    """Read structures some hundred at a time, so that no more than names stays in memory."""
    names = sorted(tables_of(repository, "schema_snapshot", source.source_id, tenant=tenant))
    for start in range(0, len(names), _READ):
        targets = [MetadataTarget(source.source_id, schema, table) for schema, table in names[start : start + _READ]]
        found = repository.latest_many(targets, "schema_snapshot", tenant=tenant)
        for target in targets:
            stored = found.get(target)
            if stored is not None and stored.record.payload is not None and target.table is not None:
                yield TableRef(target.source_id, target.table, target.schema), stored.record.payload


def _settled(found: Mapping[str, list[TableRef]]) -> dict[str, Tables]:
    return {name: tuple(tables) for name, tables in found.items()}


def _folded(found: Mapping[str, Iterable[TableRef]]) -> dict[str, Tables]:
    folded: dict[str, list[TableRef]] = defaultdict(list)
    for name, tables in found.items():
        folded[name.casefold()] += tables
    return _settled(folded)


def _as_is(name: str) -> str:
    return name


# SQLAlchemy writes names that are no case's in lower case also where the engine folds them up.
_FOLDS = {"exact": (_as_is,), "lower": (str.lower, _as_is), "upper": (str.upper, str.lower, _as_is), "any": (_as_is,)}
