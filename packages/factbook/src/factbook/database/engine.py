"""One database of ours: an SQLite file or a PostgreSQL database, with its transactions and its errors in our words."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from factbook.database.failures import translate
from factbook.errors import ConfigurationError, InternalError, MissingExtra

BUSY_TIMEOUT_SECONDS = 30
"""How long a writer waits for another one before it says :class:`StoreBusy`."""

PLANNED_ONCE = "planned_once"
"""Execution option of statements that PostgreSQL plans once a connection, for any values, instead of for the values of each call.

Planning over dozens of monthly partitions takes longer than reading a page; a plan for any values leaves partitions out when it runs
(bench/months.py). The limit of such a statement must be part of its text: for one that it does not know, the planner reads whole tables.
"""

_IDLE_SECONDS = 5

# Until the transaction ends, which outside of one is after the next statement in the pipeline: both take one round trip together.
_PLAN_ONCE = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)"


class Database:
    """Connections to one database. Nothing is opened before the first transaction."""

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self.dialect = self._url.get_backend_name()
        self._write_lock = threading.Lock()
        self._writer: int | None = None
        self._reader_lock = threading.Lock()
        self._reader: Any = None
        self.engine = _sqlite_engine(self._url) if self.dialect == "sqlite" else _postgres_engine(self._url)

    def __str__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def __repr__(self) -> str:
        return f"Database({str(self)!r})"

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
            else:
                # Saves the round trips that begin and end a transaction.
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection
            connection.rollback()

    def fetch_one(self, statement: str, parameters: Sequence[Any]) -> Any:
        """Return the first row of a hot read, or ``None``; ``?`` marks a parameter.

        It goes past SQLAlchemy, which takes ten times as long over a small statement as the database does, and on SQLite past its pool,
        which takes half as long: there one connection is kept for such reads (bench/repository.py).
        """
        with self._translated():
            if self.dialect == "sqlite":
                with self._reader_lock:
                    return self._kept_reader().execute(statement, parameters).fetchone()
            pooled: Any = self.engine.raw_connection()
            try:
                return _fetch_one_postgres(pooled.driver_connection, statement.replace("?", "%s"), parameters)
            finally:
                pooled.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection inside one write transaction; commit at the end, roll back on any error.

        Within this process one writer goes at a time: SQLite has one anyway, and on PostgreSQL the log has one append point.
        A thread that writes already is refused: its second transaction would wait for the first for ever.
        """
        self.refuse_nested_writing()
        with self._write_lock, self._translated(), self.engine.connect() as connection:
            self._writer = threading.get_ident()
            try:
                if self.dialect == "sqlite":
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                self._writer = None

    def maintain(self, *statements: str) -> None:
        """Run statements that no transaction may hold, such as VACUUM."""
        with self._translated(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                connection.exec_driver_sql(statement)

    def refuse_nested_writing(self) -> None:
        """Raise :class:`InternalError` if this thread is inside :meth:`writing`."""
        if self._writer == threading.get_ident():
            raise InternalError(
                "A write transaction was begun inside another one",
                why="the second would wait for the first for ever",
                fix="Write through the transaction at hand",
            )

    def close(self) -> None:
        with self._reader_lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        self.engine.dispose()

    def _kept_reader(self) -> Any:
        if self._reader is None:
            self._reader = self.engine.raw_connection()
        return self._reader.driver_connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        # Hot statements go to the driver itself, so its own errors come up beside those that SQLAlchemy has wrapped.
        driver: Any = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (DBAPIError, PoolTimeout, driver.Error) as error:
            raise translate(error, str(self)) from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "The address of the store is no URL", fix="Write sqlite:///PATH or postgresql://USER@HOST/DATABASE"
        ) from error
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
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    return engine


def _postgres_engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_size=10, max_overflow=10, pool_use_lifo=True, connect_args={"connect_timeout": 10})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise MissingExtra("PostgreSQL cannot be used as the store", "postgres") from error

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = '{BUSY_TIMEOUT_SECONDS}s'")
        connection.autocommit = False

    @event.listens_for(engine, "do_execute")
    def _execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        if not context.execution_options.get(PLANNED_ONCE):
            return False
        with cursor.connection.pipeline():
            cursor.connection.execute(_PLAN_ONCE)
            cursor.execute(statement, parameters)
        return True

    @event.listens_for(engine, "checkin")
    def _note_time(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _test_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
        # Testing every time, as pool_pre_ping does, costs a round trip that doubles the price of a small read.
        if time.monotonic() - record.info.get("idle_since", float("inf")) > _IDLE_SECONDS and not _answers(connection, engine):
            raise DisconnectionError

    return engine


def _fetch_one_postgres(connection: Any, statement: str, parameters: Sequence[Any]) -> Any:
    # Outside a transaction: beginning and ending one would treble the round trips.
    connection.autocommit = True
    try:
        return connection.execute(statement, parameters, binary=True).fetchone()
    finally:
        if not connection.closed:
            connection.autocommit = False


def _answers(connection: Any, engine: Engine) -> bool:
    driver: Any = engine.dialect.loaded_dbapi
    try:
        return bool(engine.dialect.do_ping(connection))
    except driver.Error:
        return False
