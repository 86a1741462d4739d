"""Which sources and tables a kind's records are about. Repositories that can tell without reading the records do; of others, records are
read page by page and only their names kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Within

TableNames = set[tuple[str, str]]
"""Schema, table."""

_PAGE = MAX_LIMIT // 10


@runtime_checkable
class NamesTargets(Protocol):
    """A repository that can tell names without reading records."""

    def sources_of(self, kind: str, *, tenant: str) -> set[str]:
        """Return the sources of which there is a record of the kind."""

    def tables_of(self, kind: str, source_id: str, *, tenant: str) -> TableNames:
        """Return the tables of a source of which there is a record of the kind, those that were removed among them."""


def sources_of(repository: MetadataRepository, kind: str, *, tenant: str) -> set[str]:
    """Return the sources of which there is a record of the kind."""
    if isinstance(repository, NamesTargets):
        return repository.sources_of(kind, tenant=tenant)
    return {target.source_id for target in read_targets(repository, kind, None, tenant)}


def tables_of(repository: MetadataRepository, kind: str, source_id: str, *, tenant: str) -> TableNames:
    """Return the tables of a source of which there is a record of the kind, those that were removed among them."""
    if isinstance(repository, NamesTargets):
        return repository.tables_of(kind, source_id, tenant=tenant)
    return tables_among(read_targets(repository, kind, Within(source_id), tenant))


def tables_among(targets: Iterable[MetadataTarget]) -> TableNames:
    """Return the names of the tables among targets."""
    return {(target.schema, target.table) for target in targets if target.schema is not None and target.table is not None}


def read_targets(repository: MetadataRepository, kind: str, within: Within | None, tenant: str) -> Iterator[MetadataTarget]:
    """Yield the target of every record of a kind."""
    cursor: str | None = None
    while True:
        page = repository.query(kind, targets=within, tenant=tenant, limit=_PAGE, cursor=cursor)
        yield from (item.record.target for item in page.records)
        cursor = page.next_cursor
        if cursor is None:
            return
