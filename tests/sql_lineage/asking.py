"""Ask what SQL makes from what, in the words of the tests: ``{"output": {"table.column SUBTYPE"}}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from factbook.lineage.sql import Options, SqlLineage, SqlReader
from factbook.lineage.sql.extracting import Reading
from factbook.lineage.sql.model import Edge, Parsed, Read, Refused, Trace, Traced
from factbook.names import Names
from factbook.scan.model import ScanRequest
from factbook.scan.run import scan
from factbook.sources.connectors import connector_for
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.lineage import Lineage, LineageInput
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import Within
from factbook_sdk.repository.memory import MemoryRepository

Schema = Mapping[str, Sequence[str]]

SHOP: Schema = {
    "t": ["id", "x", "y"],
    "s": ["id", "a", "b", "d"],
    "u": ["id", "n", "parent_id"],
    "Mixed": ["Id", "Two Words"],
}


def read(sql: str, dialect: str = "postgres", schema: Schema = SHOP) -> tuple[Parsed, Traced]:
    """Read one statement in this process."""
    reading = Reading()
    parsed = reading.read(Read(sql, dialect))
    assert isinstance(parsed, Parsed), parsed
    known = {name.lower(): list(columns) for name, columns in schema.items()}
    traced = reading.trace(Trace([known.get(parts[-1].strip('"').lower()) for parts in parsed.mentions]))
    assert isinstance(traced, Traced), traced
    return parsed, traced


def refused(sql: str, dialect: str = "postgres") -> str:
    """Return why a statement is not read."""
    answer = Reading().read(Read(sql, dialect))
    assert isinstance(answer, Refused), answer
    return answer.reason


def edges(sql: str, dialect: str = "postgres", schema: Schema = SHOP) -> dict[str, set[str]]:
    """Return the edges of one statement; those that decide about rows are under ``*``."""
    parsed, traced = read(sql, dialect, schema)

    def said(found: Sequence[Edge]) -> set[str]:
        return {f"{parsed.mentions[edge.mention][-1].strip(chr(34))}.{edge.column} {edge.subtype}" for edge in found}

    made: dict[str, set[str]] = {}
    for output in traced.outputs:
        made.setdefault(output.name, set()).update(said(output.edges))
    return made | ({"*": said(traced.rows)} if traced.rows else {})


class House:
    """A log in memory with what reads SQL into it."""

    def __init__(self, reader: SqlReader) -> None:
        self.repository = MemoryRepository()
        self.sql = SqlLineage(
            self.repository, tenant="default", names=lambda: Names(self.repository, tenant="default"), reader=lambda: reader
        )

    def scan(self, url: str, source_id: str) -> None:
        scan(connector_for(url), self.repository, ScanRequest(source_id))

    def lineage(self, source_id: str, producer_id: str | None = None) -> dict[str, Lineage | None]:
        """Return the facts of a source's tables, ``None`` for one that was ended."""
        found = self.repository.latest_many(Within(source_id), "lineage", producer_id=producer_id)
        return {
            target.table or "": None if item.record.payload is None else msgspec.convert(item.record.payload, Lineage)
            for target, item in found.items()
        }

    def runs(self, source_id: str) -> list[dict]:
        return [item.record.payload for item in self.repository.history(MetadataTarget(source_id), "lineage_run")]

    def read_file(self, path: Path, text: str, source_id: str = "shop", **options: object):
        path.write_text(text, encoding="utf-8")
        return self.sql.read_files(source_id, [path], Options(**options))


def columns_of(inputs: Sequence[LineageInput]) -> set[tuple[str, str]]:
    """Return the columns that take part, as (table, column)."""
    return {(item.table.table, edge.input) for item in inputs for edge in item.columns}


def direct(inputs: Sequence[LineageInput]) -> set[tuple[str, str, str]]:
    """Return the columns whose values come through, as (output, table, column)."""
    return {(edge.output, item.table.table, edge.input) for item in inputs for edge in item.columns if edge.type == "direct"}


def table(name: str, schema: str | None = "main", source_id: str = "shop") -> TableRef:
    return TableRef(source_id, name, schema)
