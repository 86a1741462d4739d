"""Any other database that SQLAlchemy has a dialect for: read through its Inspector, as completely as the dialect goes.

The dialect decides what there is and how many queries it costs. A part that it cannot give makes a failure of the table, not a change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, Inspector, create_engine, inspect
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from factbook.errors import ConfigurationError, SourceRefused, SourceUnavailable
from factbook.log import redact_text
from factbook.sources.contract import (
    CatalogEnd,
    CatalogItem,
    Connector,
    Known,
    Probe,
    ScanScope,
    SchemaReading,
    TableFailure,
    TableName,
    covers_schema,
    covers_table,
)
from factbook.sources.documents import compared
from factbook.sources.generic_session import GenericSession
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot

_FORMULA = "generic1"
_ENGINE_SCHEMAS = frozenset(
    {"information_schema", "pg_catalog", "performance_schema", "mysql", "sys", "INFORMATION_SCHEMA", "SYS", "SYSTEM"}
)
_WITHOUT_DATABASES = frozenset({"clickhouse", "hive", "mariadb", "mysql", "sqlite", "teradatasql"})
_REFUSAL_WORDS = ("denied", "authentication", "password", "login", "unknown database", "does not exist", "not authorized")


class GenericConnector(Connector):
    """Reads through SQLAlchemy's reflection."""

    schemes: ClassVar[tuple[str, ...]] = ()

    def probe(self) -> Probe:
        with self._inspecting() as inspector:
            engine = inspector.engine
            address = ":".join(str(part) for part in (engine.url.host, engine.url.port) if part)
            version = ".".join(map(str, getattr(engine.dialect, "server_version_info", None) or ()))
            return Probe(engine.dialect.name, version, f"{engine.dialect.name}://{address}", _schemas(inspector), _database(engine))

    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        with self._inspecting() as inspector:
            readings: dict[str, SchemaReading] = {}
            for schema in _schemas(inspector):
                if covers_schema(scope, schema):
                    yield from _read_schema(inspector, schema, scope, known)
                    readings[schema] = SchemaReading(complete=False, reason="a generic dialect does not say whether it shows everything")
            dialect = inspector.engine.dialect
            version = ".".join(map(str, getattr(dialect, "server_version_info", None) or ()))
            yield CatalogEnd(dialect.name, version, readings, schemas_complete=False)

    @contextmanager
    def open_session(self) -> Iterator[GenericSession]:
        """Connect and give a session. That it only reads is not promised by the engine: what it did is rolled back, always."""
        with self._connected() as connection:
            name = connection.engine.url.render_as_string(hide_password=True)
            yield GenericSession(connection, name, limit_seconds=self.statement_timeout_seconds)

    @contextmanager
    def _inspecting(self) -> Iterator[Inspector]:
        with self._connected() as connection:
            yield inspect(connection)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = self._engine()
        try:
            with engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            text = redact_text(str(getattr(error, "orig", None) or error))
            name = engine.url.render_as_string(hide_password=True)
            if any(word in text.lower() for word in _REFUSAL_WORDS):
                raise SourceRefused(f"{name} refuses us", why=text, fix="Check the user, its password and privileges") from error
            raise SourceUnavailable(
                f"{name} does not answer", why=text, fix="Check that it runs and can be reached, then try again"
            ) from error
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        scheme = self.url.split(":", 1)[0]
        try:
            return create_engine(self.url, poolclass=NullPool)
        except NoSuchModuleError as error:
            raise ConfigurationError(
                f"No connector and no SQLAlchemy dialect serves {scheme}://",
                fix=f"Install the dialect's package for {scheme}, or correct the URL",
            ) from error
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"{scheme}:// needs its driver", why=f"no module {error.name}", fix=f"pip install {error.name}"
            ) from error
        except ArgumentError:
            raise ConfigurationError("The URL of the source cannot be read", fix="Write DIALECT+DRIVER://USER@HOST/DATABASE") from None


def _database(engine: Engine) -> str | None:
    """Return the database of the URL, without a schema behind it; where it is a file, or a schema itself, it is no part of names."""
    if engine.dialect.name in _WITHOUT_DATABASES or not engine.url.database:
        return None
    return engine.url.database.partition("/")[0] or None


def _schemas(inspector: Inspector) -> list[str]:
    return sorted(name for name in inspector.get_schema_names() if name not in _ENGINE_SCHEMAS)


