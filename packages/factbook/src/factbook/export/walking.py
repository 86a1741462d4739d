"""Go through a catalogue once, telling how far it is."""

from __future__ import annotations

from collections.abc import Iterator

from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import OnProgress


def walk(catalog: Catalog, on_progress: OnProgress) -> Iterator[TableEntry]:
    """Yield the tables of all sources, by source, schema and table."""
    total = catalog.table_count()
    done = 0
    for source_id in catalog.sources():
        for entry in catalog.tables(source_id):
            yield entry
            done += 1
            on_progress(done, total, entry.qualified_name)


def no_progress(_done: int, _total: int | None, _latest: str) -> None:
    """Tell nobody."""
