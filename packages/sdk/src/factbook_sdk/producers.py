"""Producers: what emits facts about its own work, and the runner that gives each of them context, timing and a trace of failures."""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.job_run import JobError, JobRun, JobState
from factbook_sdk.facts.record import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, Outcome, Rejection

BATCH = 1000


class MetadataRequest(msgspec.Struct, frozen=True):
    """What a producer is asked for: facts about ``target``, learnt under ``context``. ``parameters`` hold no secrets."""

    target: MetadataTarget
    context: MetadataContext = MetadataContext()
    parameters: dict[str, Any] = {}


class MetadataProducer(ABC):
    """One source of facts. ``producer_id`` is stable and ends in a version, for example ``ingestion.v1``."""

    producer_id: ClassVar[str]

    @abstractmethod
    def produce(self, request: MetadataRequest) -> Iterator[MetadataRecord]:
        """Yield facts. Whatever was yielded before an error is kept."""


class ProducerOutcome(msgspec.Struct, frozen=True):
    """How one producer's run went: counts by outcome, what was refused and why, and the error that ended it, if one did."""

    producer_id: str
    run_id: str
    stored: int
    duplicate: int
    unchanged: int
    rejections: list[Rejection]
    duration_seconds: float
    error: Exception | None = None


class MetadataProducerRunner:
    """Runs producers against a repository. A producer that fails leaves a ``job_run`` fact with its error and stops none of the others."""

    def __init__(self, repository: MetadataRepository, producers: Iterable[MetadataProducer]) -> None:
        self._repository = repository
        self._producers = tuple(producers)

    def run(self, request: MetadataRequest) -> list[ProducerOutcome]:
        """Run each producer once, in order; its records are stored as they come, in batches of :data:`BATCH`."""
        return [self._run(producer, request) for producer in self._producers]

    def _run(self, producer: MetadataProducer, request: MetadataRequest) -> ProducerOutcome:
        run_id = request.context.run_id or f"{producer.producer_id}-{uuid.uuid4().hex[:12]}"
        context = msgspec.structs.replace(request.context, run_id=run_id)
        started, clock = datetime.now(UTC), time.monotonic()
        counts = dict.fromkeys(Outcome, 0)
        rejections: list[Rejection] = []
        error: Exception | None = None
        self._say(producer, request, context, JobState.RUNNING, started)
        try:
            facts = producer.produce(msgspec.structs.replace(request, context=context))
            for batch in _batches(facts):
                before = sum(counts.values()) + len(rejections)
                for result in self._repository.bulk_store([_in_context(fact, context) for fact in batch]).results:
                    if isinstance(result, Rejection):
                        rejections.append(msgspec.structs.replace(result, index=before + result.index))
                    else:
                        counts[result.outcome] += 1
        except Exception as failure:  # noqa: BLE001 - a producer is somebody else's code: whatever it raises is its result
            error = failure
        seconds = round(time.monotonic() - clock, 6)
        summary: dict[str, Any] = {outcome.value: count for outcome, count in counts.items()} | {
            "rejected": len(rejections),
            "duration_seconds": seconds,
        }
        state = JobState.FAILED if error else JobState.SUCCEEDED
        self._say(producer, request, context, state, datetime.now(UTC), error=error, result=summary)
        return ProducerOutcome(
            producer.producer_id,
            run_id,
            counts[Outcome.STORED],
            counts[Outcome.DUPLICATE],
            counts[Outcome.UNCHANGED],
            rejections,
            seconds,
            error,
        )

    def _say(
        self,
        producer: MetadataProducer,
        request: MetadataRequest,
        context: MetadataContext,
        state: JobState,
        moment: datetime,
        *,
        error: Exception | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:
        run = JobRun(
            job_id=context.run_id or "",
            job_type=f"producer:{producer.producer_id}",
            state=state,
            attempt=1,
            parameters=request.parameters,
            error=JobError(type(error).__name__, str(error) or type(error).__name__) if error else None,
            result=result,
        )
        self._repository.store(record_of(run, request.target, producer_id=producer.producer_id, produced_at=moment, context=context))


def _in_context(fact: MetadataRecord, context: MetadataContext) -> MetadataRecord:
    """Give a fact that names no context the one of the run."""
    return fact if fact.context != MetadataContext() else msgspec.structs.replace(fact, context=context)


def _batches(facts: Iterable[MetadataRecord]) -> Iterator[list[MetadataRecord]]:
    """Yield facts in batches; when their producer fails, first what it had said."""
    batch: list[MetadataRecord] = []
    try:
        for fact in facts:
            batch.append(fact)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
