"""Typed payloads become records in one call, and producers run with context, timing and a trace of failures."""

from datetime import UTC, datetime

import msgspec
import pytest

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.alert import Alert
from factbook_sdk.facts.kinds.ingestion_volume import IngestionVolume
from factbook_sdk.facts.parts import Window
from factbook_sdk.producers import MetadataProducer, MetadataProducerRunner, MetadataRequest
from factbook_sdk.repository.memory import MemoryRepository

ORDERS = MetadataTarget("shop", "sales", "orders")
AT = datetime(2026, 1, 31, 6, tzinfo=UTC)


def test_a_typed_payload_becomes_a_record_in_one_call():
    record = record_of(
        IngestionVolume(row_count=3, window=Window(start=AT, column="ordered_at")), ORDERS, producer_id="ingestion.v1", produced_at=AT
    )
    assert (record.kind, record.version, record.produced_at) == ("ingestion_volume", 1, AT)
    assert record.payload == {"row_count": 3, "window": {"start": "2026-01-31T06:00:00Z", "column": "ordered_at"}}
    repository = MemoryRepository()
    repository.store(record)
    assert repository.latest(ORDERS, "ingestion_volume").record == record


def test_a_state_is_closed_by_its_type():
    repository = MemoryRepository()
    alert = Alert(rule="r", state="firing", severity="error", title="t")
    repository.store(record_of(alert, ORDERS, producer_id="alerts.v1", produced_at=AT))
    repository.store(closing(Alert, ORDERS, producer_id="alerts.v1"))
    assert repository.latest(ORDERS, "alert").record.payload is None


def test_a_struct_of_no_kind_is_refused():
    class Mine(msgspec.Struct):
        x: int

    with pytest.raises(InvalidRecord, match="payload of no kind"):
        record_of(Mine(1), ORDERS, producer_id="me.v1")


class Volumes(MetadataProducer):
    producer_id = "ingestion.v1"

    def __init__(self, *counts, error=None):
        self.counts = counts
        self.error = error

    def produce(self, request):
        for count in self.counts:
            yield MetadataRecord(request.target, "ingestion_volume", {"row_count": count}, AT, self.producer_id)
        if self.error:
            raise self.error


def runs(repository):
    return [item.record.payload for item in repository.tail(kinds=["job_run"]).records]


def test_a_runner_gives_context_and_timing_and_counts_outcomes():
    repository = MemoryRepository()
    request = MetadataRequest(ORDERS, MetadataContext(run_id="run-1", environment="prod"), {"day": "2026-01-31"})
    (outcome,) = MetadataProducerRunner(repository, [Volumes(1, 2, 2, -1)]).run(request)
    assert (outcome.stored, outcome.duplicate, outcome.error) == (2, 1, None)
    assert [(rejection.index, rejection.field) for rejection in outcome.rejections] == [(3, "payload.row_count")]
    assert repository.latest(ORDERS, "ingestion_volume").record.context == request.context
    began, ended = runs(repository)
    assert (began["state"], ended["state"], ended["job_type"]) == ("running", "succeeded", "producer:ingestion.v1")
    assert ended["result"]["stored"] == 2
    assert ended["parameters"] == {"day": "2026-01-31"}


def test_a_producer_that_fails_keeps_what_it_said_leaves_its_error_and_stops_no_other():
    repository = MemoryRepository()
    runner = MetadataProducerRunner(repository, [Volumes(*range(1500), error=RuntimeError("the source went away")), Volumes(7)])
    failed, fine = runner.run(MetadataRequest(ORDERS))
    assert failed.run_id != fine.run_id
    assert (failed.stored, str(failed.error), fine.stored + fine.duplicate) == (1500, "the source went away", 1)
    assert [run["state"] for run in runs(repository)] == ["running", "failed", "running", "succeeded"]
    assert runs(repository)[1]["error"] == {"code": "RuntimeError", "message": "the source went away"}
