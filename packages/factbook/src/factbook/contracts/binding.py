"""Which scanned table an object of a contract is about: as somebody says, as it was before, or by the names in the document.

By its names an object is bound where they mean one scanned table and no other: a server that is called like a source means that source;
without one, a name with its schema must be found in one source alone. Nothing is guessed: what is not certain is left unbound, with why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factbook.contracts.odcs import objects_of
from factbook.errors import InvalidRequest
from factbook.odcs import table_of
from factbook.repository import naming
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_contract import ContractObject
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository


class Catalog:
    """The tables that scans have seen of one tenant. Names are read once per source."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._tables: dict[str, naming.TableNames] = {}
        self._sources: list[str] | None = None

    def sources(self) -> list[str]:
        """Return the sources that were scanned, by name."""
        if self._sources is None:
            self._sources = sorted(naming.sources_of(self._repository, "schema_snapshot", tenant=self._tenant))
        return self._sources

    def find(self, source_id: str, schema: str | None, table: str) -> list[TableRef]:
        """Return the tables of a source of this name, in whichever schema without one; where none is, those that differ in case alone."""
        for same in (str, str.casefold):
            found = [
                TableRef(source_id, name, its)
                for its, name in sorted(self._names(source_id))
                if same(name) == same(table) and (schema is None or same(its) == same(schema))
            ]
            there = [ref for ref in found if self._is_there(ref)]
            if there:
                return there
        return []

    def named(self, text: str) -> TableRef | None:
        """Return the table that ``source.schema.table`` means; names may hold dots themselves."""
        for source_id in self.sources():
            rest = text.removeprefix(f"{source_id}.")
            if rest == text:
                continue
            for schema, table in sorted(self._names(source_id)):
                ref = TableRef(source_id, table, schema)
                if f"{schema}.{table}" == rest and self._is_there(ref):
                    return ref
        return None

    def _names(self, source_id: str) -> naming.TableNames:
        if source_id not in self._tables:
            self._tables[source_id] = naming.tables_of(self._repository, "schema_snapshot", source_id, tenant=self._tenant)
        return self._tables[source_id]

    def _is_there(self, ref: TableRef) -> bool:
        target = MetadataTarget(ref.source_id, ref.schema, ref.table)
        stored = self._repository.latest(target, "schema_snapshot", tenant=self._tenant)
        return stored is not None and stored.record.payload is not None


def bind(document: dict[str, Any], catalog: Catalog, said: Mapping[str, str], before: Sequence[ContractObject]) -> list[ContractObject]:
    """Bind the objects of a contract. ``said`` are tables by the names of objects, ``before`` the bindings there were.

    Raises :class:`InvalidRequest` for an object that the document has not, and a table that no scan saw.
    """
    objects = objects_of(document)
    unknown = sorted(said.keys() - {item["name"] for item in objects})
    if unknown:
        raise InvalidRequest(
            f"The contract has no object {unknown[0]!r}",
            why=f"its objects are {', '.join(item['name'] for item in objects[:20]) or 'none'}",
            fix="Write OBJECT=SOURCE.SCHEMA.TABLE",
            field="bind",
        )
    known = {item.name: item for item in before if item.table is not None}
    return [_bound(item, document, catalog, said.get(item["name"]), known.get(item["name"])) for item in objects]


def _bound(
    item: dict[str, Any], document: dict[str, Any], catalog: Catalog, said: str | None, before: ContractObject | None
) -> ContractObject:
    name = item["name"]
    if said is not None:
        ref = catalog.named(said)
        if ref is None:
            raise InvalidRequest(
                f"There is no table {said}", why="no scan saw one that is called so", fix="Write SOURCE.SCHEMA.TABLE, or scan", field="bind"
            )
        return ContractObject(name, ref)
    if before is not None:
        return before
    found, reason = _by_names(item, document.get("servers"), catalog)
    return ContractObject(name, found, reason)


def _by_names(item: dict[str, Any], servers: Any, catalog: Catalog) -> tuple[TableRef | None, str | None]:
    schema, table = table_of(item, servers)
    if table is None:
        return None, "it has no name"
    shown = f"{schema}.{table}" if schema else table
    named = [source for source in _servers(servers) if source in catalog.sources()]
    if not named and schema is None:
        return None, f"no server is called like a source, and {shown} alone may be anybody's"
    found = [ref for source in (named or catalog.sources()) for ref in catalog.find(source, schema, table)]
    if not found:
        where = f" of {', '.join(named)}" if named else ""
        return None, f"no scanned table{where} is called {shown}"
    if len(found) > 1:
        return None, f"{shown} may be {' or '.join(f'{ref.source_id}.{ref.schema}.{ref.table}' for ref in found[:5])}"
    return found[0], None


def _servers(servers: Any) -> Iterator[str]:
    for server in servers if isinstance(servers, list) else []:
        if isinstance(server, dict) and isinstance(server.get("server"), str):
            yield server["server"]
