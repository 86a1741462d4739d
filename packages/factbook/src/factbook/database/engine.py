"""One database of ours: an SQLite file or a PostgreSQL database, with its transactions and its errors in our words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from factbook.errors import ConfigurationError, FactbookError, MissingExtra, StoreBusy, TemporaryError

BUSY_TIMEOUT_SECONDS = 30


class Database:
    """Connections to one database. Nothing is opened before the first transaction."""

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self.dialect = self._url.get_backend_name()
        self._write_lock = threading.RLock()
        self.engine = _sqlite_engine(self._url) if self.dialect == "sqlite" else _postgres_engine(self._url)

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"

    @property
    def file(self) -> Path | None:
        """The SQLite file, or ``None`` for PostgreSQL and for a database in memory."""
        name = self._url.database
        return Path(name) if self.dialect == "sqlite" and name and name != ":memory:" else None

    def prepare(self) -> None:
        """Make the folder of an SQLite file; harmless when it is there."""
        if self.file is not None:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(
                    f"The folder {self.file.parent} cannot be made", why=error.strerror or "", fix="Choose another DATA_DIR or META_DB_URL"
                ) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that writes nothing. On SQLite all its statements see one moment, on PostgreSQL each sees the newest."""
        with self._translated(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection inside one write transaction; commit at the end, roll back on any error.

        Within this process one writer goes at a time: SQLite has one anyway, and on PostgreSQL the log has one append point.
        """
        with self._write_lock, self._translated(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def migrate(self) -> None:
        """Bring our tables to the newest version; cheap when they are there already."""
        from factbook.database.migrations import migrate

        migrate(self)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FactbookError:
            raise
        except (OperationalError, InterfaceError) as error:
            raise self._translate(error) from error

    def _translate(self, error: DBAPIError) -> FactbookError:
        text = str(error.orig).strip()
        lowered = text.lower()
        name = self._url.render_as_string(hide_password=True)
        if "locked" in lowered or "busy" in lowered:
            return StoreBusy(f"The store {name} is busy", why="another process writes for longer than we wait", fix="Try again")
        if "lock" in lowered and ("timeout" in lowered or "deadlock" in lowered):
            return StoreBusy(f"The store {name} is busy", why=text, fix="Try again")
        if any(
            word in lowered for word in ("authentication", "does not exist", "no password", "unable to open", "readonly", "not a database")
        ):
            return ConfigurationError(f"The store {name} cannot be opened", why=text, fix="Check META_DB_URL and the rights on it")
        return TemporaryError(f"The store {name} does not answer", why=text, fix="Check that it runs, then try again")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("META_DB_URL is no URL", fix="Write sqlite:///PATH or postgresql://USER@HOST/DATABASE") from error
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigurationError(
            f"Facts cannot be kept in {parsed.get_backend_name()}", why="the store is SQLite or PostgreSQL", fix="Change META_DB_URL"
        )
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}}
    if url.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # Transactions are begun by us (BEGIN IMMEDIATE); the driver's own deferred BEGIN would upgrade its lock too late and fail.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL would lose acknowledged commits on power loss in WAL mode.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    return engine


def _postgres_engine(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, connect_args={"connect_timeout": 10})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise MissingExtra("PostgreSQL cannot be used as the store", "postgres") from error
