"""A URL chooses the repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from factbook_sdk.facts import Admission

if TYPE_CHECKING:
    from factbook.repository.projection import Projection
    from factbook.repository.sql import SqlRepository


def open_repository(url: str, *, admission: Admission, projections: Sequence[Projection] = ()) -> SqlRepository:
    """Open ``sqlite:///PATH`` or ``postgresql://…``: tables migrated, views caught up. Raises :class:`ConfigurationError`."""
    from factbook.database.engine import Database
    from factbook.repository.sql import SqlRepository

    repository = SqlRepository(Database(url), admission, projections)
    try:
        repository.open()
    except BaseException:
        repository.close()
        raise
    return repository
