"""What products can be narrowed to: how many there are by domain, status, owner and tag among those that are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from factbook.products.model import Facet, FacetName, ProductFilter
from factbook_sdk.facts.kinds.data_product import DataProduct

MAX_VALUES = 20
"""Values of one facet that are named, those of most products first."""


def without(wanted: ProductFilter, facet: FacetName) -> ProductFilter:
    """Return what is wanted but for one facet: its values are counted among all that the other choices leave."""
    return msgspec.structs.replace(wanted, **{facet: None})


def facet_of(counts: Iterable[tuple[str, int]]) -> Facet:
    """Return the values of a facet with their counts, most products first."""
    ordered = sorted(counts, key=lambda one: (-one[1], one[0]))
    return Facet(dict(ordered[:MAX_VALUES]), len(ordered))


def values_of(product: DataProduct, facet: FacetName) -> set[str]:
    """Return what a product counts for in a facet."""
    if facet == "domain":
        return {product.domain}
    if facet == "status":
        return {product.status}
    return set(product.tags) if facet == "tag" else {owner.name for owner in product.owners}


def count_values(products: Iterable[DataProduct], facet: FacetName) -> Facet:
    """Count the values of a facet among products."""
    return facet_of(Counter(value for product in products for value in values_of(product, facet)).items())
