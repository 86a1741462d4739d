"""From an event, and the others of its run, to facts. The same events give the same facts, in whatever order they came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.openlineage import measurements, notes
from factbook.openlineage.edges import dropped_by, joined, lineage_of, pairs_of
from factbook.openlineage.merging import Run, merge
from factbook.openlineage.model import TERMINAL, Dataset, Event, Facets, is_deleted, text_of
from factbook.openlineage.naming import bounded, context_of, target_of, target_of_event
from factbook.openlineage.resolving import Resolver, place
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.annotation import Annotation
from factbook_sdk.facts.kinds.dataset_facet import DatasetFacet
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.kinds.lineage_run import LineageRun, UnknownName
from factbook_sdk.facts.kinds.openlineage_event import KIND

InForce = Callable[[MetadataTarget, str, datetime], Lineage | None]
"""The lineage of a target by a producer at a moment."""

MAX_UNKNOWN = 100
"""Names without a table that one ``lineage_run`` lists."""

_CONFIRMING = frozenset({"COMPLETE", "RUNNING"})
OPENLINEAGE_EVENT = KIND.name


def raw_record(event: Event, tenant: str) -> MetadataRecord:
    """Return the record that keeps an event whole."""
    payload: dict[str, Any] = {"about": event.about, "event": event.raw}
    if event.event_type is not None:
        payload["event_type"] = event.event_type
    if event.job is not None:
        payload["job"] = {"namespace": event.job.namespace, "name": event.job.name}
    if event.run_id is not None:
        payload["run_id"] = event.run_id
    if event.notes:
        payload["notes"] = list(event.notes)
    return MetadataRecord(
        target_of_event(event),
        OPENLINEAGE_EVENT,
        payload,
        event.moment,
        event.producer_id,
        context_of(event, tenant),
        extras=_family(event.run_facets),
    )


def _family(run_facets: Facets) -> dict[str, dict[str, str]]:
    """Return the run that started this one, and the one at the root of all, by id and job."""
    facet = run_facets.get("parent", {})
    found = {"parent": _run_named(facet), "root": _run_named(facet.get("root"))}
    return {name: run for name, run in found.items() if run}


def _run_named(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    run, job = value.get("run"), value.get("job")
    named = {
        "run_id": run.get("runId") if isinstance(run, dict) else None,
        "namespace": job.get("namespace") if isinstance(job, dict) else None,
        "name": job.get("name") if isinstance(job, dict) else None,
    }
    return {name: bounded(text) for name, text in named.items() if isinstance(text, str) and text}


class Deriver:
    """Tells facts from events, with one picture of the names."""

    def __init__(self, resolver: Resolver, in_force: InForce, *, tenant: str) -> None:
        self._resolver = resolver
        self._in_force = in_force
        self._tenant = tenant

    def facts(self, event: Event, run: Sequence[Event]) -> Iterator[MetadataRecord]:
        """Yield what an event tells. ``run`` are the known events of its run in the order of time, itself among them."""
        whole = merge(run)
        yield from self.lineage(event, whole)
        yield from self._confirmation(event, whole if len(run) == 1 else merge([event]))
        yield from self._measured(event, whole)
        yield from self._said(event)

    def lineage(self, event: Event, run: Run) -> Iterator[MetadataRecord]:
        """Yield the lineage of a run's outputs as all its events tell it.

        A run that is complete replaces what its job said of an output before; one that is under way only adds to it, for it may not have
        named everything yet.
        """
        if event.job is None or run.stated_at is None:
            return
        stated = lineage_of(run, event.job, self._resolver)
        for table, lineage in stated.items():
            target = target_of(table)
            before = None if run.is_complete else self._in_force(target, event.producer_id, run.stated_at)
            said = lineage if before is None else joined(lineage, before)
            yield self._record(event, said, target, at=run.stated_at)
        for table in dropped_by(run, self._resolver) - stated.keys():
            yield closing(
                Lineage, target_of(table), producer_id=event.producer_id, produced_at=run.stated_at, context=context_of(event, self._tenant)
            )

    def _confirmation(self, event: Event, alone: Run) -> Iterator[MetadataRecord]:
        """Yield that the job was seen to do what it does. What it counts is this event's own, so that it is always the same."""
        if event.job is None or not (event.about == "job" or event.event_type in _CONFIRMING):
            return
        if event.event_type == "RUNNING" and not event.datasets:
            return
        own = lineage_of(alone, event.job, self._resolver)
        unknown = list(self._unknown(event))
        yield self._record(
            event,
            LineageRun(
                "openlineage",
                statements=1,
                edges=sum(len(lineage.inputs) for lineage in own.values()),
                column_edges=sum(map(pairs_of, own.values())),
                unresolved=len(unknown),
                unknown=unknown[:MAX_UNKNOWN],
                job=event.job,
                truncated=len(unknown) > MAX_UNKNOWN,
            ),
            target_of_event(event),
        )

    def _unknown(self, event: Event) -> Iterator[UnknownName]:
        for key, dataset in {dataset.key: dataset for dataset in event.datasets}.items():
            found = place(self._resolver, dataset)
            if not found.known and not found.ignored:
                yield UnknownName(bounded(key[1]), text_of(found.reason) or "no source has it", bounded(key[0]))

    def _measured(self, event: Event, run: Run) -> Iterator[MetadataRecord]:
        if event.event_type in (*TERMINAL, "START"):
            yield from self._runtimes(event, run)
        if event.event_type == "COMPLETE":
            window = measurements.window_of(run.run_facets)
            for output in run.outputs.values():
                volume = measurements.volume_of(output, run.inputs.values(), window)
                if volume is not None:
                    yield from self._about(event, output, volume)
        # What is told at the start of a run was not measured by it.
        if event.event_type != "START":
            for dataset in event.datasets:
                yield from self._judged(event, dataset)

    def _runtimes(self, event: Event, run: Run) -> Iterator[MetadataRecord]:
        """Yield how long the load of each output took; of a run that names none, how long its job took."""
        runtime = measurements.runtime_of(run)
        if runtime is None or run.ended is None:
            return
        places = [place(self._resolver, output) for output in run.touched.values()]
        targets = {target_of(found.table) for found in places if not found.ignored} if places else {target_of_event(event)}
        for target in sorted(targets, key=str):
            yield self._record(event, runtime, target, at=run.ended.moment)

    def _judged(self, event: Event, dataset: Dataset) -> Iterator[MetadataRecord]:
        statistics = measurements.statistics_of(dataset)
        if statistics is not None:
            # Of a table that a scanner owns, the numbers of a profile are shown; a producer's stand beside them.
            if place(self._resolver, dataset).known:
                facet = dataset.own.get("dataQualityMetrics") or dataset.facets["dataQualityMetrics"]
                yield from self._about(event, dataset, DatasetFacet("dataQualityMetrics", facet), stream="dataQualityMetrics")
            else:
                yield from self._about(event, dataset, statistics)
        for result in measurements.results_of(dataset):
            yield from self._about(event, dataset, result)

    def _said(self, event: Event) -> Iterator[MetadataRecord]:
        for dataset in {dataset.key: dataset for dataset in event.datasets}.values():
            found = place(self._resolver, dataset)
            if found.ignored:
                continue
            target = target_of(found.table)
            yield from self._annotations(event, target, dataset.facets)
            for name in notes.DESCRIBING:
                facet = dataset.facets.get(name)
                if facet is not None:
                    shown = None if is_deleted(facet) else DatasetFacet(name, facet)
                    yield self._state(event, target, DatasetFacet, shown, name)
        if event.job is not None:
            yield from self._annotations(event, target_of_event(event), event.job_facets)

    def _annotations(self, event: Event, target: MetadataTarget, facets: Facets) -> Iterator[MetadataRecord]:
        for name, annotation in notes.annotations_of(facets):
            yield self._state(event, target, Annotation, annotation, name)

    def _about(self, event: Event, dataset: Dataset, payload: msgspec.Struct, *, stream: str | None = None) -> Iterator[MetadataRecord]:
        found = place(self._resolver, dataset)
        if not found.ignored:
            yield self._record(event, payload, target_of(found.table), stream=stream)

    def _state(
        self, event: Event, target: MetadataTarget, shape: type[msgspec.Struct], payload: msgspec.Struct | None, stream: str
    ) -> MetadataRecord:
        if payload is not None:
            return self._record(event, payload, target, stream=stream)
        producer = bounded(f"{event.producer_id}#{stream}")
        context = context_of(event, self._tenant)
        return closing(shape, target, producer_id=producer, produced_at=event.moment, context=context)

    def _record(
        self, event: Event, payload: msgspec.Struct, target: MetadataTarget, *, at: datetime | None = None, stream: str | None = None
    ) -> MetadataRecord:
        producer = event.producer_id if stream is None else bounded(f"{event.producer_id}#{stream}")
        context = context_of(event, self._tenant)
        return record_of(payload, target, producer_id=producer, produced_at=at or event.moment, context=context)
