"""A URL chooses the repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from factbook.errors import ConfigurationError
from factbook_sdk.facts import Admission

if TYPE_CHECKING:
    from factbook.repository.projection import Projection
    from factbook.repository.sql import SqlRepository


def open_repository(url: str, *, admission: Admission, projections: Sequence[Projection] = ()) -> SqlRepository:
    """Open ``sqlite:///PATH`` or ``postgresql://…``: tables migrated, views caught up. Raises :class:`ConfigurationError`."""
    from factbook.database.engine import Database
    from factbook.repository.sql import SqlRepository

    database = Database(url)
    if database.dialect == "sqlite" and database.file is None:
        raise ConfigurationError(
            "META_DB_URL names no file",
            why="facts are kept in a file or on a server",
            fix="Write sqlite:///PATH or postgresql://USER@HOST/DATABASE",
        )
    repository = SqlRepository(database, admission, projections)
    try:
        repository.open()
    except BaseException:
        repository.close()
        raise
    return repository
