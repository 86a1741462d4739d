"""How nodes are called: one name for each, in answers and in questions."""

from __future__ import annotations

from collections.abc import Iterator

from factbook.lineage.tables import KINDS, PRODUCTS
from factbook.names.namespaces import space_of

Target = tuple[str, str, str]
"""Source, schema (empty for none), table."""

_MAX_CUTS = 16


def kind_of(target: Target) -> int:
    """Return the sort of a node, as its place in :data:`KINDS`."""
    source_id, schema, _ = target
    if source_id == PRODUCTS and not schema:
        return KINDS.index("product")
    return KINDS.index("table" if schema else "dataset")


def name_of(target: Target) -> str:
    """Return how a node is shown: a product by its name, a table as ``source.schema.table``, a dataset as ``namespace/name``."""
    source_id, schema, table = target
    if schema:
        return f"{source_id}.{schema}.{table}"
    return table if source_id == PRODUCTS else f"{source_id}/{table}"


def settled_as(target: Target) -> Target:
    """Return under which name it is settled what a node means: a namespace counts in one form, however it is written."""
    source_id, schema, table = target
    return (source_id, schema, table) if schema else (space_of(source_id).key, schema, table)


def readings(name: str) -> Iterator[Target]:
    """Yield the targets that a name can mean, for names may hold dots and slashes themselves. Far too many of them are not tried."""
    yield PRODUCTS, "", name
    dots = [place for place, char in enumerate(name) if char == "."][:_MAX_CUTS]
    for first in dots:
        for second in dots:
            if first < second and first > 0 and second - first > 1 and second + 1 < len(name):
                yield name[:first], name[first + 1 : second], name[second + 1 :]
    for place in [place for place, char in enumerate(name) if char in "./"][: 2 * _MAX_CUTS]:
        if 0 < place < len(name) - 1:
            yield name[:place], "", name[place + 1 :]
