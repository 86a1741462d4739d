"""Whom a change hits: tables made from the changed ones, products, contracts and owners, as far as the facts tell.

Everything is read in bulk and bounded: the lineage and the products of the tenant once, the rest for the tables that are hit. What is not
known is said as such: without lineage facts nobody can say that nobody reads a table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from factbook.diff.downstream import (
    Columns,
    Edge,
    Graph,
    HitTable,
    downstream,
    is_same_table,
    names_of,
    shown_table,
)
from factbook.diff.made_from import edges_in_force, ref_of
from factbook.diff.mentions import HitReference, Mention, mentions, references
from factbook.names.bindings import read_bindings
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation
from factbook_sdk.facts.kinds.data_contract import CONTRACTS, DataContract
from factbook_sdk.facts.kinds.data_product import PRODUCTS, DataProduct, Port
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord, Targets

KINDS = ("annotation", "data_contract", "data_product", "lineage", "lineage_run", "name_binding", "schema_snapshot")
"""What is read to tell whom a change hits."""

MAX_FACTS = 200_000
"""Facts of one kind that are read; more are left out, and the impact says that there was more."""

MAX_HITS = 1_000
"""Hits of each sort that are named."""

Known = Literal["none", "not of these tables", "some"]


class HitProduct(msgspec.Struct, frozen=True, omit_defaults=True):
    """A data product that takes in or gives out a table that is changed or hit, that has a port under a contract on one, or that is made
    from one by ``lineage``. Those that take in are its consumers."""

    product: str
    domain: str
    table: str
    port: Literal["input", "output", "lineage"]
    contract_id: str | None = None
    owners: list[str] = []


class HitContract(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contract on a table that is changed or hit. ``columns`` are the promised ones that are; none where it is not known which.

    ``is_broken`` where a change takes away what it promises while it is in force."""

    contract_id: str
    version: str
    table: str
    columns: list[str] = []
    owner: str | None = None
    is_broken: bool = False


