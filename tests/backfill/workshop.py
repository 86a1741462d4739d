"""Old logs, made to order, and the mapping that goes with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from factbook.backfill import BackfillReport, Destination, Options, backfill
from factbook_sdk.facts import Admission, MetadataTarget, builtin_kinds
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord
from factbook_sdk.repository.memory import MemoryRepository

ADMISSION = Admission(builtin_kinds())

VOLUME: dict[str, Any] = {
    "name": "progress",
    "files": ["*.jsonl"],
    "format": "jsonl",
    "kind": "ingestion_volume",
    "producer_id": "ingestion.v1",
    "produced_at": "$.ts",
    "target": {"source_id": "warehouse", "name": "$.table"},
    "context": {"run_id": "$.run"},
    "payload": {"row_count": {"path": "$.rows", "type": "integer", "merge": "sum"}},
}
BY_RUN = {"by": ["$.run", "$.table"]}


def slice_done(run: object, number: int, rows: object = 10, **more: Any) -> dict[str, Any]:
    """Return a line of a progress log: a slice of a run, done at a moment of its own."""
    return {"run": run, "table": "sales.orders", "slice": number, "rows": rows, "ts": f"2024-01-10T05:{number:02}:00Z"} | more


def lines(rows: Iterable[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


class Workshop:
    """A folder with raw files and a mapping, and a repository to fill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository: MetadataRepository = MemoryRepository(ADMISSION)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def mapping(self, *inputs: Mapping[str, Any], **more: Any) -> Path:
        return self.write("mapping.json", json.dumps({"input": inputs} | more))

    def run(self, *inputs: Mapping[str, Any], options: Options = Options(), **more: Any) -> BackfillReport:  # noqa: B008 - frozen
        """Backfill by these inputs, or by the mapping that lies there."""
        file = self.mapping(*inputs, **more) if inputs else self.folder / "mapping.json"
        destination = Destination("memory", lambda: self.repository, ADMISSION, "default", builtin_kinds())
        return backfill(file, destination, options, lambda done, total, text: None)

    def stored(self) -> list[StoredRecord]:
        return self.repository.tail(0, limit=10_000).records

    def payloads(self) -> list[dict[str, Any] | None]:
        return [item.record.payload for item in self.stored()]

    def reasons(self, *inputs: Mapping[str, Any], **more: Any) -> dict[str, str]:
        """Return why each place was rejected."""
        return {row.place: row.reason for row in self.run(*inputs, **more).rejects}


ORDERS = MetadataTarget("warehouse", "sales", "orders")
