"""Read the register: as it is from its view, as it was at a moment from the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from factbook.errors import InvalidRequest, NotFound
from factbook.products.conformance import Checker
from factbook.products.counting import count_values, facet_of, without
from factbook.products.model import (
    FACETS,
    STATUSES,
    Facet,
    FacetName,
    Product,
    ProductCheck,
    ProductFacets,
    ProductFilter,
    ProductHistory,
    ProductPage,
    ProductUse,
)
from factbook.products.projection import words_of
from factbook.products.showing import declared, event_of, product_of, uses_of
from factbook.products.tables import facets, products
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import decode_record
from factbook_sdk.facts.kinds.data_product import PRODUCTS, DataProduct, Port, product_target
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import StoredRecord, Within, check_limit
from factbook_sdk.repository.paging import format_cursor

KIND = "data_product"
_ALL = ProductFilter()
_MAX_TERMS = 20


class ProductReader:
    """The products of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def page(
        self,
        wanted: ProductFilter = _ALL,
        *,
        limit: int = 100,
        offset: int = 0,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> ProductPage:
        """Return products by name, each with what its check says; raises :class:`InvalidRequest`."""
        check_limit(limit)
        _check(wanted, offset, cursor)
        moment = None if as_of is None else as_utc(as_of, "as_of")
        if moment is None:
            found, total = self._now(wanted, limit + 1, offset, cursor)
        else:
            past = [item for item in self._past(moment) if _matches(item, wanted)]
            total = len(past)
            past = [item for item in past if cursor is None or _name(item) > cursor]
            found = past[offset : offset + limit + 1]
        items = self._shown(found[:limit], moment)
        return ProductPage(items, total, limit, offset, items[-1].name if len(found) > limit else None, moment)

    def facets(self, wanted: ProductFilter = _ALL, *, as_of: datetime | None = None) -> ProductFacets:
        """Count the products that are wanted by domain, status, owner and tag; raises :class:`InvalidRequest`."""
        _check(wanted, 0, None)
        if as_of is None:
            with self._repository.reading() as connection:
                return ProductFacets(**{facet: self._counted(connection, without(wanted, facet), facet) for facet in FACETS})
        past = self._past(as_utc(as_of, "as_of"))
        return ProductFacets(
            **{
                facet: count_values((declared(item.record) for item in past if _matches(item, without(wanted, facet))), facet)
                for facet in FACETS
            }
        )

    def _counted(self, connection: Connection, wanted: ProductFilter, facet: FacetName) -> Facet:
        conditions = [*self._mine(), *_conditions(wanted)]
        if facet in ("domain", "status"):
            value: ColumnElement[str] = products.c[facet]
        else:
            # By a name of its own: the conditions look into the same table.
            counted = facets.alias("counted")
            value = counted.c.value
            conditions += [counted.c.tenant == products.c.tenant, counted.c.name == products.c.name, counted.c.facet == facet]
        rows = connection.execute(select(value, func.count()).where(*conditions).group_by(value))
        return facet_of((found, count) for found, count in rows)

    def get(self, name: str, *, as_of: datetime | None = None) -> Product:
        """Return one product with its check; raises :class:`NotFound`."""
        moment = None if as_of is None else as_utc(as_of, "as_of")
        return self._shown([self._item(name, moment)], moment)[0]

    def check(self, name: str, *, as_of: datetime | None = None) -> ProductCheck:
        """Say how far a product's tables are what it declares; raises :class:`NotFound`."""
        moment = None if as_of is None else as_utc(as_of, "as_of")
        product = declared(self._item(name, moment).record)
        conformance = Checker(self._repository, [product], tenant=self._tenant, as_of=moment).check(product)
        return ProductCheck(name, product.version or "", conformance, moment)

    def history(self, name: str, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None) -> ProductHistory:
        """Return who changed what when, newest first, up to a moment; a product that is gone has its history still."""
        check_limit(limit)
        target = product_target(name)
        until = None if as_of is None else as_utc(as_of, "as_of") + timedelta(microseconds=1)
        page = self._repository.query(KIND, targets=[target], tenant=self._tenant, until=until, order="desc", limit=limit, cursor=cursor)
        found = page.records
        if not found and cursor is None:
            raise unknown(name)
        earlier: list[StoredRecord | None] = list(found[1:])
        if page.next_cursor is not None and found:
            last = format_cursor(found[-1])
            earlier += self._repository.query(KIND, targets=[target], tenant=self._tenant, order="desc", limit=1, cursor=last).records
        earlier += [None] * (len(found) - len(earlier))
        return ProductHistory(name, [event_of(item, before) for item, before in zip(found, earlier, strict=True)], page.next_cursor)

    def named(self, names: Sequence[str], *, as_of: datetime | None = None) -> list[DataProduct]:
        """Return the products of these names that there are, or were at a moment."""
        if as_of is not None:
            targets = [product_target(name) for name in names]
            found = self._repository.latest_many(targets, KIND, tenant=self._tenant, as_of=as_utc(as_of, "as_of"))
            there = [item for item in found.values() if item.record.payload is not None]
            return [msgspec.structs.replace(declared(item.record), name=_name(item)) for item in there]
        with self._repository.reading() as connection:
            texts = connection.scalars(select(products.c.record).where(*self._mine(), products.c.name.in_(names)))
            return [_named(text) for text in texts]

    def at(self, moment: datetime) -> list[DataProduct]:
        """Return every product there was at a moment, by name."""
        past = self._past(as_utc(moment, "as_of"))
        return [msgspec.structs.replace(declared(item.record), name=_name(item)) for item in past]

    def live(self) -> Iterator[DataProduct]:
        """Yield every product there is now, by name; its name is that of its target."""
        statement = select(products.c.record).where(*self._mine()).order_by(products.c.name)
        with self._repository.reading() as connection:
            for text in connection.scalars(statement):
                yield _named(text)

    def on(self, table: TableRef, *, as_of: datetime | None = None) -> list[ProductUse]:
        """Return the ports of products on a table, by product; those of retired products are left out."""
        moment = None if as_of is None else as_utc(as_of, "as_of")
        found = (_under_target(item.record) for item in self._past(moment)) if moment is not None else self._naming(table.table)
        return sorted((use for product in found for use in uses_of(product, table)), key=lambda use: (use.product, use.way, use.port))

    def _naming(self, table: str) -> Iterator[DataProduct]:
        """Yield the products that name a table of any source by this name."""
        written = f'"table":{msgspec.json.encode(table).decode()}'
        statement = select(products.c.record).where(*self._mine(), products.c.record.contains(written, autoescape=True))
        with self._repository.reading() as connection:
            for text in connection.scalars(statement):
                yield _named(text)

    def bound(self, domain: str, dataset: str) -> tuple[DataProduct, Port] | None:
        """Return the product and the port at an address: the product of that name (its port of that name, else its first), else the one
        port of that name in the domain. Raises :class:`InvalidRequest` where several products have one."""
        mine = (*self._mine(), products.c.domain == domain)
        same = (facets.c.tenant == products.c.tenant, facets.c.name == products.c.name)
        has_port = select(facets.c.name).where(*same, facets.c.facet == "port", facets.c.value == dataset).exists()
        named, ported = products.c.name == dataset, select(products.c.record).where(*mine, has_port).order_by(products.c.name).limit(3)
        with self._repository.reading() as connection:
            found = connection.scalars(select(products.c.record).where(*mine, named)).all() or connection.scalars(ported).all()
        candidates = [_named(text) for text in found]
        if len(candidates) > 1:
            names = ", ".join(product.name for product in candidates)
            raise InvalidRequest(f"Several products serve /{domain}/{dataset}", why=f"among them {names}", fix="Ask by a product's name")
        for product in candidates:
            ports = [port for port in product.outputs if port.name == dataset] or product.outputs
            return (product, ports[0]) if ports else None
        return None

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return products.c.tenant == self._tenant, products.c.live

    def _now(self, wanted: ProductFilter, limit: int, offset: int, cursor: str | None) -> tuple[list[StoredRecord], int]:
        conditions = [*self._mine(), *_conditions(wanted)]
        after = [] if cursor is None else [products.c.name > cursor]
        statement = select(products).where(*conditions, *after).order_by(products.c.name).limit(limit).offset(offset)
        counting = select(func.count()).select_from(products).where(*conditions)
        with self._repository.reading() as connection:
            total: int = connection.scalars(counting).one()
            return [stored(row) for row in connection.execute(statement).mappings()], total

    def _past(self, moment: datetime) -> list[StoredRecord]:
        known = self._repository.latest_many(Within(PRODUCTS), KIND, tenant=self._tenant, as_of=moment)
        there = [item for item in known.values() if item.record.payload is not None and item.record.target.table is not None]
        return sorted((item for item in there if item.record.target == product_target(_name(item))), key=_name)

    def _item(self, name: str, moment: datetime | None) -> StoredRecord:
        if moment is not None:
            item = self._repository.latest(product_target(name), KIND, tenant=self._tenant, as_of=moment)
        else:
            with self._repository.reading() as connection:
                row = connection.execute(select(products).where(*self._mine(), products.c.name == name)).mappings().first()
            item = None if row is None else stored(row)
        if item is None or item.record.payload is None:
            raise unknown(name)
        return item

    def _shown(self, items: Sequence[StoredRecord], moment: datetime | None) -> list[Product]:
        found = [declared(item.record) for item in items]
        checker = Checker(self._repository, found, tenant=self._tenant, as_of=moment)
        return [product_of(item, product, conformance=checker.check(product)) for item, product in zip(items, found, strict=True)]


def _named(text: str) -> DataProduct:
    """Return a product as it was said, under the name of its target."""
    return _under_target(decode_record(text.encode()))


def _under_target(record: MetadataRecord) -> DataProduct:
    return msgspec.structs.replace(declared(record), name=record.target.table or "")


def stored(row: RowMapping) -> StoredRecord:
    """Return the fact that a row of the view holds."""
    return StoredRecord(row["offset"], row["record_id"], decode_record(row["record"].encode()))


def unknown(name: str) -> NotFound:
    """Say that there is no such product."""
    return NotFound(f"There is no product {name!r}", fix="factbook products list shows those there are", field="name")


def _name(item: StoredRecord) -> str:
    return item.record.target.table or ""


def _check(wanted: ProductFilter, offset: int, cursor: str | None) -> None:
    if wanted.status is not None and wanted.status not in STATUSES:
        raise InvalidRequest(f"{wanted.status!r} is no status of a product", fix=f"Choose {', '.join(STATUSES)}", field="status")
    if offset < 0:
        raise InvalidRequest(f"offset is {offset}", why="it must be 0 or more", field="offset")
    if offset and cursor is not None:
        raise InvalidRequest("offset and cursor both say where to go on", fix="Pass one of them", field="offset")
    if len(_terms(wanted)) > _MAX_TERMS:
        raise InvalidRequest("text has too many words", why=f"at most {_MAX_TERMS} are looked for", field="text")


def _terms(wanted: ProductFilter) -> list[str]:
    return wanted.text.casefold().split() if wanted.text else []


def _conditions(wanted: ProductFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.domain is not None:
        yield products.c.domain == wanted.domain
    if wanted.status is not None:
        yield products.c.status == wanted.status
    for facet, value in (("tag", wanted.tag), ("owner", wanted.owner), ("contract", wanted.contract)):
        if value is not None:
            same = (facets.c.tenant == products.c.tenant, facets.c.name == products.c.name)
            yield select(facets.c.name).where(*same, facets.c.facet == facet, facets.c.value == value).exists()
    for term in _terms(wanted):
        yield products.c.words.contains(term, autoescape=True)


def _matches(item: StoredRecord, wanted: ProductFilter) -> bool:
    """Return whether a product of the past is wanted, as :func:`_conditions` says of one that is there now."""
    product = declared(item.record)
    words = words_of(_name(item), item.record.payload or {}) if wanted.text else ""
    return (
        wanted.domain in (None, product.domain)
        and wanted.status in (None, product.status)
        and (wanted.tag is None or wanted.tag in product.tags)
        and (wanted.owner is None or any(owner.name == wanted.owner for owner in product.owners))
        and (wanted.contract is None or any(port.contract_id == wanted.contract for port in (*product.inputs, *product.outputs)))
        and all(term in words for term in _terms(wanted))
    )
