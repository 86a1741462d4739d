"""Migrations of our tables: numbered files, each safe while old and new code both run.

A migration only adds. What older code could not live with (a column dropped, a meaning changed) comes a release later, when no process
needs the old any more. Each file states as ``oldest_code`` the oldest revision whose code may still use the store once it has run; the
store keeps that of its newest migration, so that older code can tell whether it may go on while newer processes take over one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from factbook.database.control_tables import schema_compatibility
from factbook.database.engine import Database
from factbook.errors import ConfigurationError

HEAD = "0004"
"""The newest revision; ``tests/database`` proves that it is."""

_FIRST_THAT_STATES = "0004"
"""Since this revision the store keeps ``oldest_code``."""

_LOCK_KEY = int.from_bytes(b"factbook")


def migrate(database: Database) -> None:
    """Bring the database to :data:`HEAD`. Processes that start together take turns; at head this is one small query.

    A database that newer code has brought further is used as it is. Raises :class:`ConfigurationError` if that is too far for this code.
    """
    revision = current_revision(database)
    if revision == HEAD:
        return
    if revision is None or revision < HEAD:
        with database.writing() as connection:
            if database.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            # Whoever had the lock before may have come further.
            revision = _revision(connection) if inspect(connection).has_table("alembic_version") else None
            if revision is None or revision < HEAD:
                upgrade(connection, HEAD)
                return
    if revision > HEAD:
        _check_usable(database, revision)


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at, or ``None`` for an empty one."""
    with database.reading() as connection:
        try:
            return _revision(connection)
        except DBAPIError as error:
            if "alembic_version" not in str(error.orig):
                raise
            return None


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to ``revision`` inside the connection's transaction."""
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config(connection)
    command.upgrade(config, revision)
    if revision >= _FIRST_THAT_STATES:
        module: Any = ScriptDirectory.from_config(config).get_revision(revision).module
        connection.execute(update(schema_compatibility).values(oldest_code=module.oldest_code))


def _config(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _check_usable(database: Database, revision: str) -> None:
    with database.reading() as connection:
        oldest = connection.scalar(select(schema_compatibility.c.oldest_code))
    if oldest is None or oldest > HEAD:
        raise ConfigurationError(
            "The store was made by a newer Factbook",
            why=f"it is at revision {revision}, which code from revision {oldest or revision} on can use, and this code is at {HEAD}",
            fix="Upgrade Factbook, or use another META_DB_URL",
        )
