"""Data products as ODPS documents: imported into ``data_product`` facts, and exported from whatever says what a product is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from factbook.contracts.binding import Catalog
from factbook.contracts.facts import Facts
from factbook.contracts.model import Imported, ImportWish
from factbook.contracts.odps import PORTS, TableOf, contract_ref, product_of, written
from factbook.contracts.reading import Read
from factbook.contracts.versions import differences, is_lower
from factbook.errors import ContractTaken, InvalidRequest, NotFound
from factbook_sdk.facts import MetadataContext
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.data_contract import ContractObject
from factbook_sdk.facts.kinds.data_product import DataProduct, Port, product_target
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.facts.record import MAX_NAME_LENGTH
from factbook_sdk.repository.contract import MetadataRepository

PRODUCER = "products.v1"
"""Who says what a product is, whichever way it was told: one stream, so that each telling replaces the one before."""
_MAX_DIFFERENCES = 20


class ProductDocuments:
    """The documents of one tenant's products."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._contracts = Facts(repository, tenant=tenant)

    def import_document(self, read: Read, wish: ImportWish = ImportWish()) -> Imported:  # noqa: B008 - frozen
        """Store a product by its name; raises :class:`ContractTaken` where one of the name is there that is not to be replaced."""
        document = read.root
        _check_names(document)
        before = self._find(document.get("name") or document["id"], None)
        replaced = [] if before is None else list(_check_version(document, before, replaces=wish.replace))
        product = _kept(product_of(document, self._table_of(document, wish.bind, before)), before)
        is_same = before == product
        if not is_same:
            extras = {"by": wish.by} if wish.by else {}
            context = MetadataContext(tenant=self._tenant)
            target = product_target(product.name)
            self._repository.store(
                record_of(product, target, producer_id=PRODUCER, produced_at=datetime.now(UTC), context=context, extras=extras)
            )
        ports = [_bound(port) for port in (*product.inputs, *product.outputs)]
        return Imported("DataProduct", product.name, product.version, "unchanged" if is_same else "stored", ports, replaced)

    def document(self, name: str, *, as_of: datetime | None = None) -> dict[str, Any]:
        """Return a product as ODPS; raises :class:`NotFound`."""
        product = self._find(name, as_of)
        if product is None:
            raise NotFound(f"There is no data product {name!r}", fix="GET /products lists those there are", field="name")
        return written(product)

    def _find(self, name: str, as_of: datetime | None) -> DataProduct | None:
        stored = self._repository.latest(product_target(name), "data_product", tenant=self._tenant, as_of=as_of)
        return None if stored is None or stored.record.payload is None else msgspec.convert(stored.record.payload, DataProduct)

    def _table_of(self, document: dict[str, Any], said: Mapping[str, str], before: DataProduct | None) -> TableOf:
        """Return how the table of a port is found: as somebody says, by its contract, or as it was."""
        ports = [*(document.get("inputPorts") or ()), *(document.get("outputPorts") or ())]
        unknown = sorted(said.keys() - {port["name"] for port in ports})
        if unknown:
            raise InvalidRequest(f"The product has no port {unknown[0]!r}", fix="Write PORT=SOURCE.SCHEMA.TABLE", field="bind")
        catalog = Catalog(self._repository, tenant=self._tenant)
        named = {name: self._named(catalog, text) for name, text in said.items()}
        earlier = {} if before is None else {(port.name, port.contract_id): port.table for port in (*before.inputs, *before.outputs)}

        def table_of(name: str, contract: str | None) -> TableRef:
            if name in named:
                return named[name]
            known = earlier.get((name, contract))
            if known is not None and known.source_id != PORTS and known != contract_ref(contract or "-"):
                return known
            return TableRef(PORTS, name, product) if contract is None else self._table_of_contract(contract)

        product = document.get("name") or document["id"]
        return table_of

    @staticmethod
    def _named(catalog: Catalog, text: str) -> TableRef:
        ref = catalog.named(text)
        if ref is None:
            raise InvalidRequest(
                f"There is no table {text}", why="no scan saw one that is called so", fix="Write SOURCE.SCHEMA.TABLE, or scan", field="bind"
            )
        return ref

    def _table_of_contract(self, contract_id: str) -> TableRef:
        state = self._contracts.find(contract_id) if len(contract_id) <= MAX_NAME_LENGTH else None
        tables = [] if state is None else list(state.promises)
        return tables[0] if len(tables) == 1 else contract_ref(contract_id)


def _check_names(document: dict[str, Any]) -> None:
    name = document.get("name") or document["id"]
    if not name.strip() or len(name) > MAX_NAME_LENGTH:
        raise InvalidRequest("The product has no name that can be stored", why=f"it has 1 to {MAX_NAME_LENGTH} characters", field="name")


def _check_version(document: dict[str, Any], before: DataProduct, *, replaces: bool) -> Iterator[str]:
    """Yield what a replaced version said otherwise; raises :class:`ContractTaken` where that was not asked for."""
    version, known = document.get("version") or "", before.version or ""
    fix = "Give it a later version, or add --replace (replace=true)"
    if not replaces and is_lower(version, known):
        raise ContractTaken(f"{before.name} {version} is not imported", why=f"{known} is there, which is later", fix=fix, field="version")
    if version != known:
        return
    found = list(differences(written(before), document))
    if found and not replaces:
        shown = "; ".join(found[:_MAX_DIFFERENCES])
        raise ContractTaken(f"The product {before.name} {version} is there already and says otherwise", why=shown, fix=fix, field="version")
    yield from found[:_MAX_DIFFERENCES]


_READ = ("name", "domain", "status", "version", "description", "owners", "inputs", "outputs", "tags", "document")
"""What a document says of a product."""


def _kept(product: DataProduct, before: DataProduct | None) -> DataProduct:
    """Return the product with all that no document says of it as it was before."""
    if before is None:
        return product
    said = {field: getattr(product, field) for field in _READ}
    for field in ("inputs", "outputs"):
        known = {(port.name, port.version): port for port in getattr(before, field)}
        said[field] = [_kept_port(port, known.get((port.name, port.version))) for port in said[field]]
    return msgspec.structs.replace(before, **said)


def _kept_port(port: Port, before: Port | None) -> Port:
    fields = ("table", "contract_id", "description")
    return port if before is None else msgspec.structs.replace(before, **{field: getattr(port, field) for field in fields})


def _bound(port: Port) -> ContractObject:
    if port.table.source_id == PORTS:
        return ContractObject(port.name, reason="it names no contract; say its table with --bind")
    if port.contract_id is not None and port.table == contract_ref(port.contract_id):
        return ContractObject(port.name, reason=f"its contract {port.contract_id} is not bound to one table")
    return ContractObject(port.name, port.table)
