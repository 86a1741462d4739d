"""Register, change and remove products. Each change is one fact, decided and stored under the append lock, so that of two that
exclude each other exactly one is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, func, select

from factbook.errors import AlreadyThere, InvalidRequest, LimitReached, PreconditionFailed
from factbook.products.conformance import Checker
from factbook.products.model import NewPort, NewProduct, Product, ProductUpdate, RemovedProduct, VersionChange
from factbook.products.reading import KIND, stored, unknown
from factbook.products.showing import BY, declared, product_of
from factbook.products.tables import products
from factbook.products.versioning import FIRST, needed, parse, settle
from factbook.repository.appending import lock_head
from factbook.repository.sql import Appending, SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, Port, product_target
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MAX_LIMIT, StoredRecord

PRODUCER_ID = "products.v1"
_TICK = timedelta(microseconds=1)


class ProductRegistry:
    """The changes of one tenant's products. ``by`` is who makes them, ``if_match`` what they must still be: an etag or a version."""

    def __init__(self, repository: SqlRepository, *, tenant: str, max_products: int) -> None:
        self._repository = repository
        self._tenant = tenant
        self._max_products = max_products

    def register(self, new: NewProduct, *, by: str) -> Product:
        """Register a product; raises :class:`AlreadyThere`, :class:`LimitReached`. One that was removed comes back at its next version."""
        _check_label(new.name, "name")
        wanted = _declared_by(new)
        with self._locked() as transaction:
            last = self._last(transaction.connection, new.name)
            if last is not None and last.record.payload is not None:
                raise _taken(new.name, declared(last.record))
            self._refuse_over_limit(transaction.connection)
            change = None
            earlier = None if last is None else self._before_removal(new.name)
            if earlier is None:
                version = settle_first(new.version)
            else:
                need = needed(earlier, wanted)
                need = need if need.reasons else msgspec.structs.replace(need, reasons=["it comes back"])
                version = settle(earlier.version, new.version, need)
                change = VersionChange(need.level, earlier.version or FIRST, need.reasons)
            moment = _after(last)
            wanted = msgspec.structs.replace(wanted, version=version, created_at=moment)
            item = self._store(transaction, wanted, new.name, moment, by)
        return self._shown(item, change)

    def update(self, name: str, update: ProductUpdate, *, by: str, if_match: Sequence[str] | None = None) -> Product:
        """Change what is given; raises :class:`NotFound`, :class:`PreconditionFailed`, :class:`VersionTooLow`. What changes nothing stores
        nothing."""
        with self._locked() as transaction:
            last = self._live(transaction.connection, name, if_match)
            before = declared(last.record)
            after = _updated(before, update)
            need = needed(before, after)
            version = None if update.version is UNSET else update.version
            item, change = last, None
            if need.reasons or version not in (None, before.version):
                need = need if need.reasons else msgspec.structs.replace(need, reasons=["the version changes"])
                change = VersionChange(need.level, before.version or FIRST, need.reasons)
                settled = settle(before.version, version, need)
                after = msgspec.structs.replace(after, version=settled, created_at=before.created_at or last.record.produced_at)
                item = self._store(transaction, after, name, _after(last), by)
        return self._shown(item, change)

    def remove(self, name: str, *, by: str, if_match: Sequence[str] | None = None) -> RemovedProduct:
        """Take a product off the list; raises :class:`NotFound`, :class:`PreconditionFailed`. Its history stays."""
        with self._locked() as transaction:
            last = self._live(transaction.connection, name, if_match)
            moment = _after(last)
            context, extras = MetadataContext(tenant=self._tenant), {BY: by}
            for producer_id in sorted(self._producers(name) | {PRODUCER_ID}):
                end = closing(DataProduct, product_target(name), producer_id=producer_id, produced_at=moment, context=context)
                transaction.append([msgspec.structs.replace(end, extras=extras)])
            return RemovedProduct(name, declared(last.record).version or FIRST, moment)

    @contextmanager
    def _locked(self) -> Iterator[Appending]:
        with self._repository.transaction() as transaction:
            lock_head(transaction.connection)
            yield transaction

    def _last(self, connection: Connection, name: str) -> StoredRecord | None:
        mine = (products.c.tenant == self._tenant, products.c.name == name)
        row = connection.execute(select(products).where(*mine)).mappings().first()
        return None if row is None else stored(row)

    def _live(self, connection: Connection, name: str, if_match: Sequence[str] | None) -> StoredRecord:
        last = self._last(connection, name)
        if last is None or last.record.payload is None:
            raise unknown(name)
        version = declared(last.record).version or FIRST
        if if_match is not None and not {"*", last.id, version} & set(if_match):
            raise PreconditionFailed(
                f"The product {name} is not what you saw",
                why=f"it is at version {version} by now, changed at {last.record.produced_at:%Y-%m-%dT%H:%M:%SZ}",
                fix="Read it again, and send its etag in If-Match",
                field="If-Match",
            )
        return last

    def _before_removal(self, name: str) -> DataProduct | None:
        """Return the last state that was no tombstone."""
        for item in self._states(name):
            if item.record.payload is not None:
                return declared(item.record)
        return None

    def _producers(self, name: str) -> set[str]:
        """Return who has a state of the product in force; others than the register may say what a product is, too."""
        newest: dict[str, MetadataRecord] = {}
        for item in self._states(name):
            newest.setdefault(item.record.producer_id, item.record)
        return {producer_id for producer_id, record in newest.items() if record.payload is not None}

    def _states(self, name: str) -> Iterator[StoredRecord]:
        cursor = None
        while True:
            page = self._repository.query(
                KIND, targets=[product_target(name)], tenant=self._tenant, order="desc", limit=MAX_LIMIT, cursor=cursor
            )
            yield from page.records
            cursor = page.next_cursor
            if cursor is None:
                return

    def _refuse_over_limit(self, connection: Connection) -> None:
        counting = select(func.count()).select_from(products).where(products.c.tenant == self._tenant, products.c.live)
        if (connection.scalar(counting) or 0) >= self._max_products:
            raise LimitReached(
                f"There are {self._max_products:,} products already",
                why="MAX_PRODUCTS allows no more",
                fix="Remove products, or raise MAX_PRODUCTS on the server",
            )

    def _store(self, transaction: Appending, product: DataProduct, name: str, moment: datetime, by: str) -> StoredRecord:
        record = record_of(
            product,
            product_target(name),
            producer_id=PRODUCER_ID,
            produced_at=moment,
            context=MetadataContext(tenant=self._tenant),
            extras={BY: by},
        )
        (result,) = transaction.append([record])
        return StoredRecord(result.offset or 0, result.id, record)

    def _shown(self, item: StoredRecord, change: VersionChange | None = None) -> Product:
        product = declared(item.record)
        conformance = Checker(self._repository, [product], tenant=self._tenant).check(product)
        return product_of(item, product, conformance=conformance, change=change)


