"""Exports of one tenant: which formats there are, and one written from its beginning to its end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from factbook.errors import InvalidRequest
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import Destination, Exporter, ExportReport, Loss, OnProgress, Option, What, Writes, check_options
from factbook.export.destinations import LocalFile, open_destination
from factbook.export.registry import exporter_for, exporters
from factbook.export.walking import no_progress
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository


class ExportFormat(msgspec.Struct, frozen=True):
    """A format, with what it carries and takes. ``writes`` is ``file``, ``folder`` or ``database``."""

    name: str
    description: str
    writes: Writes
    carries: list[What]
    media_type: str
    options: list[Option]


class FormatList(msgspec.Struct, frozen=True):
    """All formats, by name."""

    items: list[ExportFormat]


class ExportWish(msgspec.Struct, frozen=True, kw_only=True):
    """What to export: of which sources (all, if none is named), as of when, and with which options of the format, ``what`` among them."""

    format: str
    source_ids: Sequence[str] = ()
    as_of: datetime | None = None
    options: Mapping[str, str] = {}


class Summary(msgspec.Struct, frozen=True):
    """What of a report is told beside a file that is sent: neither how long it took nor where it lay."""

    counts: dict[str, int]
    warnings: list[Loss]


class Drafted(msgspec.Struct, frozen=True):
    """An export in a file that has no name any more: it is gone when ``file`` is closed."""

    file: BinaryIO
    size_bytes: int
    media_type: str
    suffix: str
    summary: Summary


def formats() -> FormatList:
    """Return what can be written."""
    found = [
        ExportFormat(each.name, each.description, each.writes, list(each.carries), each.media_type, list(each.options))
        for each in exporters()
    ]
    return FormatList(found)


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """Read ``name=value`` texts; raises :class:`InvalidRequest`, which shows no value."""
    options: dict[str, str] = {}
    for number, text in enumerate(texts, 1):
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise InvalidRequest(f"Option {number} has no name or no value", why="it is written name=value", field="option")
        options[name] = value
    return options


class Exports:
    """Exports of what a repository holds of one tenant; what ``repository`` refuses to show is refused."""

    def __init__(self, repository: Callable[[], MetadataRepository], *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def write(
        self,
        wish: ExportWish,
        where: str,
        *,
        force: bool = False,
        stdout: BinaryIO | None = None,
        on_progress: OnProgress = no_progress,
    ) -> ExportReport:
        """Write to ``-``, a path or a URL, as :func:`~factbook.export.destinations.open_destination` reads it."""
        exporter = exporter_for(wish.format)
        return self._export(exporter, wish, open_destination(where, exporter, force=force, stdout=stdout), on_progress)

    def draft(self, wish: ExportWish) -> Drafted:
        """Write a file of the system's temporary folder; raises :class:`InvalidRequest` for a format that is no file.

        Whoever sends an export on knows so that it is whole before the first byte leaves.
        """
        exporter = exporter_for(wish.format)
        if exporter.writes != "file":
            raise InvalidRequest(
                f"{wish.format} cannot be sent as one file",
                why=f"it writes a {exporter.writes}",
                fix=f"Write it by the command `factbook export {wish.format} -o PATH|URL`",
                field="format",
            )
        with tempfile.TemporaryDirectory(prefix="factbook-export-") as folder:
            path = Path(folder) / "draft"
            report = self._export(exporter, wish, LocalFile(path), no_progress)
            summary = Summary(report.counts, report.warnings)
            return Drafted(path.open("rb"), path.stat().st_size, exporter.media_type, exporter.suffix, summary)

    def as_dbml(self, target: MetadataTarget, snapshot: SchemaSnapshot, recorded_at: datetime) -> str | None:
        """Return one table as DBML writes it, without what people say of it; ``None`` for one without columns, which DBML does not know."""
        from factbook.export.dbml import table_text

        if not snapshot.columns:
            return None
        schema, table = target.schema or "", target.table or ""
        return table_text(
            TableEntry(
                source_id=target.source_id, schema=schema, table=table, snapshot=snapshot, recorded_at=recorded_at, tenant=self._tenant
            )
        )

    def _export(self, exporter: Exporter, wish: ExportWish, destination: Destination, on_progress: OnProgress) -> ExportReport:
        options = check_options(exporter, wish.options)
        catalog = Catalog(self._repository(), tenant=self._tenant, source_ids=wish.source_ids, as_of=wish.as_of)
        started = time.perf_counter()
        report = exporter.export(catalog, destination, options, on_progress)
        return msgspec.structs.replace(report, duration_seconds=time.perf_counter() - started)
