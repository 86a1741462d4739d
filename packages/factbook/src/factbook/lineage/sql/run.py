"""The lineage that SQL tells of, for one tenant: of views, of files, of a text. The process that reads SQL is shared by all tenants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from factbook.lineage.sql.dialects import speaks
from factbook.lineage.sql.files import find_files
from factbook.lineage.sql.places import Names
from factbook.lineage.sql.reader import SqlReader
from factbook.lineage.sql.report import SqlLineageReport, Tally
from factbook.lineage.sql.texts import Options, TextLineage
from factbook.lineage.sql.views import ViewLineage
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.repository.contract import MetadataRepository

_OPTIONS = Options()


class SqlLineage:
    """Reads SQL and stores what it says. ``names`` makes a new picture of all names, which one look is made with."""

    def __init__(self, repository: MetadataRepository, *, tenant: str, names: Callable[[], Names], reader: Callable[[], SqlReader]) -> None:
        self._repository = repository
        self._tenant = tenant
        self._names = names
        self._reader = reader

    def scan(self, source_id: str, *, again: bool = False) -> SqlLineageReport:
        """Read the views of a source that changed since the last look; ``again`` reads all. Raises :class:`NotFound`."""
        names = self._names()
        report = ViewLineage(self._repository, names, self._reader(), tenant=self._tenant).scan(source_id, again=again)
        return report or Tally().report(source_id, "view", names.engine_of(source_id) or "", stored={})

    def on_scan(self, record: MetadataRecord) -> SqlLineageReport | None:
        """Read the views of a source after a scan of it, given by its stored ``catalog_scan``; once, however often it is asked.

        ``None`` where there is nothing to read: no structures, no views, or an engine whose dialect nobody knows.
        """
        source_id, names = record.target.source_id, self._names()
        views = ViewLineage(self._repository, names, self._reader(), tenant=self._tenant)
        if views.has_looked(source_id, record.produced_at) or not views.has_structures(source_id) or not speaks(names.engine_of(source_id)):
            return None
        context = msgspec.structs.replace(record.context, extras={})
        return views.scan(source_id, moment=record.produced_at, context=context)

    def read_files(
        self, source_id: str, paths: Sequence[Path], options: Options = _OPTIONS, *, logs: bool | None = None
    ) -> SqlLineageReport:
        """Read SQL files, the ``.sql`` files of folders, and logs of queries."""
        return self._texts().read_files(source_id, find_files(paths, logs=logs), options)

    def read_text(self, source_id: str, sql: str, options: Options = _OPTIONS, *, name: str | None = None) -> SqlLineageReport:
        """Read the statements of a text."""
        return self._texts().read_text(source_id, sql, options, name=name)

    def _texts(self) -> TextLineage:
        return TextLineage(self._repository, self._names(), self._reader(), tenant=self._tenant)
