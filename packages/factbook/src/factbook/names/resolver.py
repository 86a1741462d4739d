"""One picture of all names of one tenant, read once and answered from memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from factbook.names.bindings import Binding, read_bindings
from factbook.names.catalogue import Catalogue, Source, Tables, read_snapshots, read_sources
from factbook.names.model import Resolved
from factbook.names.namespaces import Space, space_of
from factbook_sdk.facts.kinds.lineage import foreign_dataset
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository

READS = ("catalog_scan", "name_binding", "schema_snapshot")
"""The kinds that names are resolved by."""

_MAX_PLACES = 10_000
_MAX_SHOWN = 3


class _Place(msgspec.Struct, frozen=True):
    """A namespace with the sources it means. ``reason`` says why there are none."""

    space: Space
    sources: tuple[Source, ...]
    ignored: bool = False
    reason: str = ""


class Names:
    """What the names of other tools mean, as of when it was first asked. Make a new one for each ingestion.

    Sources and bindings are read with the first name, the tables of a source with the first name that may be in it. Everything else comes
    from memory. For use by one thread.
    """

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._read_sources: dict[str, Source] | None = None
        self._read_bindings: dict[tuple[str, str | None], Binding] | None = None
        self._catalogues: dict[str, Catalogue] = {}
        self._places: dict[str, _Place] = {}

    @property
    def sources(self) -> dict[str, Source]:
        """The sources that were scanned, by id."""
        if self._read_sources is None:
            self._read_sources = read_sources(self._repository, tenant=self._tenant)
        return self._read_sources

    def resolve(self, namespace: str, name: str, *, symlinks: Sequence[tuple[str, str]] = ()) -> Resolved:
        """Return the table that a dataset means by its own name or, failing that, by one of its ``symlinks`` (namespace, name).

        A namespace is a server, as OpenLineage writes it, or the id of a source. What could be two tables is neither.
        """
        found = self._resolve(namespace, name)
        if found.known or found.ignored or not symlinks:
            return found
        others = [self._resolve(*symlink) for symlink in symlinks]
        tables = tuple(dict.fromkeys(other.table for other in others if other.known))
        if tables:
            return _one_of(tables, namespace, name, "")
        return msgspec.structs.replace(found, ignored=any(other.ignored for other in others))

    def resolve_sql(self, source_id: str, parts: tuple[str, ...], *, search_path: Sequence[str] = ()) -> Resolved:
        """Return the table that one to three SQL identifiers mean in a source.

        Identifiers in quotes (``"``, `````, ``[]``) are taken as they are written, others as the engine folds them. Without a schema the
        schemas of the search path are looked through in order, then the table must be the only one of its name.
        """
        name = ".".join(parts)
        binding = self._bindings.get((space_of(source_id).key, name))
        if binding is not None:
            return _bound(binding, source_id, name)
        source = self.sources.get(source_id)
        if source is None:
            return _unknown(source_id, name, f"no source is called {source_id}")
        found = self._catalogue(source).find_parts(parts, search_path)
        if not found and len(parts) == 3:
            found = tuple(table for other in self._siblings(source) for table in self._catalogue(other).find_parts(parts, search_path))
        return _one_of(found, source_id, name, f"{source_id} has no table {name}")

    def resolve_relation(self, engine: str | None, parts: Sequence[str], *, namespace: str, source_id: str | None = None) -> Resolved:
        """Return the table that database, schema and name mean in the only source of an engine that has it.

        For tools that tell all of a table but its server; ``source_id`` says it. ``namespace`` is the tool's own, and bindings of it, or
        of the name in it, come first.
        """
        name = ".".join(parts)
        place = self._place(namespace)
        if place.ignored or place.sources or (place.space.key, name) in self._bindings:
            return self._resolve(namespace, name)
        if source_id is None:
            alike = [source for source in self.sources.values() if _same_engine(source.engine, engine)]
            missing = f"no scanned {engine or 'source'} has a table {name}"
        else:
            alike = [source for source in self.sources.values() if source.source_id == source_id]
            missing = f"{source_id} has no table {name}" if alike else f"no source is called {source_id}"
        found = tuple(table for source in alike for table in self._catalogue(source).find_relation(parts))
        return _one_of(found, namespace, name, missing)

    def named(self, text: str) -> Sequence[TableRef]:
        """Return the tables that a name of our own, ``source.schema.table``, can mean. A source's id may hold dots."""
        pieces = text.split(".")
        found: dict[TableRef, None] = {}
        for end in range(1, len(pieces)):
            source = self.sources.get(".".join(pieces[:end]))
            if source is not None:
                found |= dict.fromkeys(self._catalogue(source).find(".".join(pieces[end:])))
        return list(found)

    def columns_of(self, table: TableRef) -> Sequence[str] | None:
        """Return a known table's columns in order, ``None`` for a table of which no scan knows."""
        source = self.sources.get(table.source_id)
        return None if source is None else self._catalogue(source).columns.get(table)

    def engine_of(self, source_id: str) -> str | None:
        """Return a source's engine (``postgresql``), ``None`` if it was never scanned."""
        source = self.sources.get(source_id)
        return None if source is None else source.engine

    def tables_of(self, source_id: str) -> Iterable[tuple[TableRef, SchemaSnapshot]]:
        """Yield a source's tables with their structure, by schema and name; nothing for a source that is not known."""
        source = self.sources.get(source_id)
        return () if source is None else read_snapshots(self._repository, source, tenant=self._tenant)

    def names_of(self, source_id: str) -> Iterable[TableRef]:
        """Return a source's tables by schema and name; nothing for a source that is not known."""
        source = self.sources.get(source_id)
        return () if source is None else self._catalogue(source).columns

    def dataset_of(self, table: TableRef) -> tuple[str, str]:
        """Return the namespace and the name by which OpenLineage calls a table; a foreign one keeps those it came with."""
        source = self.sources.get(table.source_id)
        if source is None:
            return table.source_id, table.table if table.schema is None else f"{table.schema}.{table.table}"
        return source.namespace or source.source_id, self._catalogue(source).name_of(table)

    @property
    def _bindings(self) -> dict[tuple[str, str | None], Binding]:
        if self._read_bindings is None:
            self._read_bindings = read_bindings(self._repository, tenant=self._tenant)
        return self._read_bindings

    def _catalogue(self, source: Source) -> Catalogue:
        found = self._catalogues.get(source.source_id)
        if found is None:
            found = self._catalogues[source.source_id] = Catalogue.read(self._repository, source, tenant=self._tenant)
        return found

    def _siblings(self, source: Source) -> list[Source]:
        """Return the other databases of a source's server."""
        return [other for other in self.sources.values() if other is not source and _same_server(other, source)]

    def _resolve(self, namespace: str, name: str) -> Resolved:
        place = self._places.get(namespace) or self._place(namespace)
        binding = self._bindings.get((place.space.key, name))
        if binding is not None:
            return _bound(binding, namespace, name)
        if not place.sources:
            return Resolved(foreign_dataset(namespace, name), False, place.reason, place.ignored)
        found: Tables = ()
        for source in place.sources:
            found += self._catalogue(source).find(name, place.space.database)
        if len(found) == 1:
            return Resolved(found[0], True)
        missing = f"{', '.join(source.source_id for source in place.sources[:_MAX_SHOWN])} has no table {name}"
        return _one_of(found, namespace, name, missing)

    def _place(self, namespace: str) -> _Place:
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        found = self._places[namespace] = self._find_place(namespace)
        return found

    def _find_place(self, namespace: str) -> _Place:
        space = space_of(namespace)
        binding = self._bindings.get((space.key, None))
        if binding is not None and binding.ignored:
            return _Place(space, (), ignored=True, reason=f"the namespace {namespace} is ignored")
        if binding is not None and binding.source_id is not None:
            source = self.sources.get(binding.source_id)
            reason = f"{namespace} means the source {binding.source_id}, of which nothing is known"
            return _Place(space, () if source is None else (source,), reason=reason)
        own = self.sources.get(namespace)
        if own is not None:
            return _Place(space, (own,))
        alike = tuple(source for source in self.sources.values() if source.space is not None and source.space.key == space.key)
        return _Place(space, alike, reason=f"no source has the namespace {namespace}")


def _same_server(one: Source, other: Source) -> bool:
    return one.space is not None and other.space is not None and one.space.key == other.space.key


def _same_engine(one: str | None, other: str | None) -> bool:
    alike = {"mariadb": "mysql", "postgres": "postgresql"}
    return one is None or other is None or alike.get(one, one) == alike.get(other, other)


def _unknown(namespace: str, name: str, reason: str) -> Resolved:
    return Resolved(foreign_dataset(namespace, name), False, reason)


def _bound(binding: Binding, namespace: str, name: str) -> Resolved:
    if binding.ignored or binding.source_id is None or binding.table is None:
        return Resolved(foreign_dataset(namespace, name), False, binding.reason or "the name is ignored", True)
    return Resolved(TableRef(binding.source_id, binding.table, binding.schema), True)


def _one_of(tables: Tables, namespace: str, name: str, missing: str) -> Resolved:
    """Return the only table there is; of several none, because a wrong edge is worse than a missing one."""
    if len(tables) == 1:
        return Resolved(tables[0], True)
    if not tables:
        return _unknown(namespace, name, missing)
    shown = " and ".join(_said(table) for table in tables[:_MAX_SHOWN])
    more = f" and {len(tables) - _MAX_SHOWN} more" if len(tables) > _MAX_SHOWN else ""
    return _unknown(namespace, name, f"ambiguous: {shown}{more}")


def _said(table: TableRef) -> str:
    return ".".join(part for part in (table.source_id, table.schema, table.table) if part is not None)
