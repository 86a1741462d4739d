"""How the data behind products is: scores and promises of the tables they give out, and when these were last seen to change.

All of it is what others said of the tables; products are not judged here. What nobody measured is ``None`` or missing, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from factbook.products.conformance import READS as CHECK_READS
from factbook.products.conformance import shown, target_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_product import DataProduct, product_target
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord

OBSERVED_BY = ("ingestion_volume", "table_observation")
"""Kinds whose last fact on a table says when its data was last seen to change."""

READS = tuple(sorted({*CHECK_READS, *OBSERVED_BY, "quality_score", "sla_adherence"}))
"""The kinds it is told from."""

MAX_PROMISES = 5, 50
"""Facts about promises of one table that are looked through for the last word on each: in a list, and of one product."""


class LastPromise(msgspec.Struct, frozen=True):
    """The last word on a promise, and when it was."""

    at: datetime
    table: str
    promise: SlaAdherence


class TableHealth(msgspec.Struct, frozen=True):
    """One table that a product gives out. ``score`` is ``None`` where it has none; ``observed_by`` is the kind of the fact that says when
    it was last seen to change."""

    table: str
    score: float | None
    scored_at: datetime | None
    observed_at: datetime | None
    observed_by: str | None


class ProductHealth(msgspec.Struct, frozen=True):
    """One product. ``score`` is the lowest of its tables; ``observed_at`` is that of the table that was seen longest ago, ``None`` where
    one was never seen; ``promises`` are those on its tables and on itself."""

    name: str
    score: float | None
    observed_at: datetime | None
    tables: list[TableHealth]
    promises: list[LastPromise]

    @property
    def missed(self) -> int:
        return sum(one.promise.outcome == "missed" for one in self.promises)


def health_of(
    repository: MetadataRepository, products: Sequence[DataProduct], *, tenant: str, as_of: datetime | None = None
) -> dict[str, ProductHealth]:
    """Return the health of products by name, read in bulk."""
    moment = None if as_of is None else as_utc(as_of, "as_of")
    tables = sorted({target_of(port.table) for product in products for port in product.outputs}, key=str)
    scores = {
        target: (msgspec.convert(stored.record.payload, QualityScore).score, stored.record.produced_at)
        for target, stored in repository.latest_many(tables, "quality_score", tenant=tenant, as_of=moment).items()
        if stored.record.payload is not None
    }
    seen = observations(repository, tables, tenant=tenant, as_of=moment)
    places = [*tables, *(product_target(product.name) for product in products)]
    promises = _promises(repository, places, tenant, moment, MAX_PROMISES[len(products) == 1])
    return {product.name: _health(product, scores, seen, promises) for product in products}


def observations(
    repository: MetadataRepository, tables: Sequence[MetadataTarget], *, tenant: str, as_of: datetime | None = None
) -> dict[MetadataTarget, tuple[datetime, str]]:
    """Return when tables were last seen to change, and the kind of the fact that says so."""
    seen: dict[MetadataTarget, tuple[datetime, str]] = {}
    for kind in OBSERVED_BY:
        for target, stored in repository.latest_many(tables, kind, tenant=tenant, as_of=as_of).items():
            if stored.record.payload is not None:
                found = stored.record.produced_at, kind
                seen[target] = max(seen.get(target, found), found)
    return seen


def _health(
    product: DataProduct,
    scores: Mapping[MetadataTarget, tuple[float | None, datetime]],
    seen: Mapping[MetadataTarget, tuple[datetime, str]],
    promises: Mapping[MetadataTarget, list[LastPromise]],
) -> ProductHealth:
    places = list(dict.fromkeys(port.table for port in product.outputs))
    tables = [
        TableHealth(shown(place), *scores.get(target_of(place), (None, None)), *seen.get(target_of(place), (None, None)))
        for place in places
    ]
    known = [table.score for table in tables if table.score is not None]
    moments = [table.observed_at for table in tables if table.observed_at is not None]
    return ProductHealth(
        product.name,
        min(known, default=None),
        min(moments) if moments and len(moments) == len(tables) else None,
        tables,
        [one for target in (product_target(product.name), *map(target_of, places)) for one in promises.get(target, ())],
    )


def _promises(
    repository: MetadataRepository, targets: Iterable[MetadataTarget], tenant: str, as_of: datetime | None, of_each: int
) -> dict[MetadataTarget, list[LastPromise]]:
    """Return the last word on each promise of targets, by name. Those of which a page says nothing are asked for again."""
    found: dict[MetadataTarget, dict[str, LastPromise]] = {}
    wanted = list(targets)
    until = None if as_of is None else as_of + timedelta(microseconds=1)
    while wanted:
        page = repository.query(
            "sla_adherence",
            targets=wanted,
            tenant=tenant,
            until=until,
            order="desc",
            limit=min(MAX_LIMIT, of_each * len(wanted)),
        )
        for stored in page.records:
            _note(found.setdefault(stored.record.target, {}), stored)
        wanted = [] if page.next_cursor is None else [target for target in wanted if target not in found]
    return {target: [own[name] for name in sorted(own)] for target, own in found.items()}


def _note(own: dict[str, LastPromise], stored: StoredRecord) -> None:
    said = msgspec.convert(stored.record.payload, SlaAdherence)
    target = stored.record.target
    table = ".".join(part for part in (target.source_id, target.schema, target.table) if part)
    own.setdefault(said.name, LastPromise(stored.record.produced_at, table, said))
