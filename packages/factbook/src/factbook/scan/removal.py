"""Which absences are removals. Pure: names in, names out.

An object is gone only if a complete reading of its schema, inside the scope, did not show it. Everything else stays as last known.
"""

from __future__ import annotations

from collections.abc import Collection

from factbook.sources.contract import CatalogEnd, ScanScope, TableName, covers_table


def removals(known: Collection[TableName], seen: Collection[TableName], scope: ScanScope, end: CatalogEnd) -> list[TableName]:
    """Return the known objects that are gone for certain, sorted."""
    return sorted(name for name in known if name not in seen and covers_table(scope, name) and _was_read(name.schema, end))


def exceeds_share(removed: int, known: int, max_share: float) -> bool:
    """Return whether removing so many of the known objects needs somebody's consent."""
    return removed > 0 and removed > known * max_share


def _was_read(schema: str, end: CatalogEnd) -> bool:
    reading = end.schemas.get(schema)
    return end.schemas_complete if reading is None else reading.complete
