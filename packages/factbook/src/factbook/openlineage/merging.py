"""The events of one run as one statement: a START may name what is read, a COMPLETE what was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.openlineage.model import TERMINAL, Dataset, Event, Facets, is_deleted, text_of


class Run(msgspec.Struct, frozen=True):
    """What the events of a run say together. ``stated_at`` is when the last of those that did not fail was sent.

    ``inputs`` and ``outputs`` are those of events that did not fail; ``touched`` are the outputs of all of them.
    """

    inputs: dict[tuple[str, str], Dataset]
    outputs: dict[tuple[str, str], Dataset]
    touched: dict[tuple[str, str], Dataset]
    job_facets: Facets
    run_facets: Facets
    is_complete: bool
    stated_at: datetime | None
    started_at: datetime | None
    ended: Event | None

    @property
    def statement(self) -> str | None:
        """The SQL that the job ran, if it says so."""
        return text_of(self.job_facets.get("sql", {}).get("query"))


def merge(events: Sequence[Event]) -> Run:
    """Merge the events of one run, which are in the order of time. Of two facets of one name the later one counts.

    A failed event adds no inputs and no outputs: what it names may never have been written. A facet that is deleted is gone.
    """
    good = [event for event in events if not event.failed]
    starts = [event.moment for event in events if event.event_type == "START"]
    ends = [event for event in events if event.event_type in TERMINAL]
    return Run(
        inputs=_datasets(dataset for event in good for dataset in event.inputs),
        outputs=_datasets(dataset for event in good for dataset in event.outputs),
        touched=_datasets(dataset for event in events for dataset in event.outputs),
        job_facets=_facets(event.job_facets for event in events),
        run_facets=_facets(event.run_facets for event in events),
        # An event of a job without a run states all there is.
        is_complete=any(event.about == "job" or event.event_type == "COMPLETE" for event in good),
        stated_at=good[-1].moment if good else None,
        started_at=min(starts, default=None),
        ended=ends[-1] if ends else None,
    )


def _datasets(datasets: Iterable[Dataset]) -> dict[tuple[str, str], Dataset]:
    merged: dict[tuple[str, str], Dataset] = {}
    for dataset in datasets:
        known = merged.get(dataset.key)
        if known is None:
            merged[dataset.key] = dataset
        else:
            facets = _facets((known.facets, dataset.facets))
            merged[dataset.key] = Dataset(dataset.namespace, dataset.name, facets, _facets((known.own, dataset.own)))
    return merged


def _facets(several: Iterable[Facets]) -> Facets:
    merged: Facets = {}
    for facets in several:
        for name, facet in facets.items():
            known = merged.get(name)
            merged[name] = _columns(known, facet) if name == "columnLineage" and known is not None else facet
    return merged


def _columns(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Merge column lineage field by field: an event may tell of some columns only."""
    both = [earlier.get("fields"), later.get("fields")]
    if is_deleted(earlier) or is_deleted(later) or not all(isinstance(fields, dict) for fields in both):
        return later
    return {**earlier, **later, "fields": {**earlier["fields"], **later["fields"]}}
