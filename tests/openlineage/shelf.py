"""A store, the room, and events to send to it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from factbook.names import Resolved
from factbook.openlineage import BatchAnswer, OpenLineage, Received
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.lineage import foreign_dataset
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository
from factbook_sdk.repository.memory import MemoryRepository

SAMPLES = Path(__file__).parents[1] / "samples" / "openlineage"
PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.19.0/integration/spark"
RUN = "019127df-0850-72bc-b214-b255290588a6"


def sample(path: str) -> dict[str, Any]:
    """Return an event or facet of the samples."""
    return json.loads((SAMPLES / path).read_text())


def sequence(folder: str) -> list[dict[str, Any]]:
    """Return the events of a scenario in their order."""
    return [json.loads(file.read_text()) for file in sorted((SAMPLES / "events" / folder).rglob("*.json")) if file.name != "config.json"]


def dataset(name: str, *, namespace: str = "s3://lake", own: dict[str, Any] | None = None, **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "facets": facets} | (own or {})


def event(
    event_type: str = "COMPLETE",
    *,
    minute: int = 0,
    inputs: Sequence[dict[str, Any]] = (),
    outputs: Sequence[dict[str, Any]] = (),
    job: str = "load",
    run: str = RUN,
    run_facets: dict[str, Any] | None = None,
    job_facets: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a run event of the job ``etl/load``."""
    return {
        "eventType": event_type,
        "eventTime": f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00Z",
        "run": {"runId": run, "facets": run_facets or {}},
        "job": {"namespace": "etl", "name": job, "facets": job_facets or {}},
        "inputs": list(inputs),
        "outputs": list(outputs),
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


class Known:
    """Names that know the tables they are told, and nothing else."""

    def __init__(self, tables: dict[tuple[str, str], TableRef] | None = None, ignored: Sequence[str] = ()) -> None:
        self.tables = tables or {}
        self.ignored = ignored

    def resolve(self, namespace: str, name: str, *, symlinks: Sequence[tuple[str, str]] = ()) -> Resolved:
        for key in ((namespace, name), *symlinks):
            if key in self.tables:
                return Resolved(self.tables[key], True)
        return Resolved(foreign_dataset(namespace, name), False, "nobody knows it", name in self.ignored)


class Desk:
    """The room over a store, with what it stored."""

    def __init__(
        self, repository: MetadataRepository | None = None, names: Known | None = None, *, max_event_bytes: int = 4_194_304
    ) -> None:
        self.repository = repository or MemoryRepository()
        made = names or Known()
        self.room = OpenLineage(
            self.repository,
            tenant="default",
            max_event_bytes=max_event_bytes,
            last_offset=_end_of(self.repository),
            make_resolver=lambda repository, tenant: made,
        )

    def send(self, *events: dict[str, Any]) -> list[Received]:
        return [self.room.receive(msgspec.json.encode(copy.deepcopy(one))) for one in events]

    def send_batch(self, events: Any) -> BatchAnswer:
        return self.room.receive_batch(msgspec.json.encode(events))

    def all(self, kind: str | None = None) -> list[MetadataRecord]:
        """Return what is stored, in the order of the log."""
        return [item.record for item in self.repository.tail(0, kinds=kind and [kind], limit=10_000).records]

    def count(self) -> int:
        return len(self.all())

    def lineage(self, name: str, *, namespace: str = "s3://lake", producer: str = "openlineage:etl/load") -> list[str] | None:
        """Return the inputs in force of a foreign dataset, ``None`` if there is none."""
        found = self.repository.latest(MetadataTarget(namespace, None, name), "lineage", producer_id=producer)
        if found is None or found.record.payload is None:
            return None
        return [item["table"]["table"] for item in found.record.payload["inputs"]]

    def in_force(self) -> dict[tuple[str, str], Any]:
        """Return all lineage in force, by target and producer."""
        last: dict[tuple[str, str], Any] = {}
        for record in sorted(self.all("lineage"), key=lambda record: record.produced_at):
            last[str(record.target), record.producer_id] = record.payload
        return last

    def events(self, **question: Any) -> list[dict[str, Any]]:
        return list(self._events(question))

    def _events(self, question: dict[str, Any]) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            page = self.room.events(cursor=cursor, limit=7, **question)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return


def _end_of(repository: MetadataRepository) -> Callable[[], int]:
    known = getattr(repository, "last_offset", None)
    return known or (lambda: repository.tail(0, limit=10_000).next_offset)
