"""Connectors that show what a test tells them to, well-behaved or hostile."""

from __future__ import annotations

from factbook.errors import SourceUnavailable
from factbook.sources.contract import (
    CatalogEnd,
    Connector,
    Probe,
    SchemaReading,
    TableFailure,
    TableName,
    TableSnapshot,
    TableUnchanged,
    covers_table,
)
from factbook_sdk.facts.codec import canonical_json, digest
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot


def table(*columns: str, comment: str | None = None) -> SchemaSnapshot:
    """Return a table with these columns."""
    return SchemaSnapshot("table", [Column(name, place, "text") for place, name in enumerate(columns, 1)], comment=comment)


class Script(Connector):
    """Shows ``tables`` (name to snapshot); ``schemas`` says how completely each schema was read."""

    schemes = ("script",)

    def __init__(
        self, tables=None, *, schemas=None, schemas_complete=True, rows=None, fail_after=None, end=True, twice=(), failing=(), revision=None
    ):
        super().__init__("script://")
        self.tables = dict(tables or {})
        self.schemas = schemas
        self.schemas_complete = schemas_complete
        self.rows = rows or {}
        self.fail_after = fail_after
        self.end = end
        self.twice = twice
        self.failing = failing
        self.revision = revision
        self.known = None

    def probe(self):
        return Probe("script", "1", "script://here", sorted({name.schema for name in self.tables} | set(self.schemas or ())))

    def read_catalog(self, scope, known):
        self.known = known
        for count, (name, snapshot) in enumerate(self.tables.items()):
            if count == self.fail_after:
                raise SourceUnavailable("script://here does not answer", why="the connection broke off")
            if not covers_table(scope, name):
                continue
            for _ in range(2 if name in self.twice else 1):
                yield self._item(name, snapshot, known)
        if self.end:
            schemas = self.schemas or {schema: SchemaReading(True) for schema in self.probe().schemas}
            yield CatalogEnd("script", "1", schemas, self.schemas_complete, self.revision)

    def _item(self, name, snapshot, known):
        if name in self.failing:
            return TableFailure(name, "permission denied")
        fingerprint = f"script1:{digest(canonical_json(snapshot.to_payload())).hex()}"
        if known.get(name) == fingerprint:
            return TableUnchanged(name, fingerprint, self.rows.get(name))
        return TableSnapshot(name, snapshot, fingerprint, self.rows.get(name))


def names(*texts: str) -> list[TableName]:
    return [TableName(*text.split(".", 1)) for text in texts]
