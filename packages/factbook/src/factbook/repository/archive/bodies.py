"""From rows to records, wherever their bodies are: in the row, or in the archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from factbook.errors import ArchiveUnavailable, ConfigurationError
from factbook.repository.archive import manifest
from factbook.repository.archive.layout import month_of
from factbook.repository.archive.manifest import FileState
from factbook.repository.archive.parquet import Reader
from factbook.repository.archive.place import Place
from factbook.repository.rows import to_stored
from factbook_sdk.repository.contract import StoredRecord

_FILES = 64
"""Files in one question to DuckDB."""


class Bodies:
    """Completes rows ``(offset, id, body, channel_no, produced_at)``. Without a place, rows must hold their own bodies."""

    def __init__(self, place: Place | None = None) -> None:
        self._place = place
        self._reader = None if place is None else Reader(place)

    def records(self, connection: Connection, rows: Sequence[Any]) -> list[StoredRecord]:
        """Return the records of rows, in their order; the manifest is read through the connection."""
        archived = [row for row in rows if not row[2]]
        if not archived:
            return [to_stored(row) for row in rows]
        bodies = self._fetch(connection, archived)
        return [to_stored(row if row[2] else (row[0], row[1], bodies[row[0]])) for row in rows]

    def missing(self, connection: Connection) -> str | None:
        """Return the newest file that bodies lie in, if it is not in the archive that is known here."""
        used = manifest.in_state(connection, FileState.IN_FORCE, FileState.SETTLED)
        if not used or (self._place is not None and self._place.has(used[-1].path)):
            return None
        return used[-1].path

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _fetch(self, connection: Connection, rows: Sequence[Any]) -> dict[int, str]:
        reader = self._known()
        by_month: dict[tuple[int, str], list[int]] = defaultdict(list)
        for offset, _, _, channel, produced_at in rows:
            by_month[channel, month_of(produced_at)].append(offset)
        paths = [path for (channel, month), wanted in by_month.items() for path in manifest.holding(connection, channel, month, wanted)]
        offsets = [row[0] for row in rows]
        found: dict[int, str] = {}
        for start in range(0, len(paths), _FILES):
            found.update(reader.bodies(paths[start : start + _FILES], offsets))
        missing = [offset for offset in offsets if offset not in found]
        if missing:
            raise ArchiveUnavailable(
                f"The record at offset {missing[0]:,} has its body neither in the store nor in the archive {self._place}",
                why="no file that the manifest names holds it",
                fix="Bring the archive's files back from a backup that is as new as the store",
            )
        return found

    def _known(self) -> Reader:
        if self._reader is None:
            raise ConfigurationError(
                "Old records lie in an archive that is not known here", why="the store was opened without one", fix="Set ARCHIVE_URL"
            )
        return self._reader
