"""Numbers about products that follow from facts: domains, coverage, age of their data, use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select

from factbook.errors import InvalidRequest
from factbook.products.conformance import READS, Checker, target_of
from factbook.products.domains import MAX_NAMED, DomainList, domain_list
from factbook.products.health import OBSERVED_BY, ProductHealth, health_of, observations
from factbook.products.reading import ProductReader
from factbook.products.tables import facets, products
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_product import PRODUCTS, DataProduct, product_target
from factbook_sdk.facts.kinds.data_usage import DataUsage
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MAX_LIMIT, Targets, Within, check_limit

AGE_READS = (*READS, *OBSERVED_BY)
USAGE_READS = ("data_product", "data_usage")

MAX_FACTS = 200_000
"""``data_usage`` facts that are added up; where there are more, the answer says so."""
USAGE_DAYS = 30
"""Days that are added up where no stretch of time is named."""


class Share(msgspec.Struct, frozen=True):
    """How many of all products have something."""

    count: int
    share: float


class ProductCoverage(msgspec.Struct, frozen=True):
    """How well products are described, bound and kept to; ``conformance`` counts products by what their check says."""

    total_products: int
    described: Share
    with_schema: Share
    tagged: Share
    bound: Share
    scanned: Share
    conforming: Share
    conformance: dict[str, int]
    bound_tables: int


class ProductAge(msgspec.Struct, frozen=True):
    """When the data behind a product was last seen to change: by its table that was seen longest ago. ``observed_by`` is the kind of the
    fact that says so."""

    name: str
    domain: str
    owner: str | None
    table: str
    last_observed_at: datetime
    observed_by: str
    age_seconds: float


class ProductAges(msgspec.Struct, frozen=True):
    """The products whose data is freshest and stalest; ``unobserved`` are bound to tables of which nothing was heard, or to none."""

    freshest: list[ProductAge]
    stalest: list[ProductAge]
    observed: int
    unobserved: int
    as_of: datetime


class ProductUse(msgspec.Struct, frozen=True):
    """What was read from one product. ``principals`` holds at most 100 names, most requests first."""

    name: str
    requests: int
    rows: int
    principals: list[str]
    principal_count: int
    by_format: dict[str, int]
    last_used_at: datetime


class UsageReport(msgspec.Struct, frozen=True):
    """Products by requests, the most used first; ``unused`` counts those there are that nobody read. ``truncated``: there were more facts
    than are added up, and the newest are."""

    since: datetime
    until: datetime
    requests: int
    rows: int
    products: list[ProductUse]
    used: int
    unused: int
    truncated: bool


class ProductAnalytics:
    """The numbers of one tenant."""

    def __init__(self, repository: SqlRepository, reader: ProductReader, *, tenant: str) -> None:
        self._repository = repository
        self._reader = reader
        self._tenant = tenant

    def domains(self, *, limit: int = 1000, cursor: str | None = None, as_of: datetime | None = None) -> DomainList:
        """Count products by domain and status, with their owners, now or at a moment."""
        check_limit(limit)
        if as_of is not None:
            past = self._reader.at(as_of)
            counts = [(product.domain, product.status, 1) for product in past]
            owners = {(product.domain, owner.name) for product in past for owner in product.owners}
            return domain_list(counts, owners, limit=limit, cursor=cursor)
        mine = (products.c.tenant == self._tenant, products.c.live)
        counting = select(products.c.domain, products.c.status, func.count()).where(*mine).group_by(products.c.domain, products.c.status)
        same = (facets.c.tenant == products.c.tenant, facets.c.name == products.c.name, facets.c.facet == "owner")
        owning = select(products.c.domain, facets.c.value).where(*mine, *same).distinct()
        with self._repository.reading() as connection:
            counted = [tuple(row) for row in connection.execute(counting)]
            owned = [tuple(row) for row in connection.execute(owning)]
        return domain_list(counted, owned, limit=limit, cursor=cursor)

    def coverage(self) -> ProductCoverage:
        """Say how many products are described, bound to tables that were scanned, and kept to."""
        live = list(self._reader.live())
        checker = Checker(self._repository, live, tenant=self._tenant)
        checks = [checker.check(product) for product in live]
        found = Counter[str](check.status for check in checks)
        scanned = sum(
            bool(product.outputs) and not any(gap.problem == "not_scanned" for gap in check.gaps)
            for product, check in zip(live, checks, strict=True)
        )

        def share(count: int) -> Share:
            return Share(count, round(count / len(live), 4) if live else 0.0)

        return ProductCoverage(
            total_products=len(live),
            described=share(sum(bool(product.description) for product in live)),
            with_schema=share(sum(bool(product.schema) or any(port.schema for port in product.outputs) for product in live)),
            tagged=share(sum(bool(product.tags) for product in live)),
            bound=share(sum(bool(product.outputs) for product in live)),
            scanned=share(scanned),
            conforming=share(found["conforms"] + found["extends"]),
            conformance=dict(sorted(found.items())),
            bound_tables=len({port.table for product in live for port in product.outputs}),
        )

    def ages(self, *, limit: int = 10) -> ProductAges:
        """Return the products whose data is freshest and stalest, at most ``limit`` (up to 100) of each."""
        if not 1 <= limit <= MAX_NAMED:
            raise InvalidRequest(f"limit is {limit}", why=f"it must lie between 1 and {MAX_NAMED}", field="limit")
        now = datetime.now(UTC)
        live = list(self._reader.live())
        targets = sorted({target_of(port.table) for product in live for port in product.outputs}, key=str)
        seen = observations(self._repository, targets, tenant=self._tenant)
        ages = [age for product in live if (age := _age(product, seen, now)) is not None]
        ages.sort(key=lambda age: (-age.last_observed_at.timestamp(), age.name))
        return ProductAges(ages[:limit], ages[::-1][:limit], len(ages), len(live) - len(ages), now)

    def health(self, names: Sequence[str], *, as_of: datetime | None = None) -> dict[str, ProductHealth]:
        """Return scores, promises and age of the data of products by name; those that are not there are missing."""
        return health_of(self._repository, self._reader.named(names, as_of=as_of), tenant=self._tenant, as_of=as_of)

    def usage(self, *, since: datetime | None = None, until: datetime | None = None, limit: int = 100) -> UsageReport:
        """Add up what was read in a stretch of time (the last 30 days, if none is named), the most used product first."""
        check_limit(limit)
        start, end = _stretch(since, until)
        tallies, truncated = self._tallies(Within(PRODUCTS), start, end)
        there = {product.name for product in self._reader.live()}
        uses = sorted((tally.shown(name) for name, tally in tallies.items()), key=lambda use: (-use.requests, use.name))
        return UsageReport(
            since=start,
            until=end,
            requests=sum(use.requests for use in uses),
            rows=sum(use.rows for use in uses),
            products=uses[:limit],
            used=len(uses),
            unused=len(there - tallies.keys()),
            truncated=truncated,
        )

    def usage_of(self, name: str, *, since: datetime | None = None, until: datetime | None = None) -> ProductUse | None:
        """Add up what was read from one product in a stretch of time; ``None`` where nobody read it."""
        tallies, _ = self._tallies([product_target(name)], *_stretch(since, until))
        return tallies[name].shown(name) if name in tallies else None

    def _tallies(self, targets: Targets, start: datetime, end: datetime) -> tuple[dict[str, _Tally], bool]:
        """Return what was read from each product, and whether there were more facts than are added up."""
        tallies: dict[str, _Tally] = {}
        read, cursor = 0, None
        while read < MAX_FACTS:
            page = self._repository.query(
                "data_usage",
                targets=targets,
                tenant=self._tenant,
                since=start,
                until=end + timedelta(microseconds=1),
                order="desc",
                limit=MAX_LIMIT,
                cursor=cursor,
            )
            for item in page.records:
                name = item.record.target.table
                if name is not None:
                    tallies.setdefault(name, _Tally()).add(msgspec.convert(item.record.payload, DataUsage))
            read += len(page.records)
            cursor = page.next_cursor
            if cursor is None:
                break
        return tallies, cursor is not None


def _stretch(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    end = datetime.now(UTC) if until is None else as_utc(until, "until")
    return (end - timedelta(days=USAGE_DAYS) if since is None else as_utc(since, "since")), end


class _Tally:
    """What was read from one product, added up."""

    def __init__(self) -> None:
        self._rows = 0
        self._principals: Counter[str] = Counter()
        self._formats: Counter[str] = Counter()
        self._last = datetime.min.replace(tzinfo=UTC)

    def add(self, use: DataUsage) -> None:
        self._rows += use.rows
        self._principals[use.principal] += use.requests
        self._formats[use.format] += use.requests
        self._last = max(self._last, use.window_end)

    def shown(self, name: str) -> ProductUse:
        return ProductUse(
            name,
            self._principals.total(),
            self._rows,
            [principal for principal, _ in self._principals.most_common(MAX_NAMED)],
            len(self._principals),
            dict(sorted(self._formats.items())),
            self._last,
        )


def _age(product: DataProduct, seen: Mapping[MetadataTarget, tuple[datetime, str]], now: datetime) -> ProductAge | None:
    places = [(seen[target], str(target)) for port in product.outputs if (target := target_of(port.table)) in seen]
    if not places or len({target_of(port.table) for port in product.outputs}) != len({place for _, place in places}):
        return None
    (moment, kind), table = min(places)
    owner = next((owner.name for owner in product.owners), None)
    return ProductAge(product.name, product.domain, owner, table, moment, kind, max(0.0, round((now - moment).total_seconds(), 3)))
