"""Domains, as the products that name them make them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

MAX_NAMED = 100
"""Owners of one domain, or principals of one product, that are named; the count is whole."""


class DomainCount(msgspec.Struct, frozen=True):
    """One domain. ``owners`` holds at most 100 names, ``owner_count`` counts them all."""

    domain: str
    products: int
    by_status: dict[str, int]
    owners: list[str]
    owner_count: int


class DomainList(msgspec.Struct, frozen=True):
    """Products per domain, domains by name. The counts at the top are of all domains."""

    total_products: int
    total_domains: int
    by_status: dict[str, int]
    domains: list[DomainCount]
    next_cursor: str | None


def domain_list(counts: Iterable[tuple[str, str, int]], owners: Iterable[tuple[str, str]], *, limit: int, cursor: str | None) -> DomainList:
    """Return a page of domains, given how many products are in each by status, and who owns some of each."""
    by_domain: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for domain, status, count in counts:
        by_domain[domain][status] += count
    owned: defaultdict[str, list[str]] = defaultdict(list)
    for domain, owner in owners:
        owned[domain].append(owner)
    rest = [domain for domain in sorted(by_domain) if cursor is None or domain > cursor]
    total = sum(by_domain.values(), Counter[str]())
    shown = [
        DomainCount(
            domain,
            by_domain[domain].total(),
            dict(sorted(by_domain[domain].items())),
            sorted(owned[domain])[:MAX_NAMED],
            len(owned[domain]),
        )
        for domain in rest[:limit]
    ]
    return DomainList(total.total(), len(by_domain), dict(sorted(total.items())), shown, rest[limit - 1] if len(rest) > limit else None)