def settle_first(wanted: str | None) -> str:
    """Return the version of a product nobody has seen; raises :class:`InvalidRequest` for one that is none."""
    if wanted is not None and parse(wanted) is None:
        raise InvalidRequest(f"{wanted!r} is no version", why="it is not MAJOR.MINOR.PATCH", fix=f"Write {FIRST}", field="version")
    return wanted or FIRST


def parse_table(text: str) -> TableRef:
    """Read ``source.schema.table``; a source's id may hold dots, schema and table may not."""
    parts = text.rsplit(".", 2)
    if len(parts) != 3 or not all(parts):
        raise InvalidRequest(
            f"{text!r} names no table",
            why="a table is source.schema.table",
            fix='Write for example shop.main.orders, or {"source_id": …, "schema": …, "table": …} where names hold dots',
            field="ports",
        )
    return TableRef(parts[0], parts[2], parts[1])


def _taken(name: str, product: DataProduct) -> AlreadyThere:
    owner = next((owner.name for owner in product.owners), "nobody")
    return AlreadyThere(
        f"The product {name} is registered already",
        why=f"it is at version {product.version or FIRST} in the domain {product.domain} and belongs to {owner}",
        fix=f"Change it with PUT /product/{name} or factbook products update, or choose another name",
        field="name",
    )


def _after(last: StoredRecord | None) -> datetime:
    """Return now, or the moment after the last fact where that came from a clock ahead of ours."""
    now = datetime.now(UTC)
    return now if last is None else max(now, last.record.produced_at + _TICK)


def _check_label(text: str, field: str) -> None:
    if text != text.strip() or text in (".", "..") or not text.isprintable() or "/" in text:
        raise InvalidRequest(
            f"{text!r} is no {field} of a product",
            why="it stands in a path: no slash, no control character, no blank around it",
            fix="Choose another",
            field=field,
        )


def _declared_by(new: NewProduct) -> DataProduct:
    _check_label(new.domain, "domain")
    return DataProduct(
        name=new.name,
        domain=new.domain,
        status=new.status,
        description=new.description or None,
        owners=_owners(new.owner, new.owners),
        inputs=_ports(new.inputs, "inputs"),
        outputs=_ports(new.ports, "ports"),
        tags=_distinct(new.tags),
        tier=new.tier,
        documentation=new.documentation,
        schema=new.schema,
    )


def _updated(before: DataProduct, update: ProductUpdate) -> DataProduct:
    given = {name: value for name, value in msgspec.structs.asdict(update).items() if value is not UNSET}
    changes: dict[str, Any] = {name: given[name] for name in ("domain", "status", "schema", "tier", "documentation") if name in given}
    if "domain" in changes:
        _check_label(changes["domain"], "domain")
    if "description" in given:
        changes["description"] = given["description"] or None
    if "tags" in given:
        changes["tags"] = _distinct(given["tags"])
    if "owner" in given or "owners" in given:
        rest = given.get("owners", [owner for owner in before.owners if owner.role != "owner"])
        changes["owners"] = _owners(given["owner"], rest) if "owner" in given else rest
    for field, name in (("ports", "outputs"), ("inputs", "inputs")):
        if field in given:
            changes[name] = _ports(given[field], field)
    return msgspec.structs.replace(before, **changes)


def _owners(owner: str, owners: Sequence[Owner]) -> list[Owner]:
    return [Owner(owner), *(other for other in owners if (other.name, other.role) != (owner, "owner"))]


def _distinct(tags: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def _ports(given: Sequence[NewPort], field: str) -> list[Port]:
    names: set[str] = set()
    for port in given:
        _check_label(port.name, "port")
        if port.name in names:
            raise InvalidRequest(f"There are two ports of the name {port.name!r}", fix="Give each a name of its own", field=field)
        names.add(port.name)
    return [_port(port) for port in given]


def _port(port: NewPort) -> Port:
    place = port.table
    table = parse_table(place) if isinstance(place, str) else TableRef(place.source_id, place.table, place.schema)
    return Port(port.name, table, port.contract_id, port.version, port.description or None, port.schema)
