"""Migrations of our tables: numbered files, each safe while old and new code both run."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from factbook.database.engine import Database
from factbook.errors import ConfigurationError

HEAD = "0004"
"""The newest revision; ``tests/database`` proves that it is."""

_LOCK_KEY = int.from_bytes(b"factbook")


def migrate(database: Database) -> None:
    """Bring the database to :data:`HEAD`. Processes that start together take turns; at head this is one small query."""
    if current_revision(database) == HEAD:
        return
    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        upgrade(connection, HEAD)


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at, or ``None`` for an empty one."""
    with database.reading() as connection:
        try:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except DBAPIError as error:
            if "alembic_version" not in str(error.orig):
                raise
            return None


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to ``revision`` inside the connection's transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise ConfigurationError(
            "The store was made by a newer Factbook", why=str(error), fix="Upgrade Factbook, or use another META_DB_URL"
        ) from error