class HitOwner(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is named as owner or steward of a table, or a column, that is changed or hit."""

    name: str
    role: str
    table: str
    column: str | None = None


class Impact(msgspec.Struct, frozen=True):
    """Whom changes hit. ``lineage`` says how much is known of who reads the changed tables: ``none`` is not nobody."""

    lineage: Known = "none"
    tables: list[HitTable] = []
    references: list[HitReference] = []
    mentions: list[Mention] = []
    products: list[HitProduct] = []
    contracts: list[HitContract] = []
    owners: list[HitOwner] = []
    truncated: bool = False


def impact_of(
    repository: MetadataRepository,
    source_id: str,
    changed: Mapping[TableName, Columns],
    catalog: Callable[[], Mapping[TableName, SchemaSnapshot]],
    *,
    tenant: str,
    gone_before: datetime,
) -> Impact:
    """Say whom changes of these tables (or of these of their columns) hit; ``catalog`` gives the source as it is now, if it is needed.

    Lineage that ages counts only if it was said or confirmed since ``gone_before``.
    """
    if not changed:
        return Impact()
    facts = _Facts(repository, tenant)
    refs = {TableRef(source_id, name.table, name.schema): columns for name, columns in changed.items()}
    graph = Graph(facts.edges(gone_before))
    # Who is made from a product is made from what it gives out.
    starts = refs | {TableRef(PRODUCTS, name): None for name in facts.products_giving(refs)}
    closure = downstream(graph, starts)
    concerned = starts | {hit.table: frozenset(hit.columns) or None for hit in closure.tables}
    tables = list(catalog().items())
    contracts = facts.contracts(concerned, source_id)
    hits: dict[str, list[Any]] = {
        "references": references(tables, changed),
        "mentions": mentions(tables, changed),
        "products": facts.products(concerned, source_id, {hit.contract_id: hit.table for hit in contracts}, {*starts} - {*refs}),
        "contracts": contracts,
        "owners": facts.owners(concerned, source_id),
    }
    impact = Impact(
        lineage="none" if not len(graph) else "some" if closure.reads else "not of these tables",
        tables=closure.tables,
        truncated=closure.truncated or facts.truncated or any(len(found) > MAX_HITS for found in hits.values()),
    )
    return msgspec.structs.replace(impact, **{name: found[:MAX_HITS] for name, found in hits.items()})


class _Facts:
    """What one tenant's log says of lineage, products, contracts and owners now. States of several producers hold side by side."""

    def __init__(self, repository: MetadataRepository, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self.truncated = False
        self._read_products: list[DataProduct] | None = None

    def edges(self, gone_before: datetime) -> Iterator[Edge]:
        bindings = read_bindings(self._repository, tenant=self._tenant)

        def runs() -> Iterator[StoredRecord]:
            return self._bounded(self._records("lineage_run", since=gone_before))

        return edges_in_force(self._in_force("lineage"), bindings, runs, gone_before=gone_before)

    def products_giving(self, tables: Mapping[TableRef, Columns]) -> list[str]:
        """Return the products that give out one of these tables, or whose port stands under a contract on one."""
        wanted = _Wanted(tables)
        ids = {str((stored.record.payload or {}).get("contract_id")) for _, stored in self._of_tables("data_contract", tables)}
        return [
            product.name
            for product in self._products()
            if any(wanted.has(port.table) or port.contract_id in ids for port in product.outputs)
        ]

    def products(
        self, concerned: Mapping[TableRef, Columns], source_id: str, contracts: Mapping[str, str], own: Collection[TableRef]
    ) -> list[HitProduct]:
        """Return the products that are hit. ``contracts`` are tables by the ids of contracts on them; ``own`` products give out what
        changes, and are no consumers of it."""
        wanted = _Wanted(concerned)
        found: list[HitProduct] = []
        for product in self._products():
            owners = [owner.name for owner in product.owners]
            ports: list[tuple[Literal["input", "output"], Port]] = [("input", port) for port in product.inputs]
            ports += [("output", port) for port in product.outputs]
            hits = [
                HitProduct(product.name, product.domain, _table_of(port, contracts, source_id), way, port.contract_id, owners)
                for way, port in ports
                if wanted.has(port.table) or port.contract_id in contracts
            ]
            node = TableRef(PRODUCTS, product.name)
            if not hits and node in concerned and node not in own:
                hits.append(HitProduct(product.name, product.domain, shown_table(node), "lineage", owners=owners))
            found += hits
        return sorted(found, key=lambda hit: (hit.domain, hit.product, hit.port, hit.table))

    def _products(self) -> list[DataProduct]:
        """Return the products that are not retired; they are read once."""
        if self._read_products is None:
            products = [msgspec.convert(stored.record.payload, DataProduct) for stored in self._in_force("data_product")]
            self._read_products = [product for product in products if product.status != "retired"]
        return self._read_products

    def contracts(self, concerned: Mapping[TableRef, Columns], source_id: str) -> list[HitContract]:
        found = []
        for table, stored in self._of_tables("data_contract", concerned):
            contract = msgspec.convert(stored.record.payload, DataContract)
            columns, promised = concerned[table], [column.name for column in contract.columns]
            broken = [] if columns is None else [name for name in promised if name in columns]
            is_hit = columns is None or not promised or bool(broken)
            if is_hit and contract.status != "retired":
                found.append(
                    HitContract(contract.contract_id, contract.version, shown_table(table, source_id=source_id), broken, contract.owner)
                )
        return sorted(found, key=lambda hit: (hit.contract_id, hit.table))

    def owners(self, concerned: Mapping[TableRef, Columns], source_id: str) -> list[HitOwner]:
        found = set()
        for table, stored in self._of_tables("annotation", concerned):
            columns = concerned[table]
            for note in msgspec.convert(stored.record.payload, Annotation).notes:
                is_meant = note.column is None or columns is None or note.column in columns
                if note.property in ("owner", "steward") and is_meant:
                    found.add(HitOwner(_named(note.value), note.property, shown_table(table, source_id=source_id), note.column))
        return sorted(found, key=lambda hit: (hit.name, hit.role, hit.table, hit.column or ""))

    def _of_tables(self, kind: str, concerned: Mapping[TableRef, Columns]) -> Iterator[tuple[TableRef, StoredRecord]]:
        targets = [MetadataTarget(table.source_id, table.schema, table.table) for table in sorted(concerned, key=names_of)]
        for stored in self._in_force(kind, targets):
            table = ref_of(stored.record.target)
            if table is not None and table in concerned:
                yield table, stored

    def _in_force(self, kind: str, targets: Targets | None = None) -> list[StoredRecord]:
        """Return the states of a kind that hold now, of each target and producer the last, the oldest first.

        The log is read from its end, so that what lies beyond the bound is missing and nothing that was taken back is shown as if it held.
        """
        last: dict[tuple[MetadataTarget, str], StoredRecord] = {}
        for stored in self._bounded(self._records(kind, targets)):
            last.setdefault((stored.record.target, stored.record.producer_id), stored)
        return [stored for stored in reversed(last.values()) if stored.record.payload is not None]

    def _bounded(self, records: Iterator[StoredRecord]) -> Iterator[StoredRecord]:
        yield from islice(records, MAX_FACTS)
        self.truncated = self.truncated or next(records, None) is not None

    def _records(self, kind: str, targets: Targets | None = None, *, since: datetime | None = None) -> Iterator[StoredRecord]:
        for part in _parts(targets):
            cursor = None
            while True:
                page = self._repository.query(
                    kind, targets=part, tenant=self._tenant, since=since, order="desc", limit=MAX_LIMIT, cursor=cursor
                )
                yield from page.records
                cursor = page.next_cursor
                if cursor is None:
                    break


_TARGETS_AT_A_TIME = 500


def _parts(targets: Targets | None) -> Iterable[Targets | None]:
    if not isinstance(targets, Sequence):
        return [targets]
    return [targets[start : start + _TARGETS_AT_A_TIME] for start in range(0, len(targets), _TARGETS_AT_A_TIME)]


class _Wanted:
    """Tables by name, so that a port is held against few of them."""

    def __init__(self, tables: Iterable[TableRef]) -> None:
        self._by_name: dict[tuple[str, str], list[TableRef]] = {}
        for table in tables:
            self._by_name.setdefault((table.source_id, table.table), []).append(table)

    def has(self, table: TableRef) -> bool:
        return any(is_same_table(table, wanted) for wanted in self._by_name.get((table.source_id, table.table), ()))


def _table_of(port: Port, contracts: Mapping[str, str], source_id: str) -> str:
    """Return the table of a port; one that names a contract alone has that of the contract."""
    is_named = port.table.source_id != CONTRACTS
    return shown_table(port.table, source_id=source_id) if is_named else contracts.get(port.contract_id or "", shown_table(port.table))


def _named(value: Any) -> str:
    """Return an owner's name: a text, or the name in what a tool wrote instead."""
    if isinstance(value, dict):
        value = value.get("name") or value.get("id") or value
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
