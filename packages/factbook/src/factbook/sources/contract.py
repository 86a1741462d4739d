"""The connector contract: two methods between Factbook and a database.

To write a connector for another database: subclass :class:`Connector`, publish the class under the entry point group
``factbook.connectors`` with the URL scheme as its name, and bind ``factbook.sources.testing.ConnectorContract`` to it.

A connector only reads. It opens its connection in :meth:`Connector.read_catalog` and :meth:`Connector.probe` and closes it before they
end; an instance holds configuration, not state. It yields what it saw and says honestly what it could not see: an
absence becomes a removal only where the connector said the reading was complete.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, ClassVar

import msgspec

from factbook.errors import ConfigurationError
from factbook_sdk.facts.kinds.catalog_scan import ScanScope, SchemaReading
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

if TYPE_CHECKING:
    from factbook.sources.session import Session

__all__ = [
    "CatalogEnd",
    "CatalogItem",
    "Connector",
    "Known",
    "Probe",
    "ScanScope",
    "SchemaReading",
    "TableFailure",
    "TableName",
    "TableSnapshot",
    "TableUnchanged",
    "covers_schema",
    "covers_table",
]


class TableName(msgspec.Struct, frozen=True, order=True):
    """A table's name within its source. ``schema`` is ``main`` where the engine knows none."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


class Probe(msgspec.Struct, frozen=True):
    """What answered: engine (``postgresql``), its version, the OpenLineage namespace of the source
    (``postgres://host:port``; the naming rules are in the OpenLineage specification) and the schemas visible to this user,
    the engine's own ones left out. ``database`` is the first part of a table's full name, where the engine has such a part."""

    engine: str
    version: str
    namespace: str
    schemas: list[str]
    database: str | None = None


class TableSnapshot(msgspec.Struct, frozen=True):
    """A table that was read."""

    name: TableName
    snapshot: SchemaSnapshot
    fingerprint: str
    row_estimate: int | None = None
    size_bytes: int | None = None


class TableUnchanged(msgspec.Struct, frozen=True):
    """A table whose fingerprint equals the one handed in; its structure was not read."""

    name: TableName
    fingerprint: str
    row_estimate: int | None = None
    size_bytes: int | None = None


class TableFailure(msgspec.Struct, frozen=True):
    """A table that is there and could not be read. ``reason`` holds no secret."""

    name: TableName
    reason: str


class CatalogEnd(msgspec.Struct, frozen=True):
    """The last item, and proof that the reading came to its end: completeness per schema inside the scope, and whether the list of
    schemas itself was visible in full. ``revision`` stands for the catalogue as it was read, where the engine has such a thing: two
    readings with the same revision saw the same structures."""

    engine: str
    engine_version: str
    schemas: dict[str, SchemaReading]
    schemas_complete: bool = True
    revision: str | None = None


class Known(dict[TableName, str]):
    """What earlier readings left: fingerprints by table and, where the last one in the same scope read everything, its ``revision``."""

    def __init__(self, fingerprints: Mapping[TableName, str] | None = None, revision: str | None = None) -> None:
        super().__init__(fingerprints or {})
        self.revision = revision


CatalogItem = TableSnapshot | TableUnchanged | TableFailure | CatalogEnd


class Connector(ABC):
    """One kind of database. Constructed as ``Connector(url)`` with secrets resolved; never logs or shows the URL."""

    schemes: ClassVar[tuple[str, ...]]
    """URL schemes this connector serves, the canonical one first."""

    def __init__(self, url: str, *, connect_timeout_seconds: float = 10.0, statement_timeout_seconds: float = 300.0) -> None:
        self.url = url
        self.connect_timeout_seconds = connect_timeout_seconds
        self.statement_timeout_seconds = statement_timeout_seconds

    @abstractmethod
    def probe(self) -> Probe:
        """Connect and say what is there; raises :class:`SourceRefused` or :class:`SourceUnavailable`."""

    @abstractmethod
    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        """Yield every object of the scope once, then one :class:`CatalogEnd`.

        ``known`` maps tables to the fingerprints of an earlier reading; where the engine computes the same one again, yield
        :class:`TableUnchanged`. Fingerprints must be equal exactly when snapshots are equal; where the whole catalogue still has the
        known revision they need not be computed. Memory must not grow with the
        catalogue beyond names and fingerprints. An error that ends the reading is raised as :class:`SourceRefused` or
        :class:`SourceUnavailable`; what was yielded before stands.
        """

    def open_session(self) -> AbstractContextManager[Session]:
        """Connect and give a :class:`~factbook.sources.session.Session` to measure data with; leaving it closes the connection.

        A connector need not have one: then its tables can be scanned and not measured. Errors while connecting are those of
        :meth:`probe`.
        """
        raise ConfigurationError(
            f"The connector for {self.schemes[0] if self.schemes else 'this database'} reads catalogues only",
            why="it opens no session to measure data with",
            fix="Ask whoever wrote it for Connector.open_session",
        )


def covers_schema(scope: ScanScope, schema: str) -> bool:
    """Return whether the scope can hold any table of the schema (so that schemas outside need not be read)."""
    if scope.include and not any(fnmatchcase(schema, pattern.split(".", 1)[0]) for pattern in scope.include):
        return False
    return not any(fnmatchcase(schema, pattern) for pattern in scope.exclude if "." not in pattern)


def covers_table(scope: ScanScope, name: TableName) -> bool:
    """Return whether the scope holds the table. A pattern without a dot means whole schemas, ``schema.table`` means tables."""
    included = not scope.include or any(_matches(name, pattern) for pattern in scope.include)
    return included and not any(_matches(name, pattern) for pattern in scope.exclude)


def _matches(name: TableName, pattern: str) -> bool:
    schema, dot, table = pattern.partition(".")
    return fnmatchcase(name.schema, schema) and (not dot or fnmatchcase(name.table, table))