def _read_schema(inspector: Inspector, schema: str, scope: ScanScope, known: Mapping[TableName, str]) -> Iterator[CatalogItem]:
    options: dict[str, Any] = {"schema": schema, "kind": ObjectKind.ANY}
    parts = {
        "columns": inspector.get_multi_columns(**options),
        "primary_keys": _optional(inspector.get_multi_pk_constraint, options),
        "foreign_keys": _optional(inspector.get_multi_foreign_keys, options),
        "unique": _optional(inspector.get_multi_unique_constraints, options),
        "checks": _optional(inspector.get_multi_check_constraints, options),
        "indexes": _optional(inspector.get_multi_indexes, options),
        "comments": _optional(inspector.get_multi_table_comment, options),
    }
    views = set(inspector.get_view_names(schema))
    for _, table in sorted(parts["columns"], key=lambda key: key[1]):
        name = TableName(schema, table)
        if not covers_table(scope, name):
            continue
        try:
            snapshot = _snapshot(inspector, parts, name, is_view=table in views)
        except (SQLAlchemyError, NotImplementedError) as error:
            yield TableFailure(name, redact_text(str(error)))
        else:
            yield compared(_FORMULA, name, snapshot, known)


def _optional(read: Any, options: dict[str, Any]) -> Mapping[Any, Any]:
    """Return what the dialect gives; one that cannot give a part at all gives it for no table, the same every time."""
    try:
        found: Mapping[Any, Any] = read(**options)
    except NotImplementedError:
        return {}
    return found


def _snapshot(inspector: Inspector, parts: Mapping[str, Mapping[Any, Any]], name: TableName, *, is_view: bool) -> SchemaSnapshot:
    key = (name.schema, name.table)
    definition = inspector.get_view_definition(name.table, name.schema) if is_view else None
    return SchemaSnapshot(
        "view" if is_view else "table",
        [_column(inspector, place, column) for place, column in enumerate(parts["columns"][key], 1)],
        constraints=list(_constraints({part: found.get(key) for part, found in parts.items()})),
        indexes=[_index(index) for index in parts["indexes"].get(key) or ()],
        definition=definition,
        comment=(parts["comments"].get(key) or {}).get("text"),
    )


def _column(inspector: Inspector, place: int, column: Any) -> Column:
    computed, identity, kind = column.get("computed") or {}, column.get("identity"), column["type"]
    try:
        data_type = kind.compile(inspector.engine.dialect)
    except SQLAlchemyError:
        data_type = str(kind)
    return Column(
        name=column["name"],
        position=place,
        data_type=data_type,
        nullable=bool(column.get("nullable", True)),
        default=column.get("default"),
        comment=column.get("comment"),
        length=getattr(kind, "length", None),
        precision=getattr(kind, "precision", None),
        scale=getattr(kind, "scale", None),
        collation=getattr(kind, "collation", None),
        enum_values=list(getattr(kind, "enums", ())),
        identity=None if not identity else "always" if identity.get("always") else "by default",
        generated=None if not computed else "stored" if computed.get("persisted") else "virtual",
        generation_expression=computed.get("sqltext"),
    )


def _constraints(parts: Mapping[str, Any]) -> Iterator[Constraint]:
    primary = parts["primary_keys"] or {}
    if primary.get("constrained_columns"):
        yield Constraint("primary_key", primary.get("name"), list(primary["constrained_columns"]))
    for item in parts["unique"] or ():
        yield Constraint("unique", item.get("name"), list(item["column_names"]))
    for item in parts["checks"] or ():
        yield Constraint("check", item.get("name"), expression=str(item["sqltext"]))
    for item in parts["foreign_keys"] or ():
        options = item.get("options") or {}
        reference = Reference(
            item["referred_table"],
            item.get("referred_schema"),
            list(item["referred_columns"]),
            options.get("onupdate"),
            options.get("ondelete"),
        )
        yield Constraint("foreign_key", item.get("name"), list(item["constrained_columns"]), references=reference)


def _index(index: Any) -> Index:
    written = index.get("expressions") or index["column_names"]
    columns = index["column_names"]
    parts = [
        IndexPart(column=column) if column is not None else IndexPart(expression=str(expression))
        for column, expression in zip(columns, written, strict=False)
    ]
    return Index(index["name"] or "", parts, unique=bool(index["unique"]))
