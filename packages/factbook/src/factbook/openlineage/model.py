"""Events as they are understood, and the answers to those who send or read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from factbook_sdk.facts.kinds.lineage import LineageJob

EventType = Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]
FAILED = frozenset({"ABORT", "FAIL"})
TERMINAL = FAILED | {"COMPLETE"}

Facets = dict[str, dict[str, Any]]
"""Facets by name. One that says it is deleted is among them."""


class Dataset(msgspec.Struct, frozen=True):
    """A dataset as an event names it. ``own`` are the facets of this use of it: input or output facets."""

    namespace: str
    name: str
    facets: Facets = {}
    own: Facets = {}

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def symlinks(self) -> list[tuple[str, str]]:
        """The other names it goes by."""
        return [
            (entry["namespace"], entry["name"])
            for entry in entries(self.facets.get("symlinks"), "identifiers")
            if is_name(entry.get("namespace")) and is_name(entry.get("name"))
        ]


class Event(msgspec.Struct, frozen=True):
    """A run, job or dataset event. ``raw`` is what came; everything else is read from it.

    ``producer_id`` is who speaks: the job, or for a dataset event the tool.
    """

    raw: dict[str, Any]
    about: Literal["run", "job", "dataset"]
    moment: datetime
    producer_id: str
    event_type: EventType | None = None
    job: LineageJob | None = None
    run_id: str | None = None
    run_facets: Facets = {}
    job_facets: Facets = {}
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    dataset: Dataset | None = None
    notes: tuple[str, ...] = ()

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return (*self.inputs, *self.outputs, *(() if self.dataset is None else (self.dataset,)))

    @property
    def failed(self) -> bool:
        return self.event_type in FAILED


class Received(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one event. ``id`` is that of the record that keeps it; ``duplicate`` says that it was there already.

    ``facts`` counts what was told from it and is new, by kind; ``notes`` say how it departs from the standard; ``warnings`` what of it
    could not be stored as a fact.
    """

    status: Literal["success"]
    id: str
    duplicate: bool = False
    facts: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    warnings: list[str] = []


class FailedEvent(msgspec.Struct, frozen=True):
    """An event of a batch that was not stored, by its place in it, counted from 0."""

    index: int
    reason: str
    retriable: bool = False


class Summary(msgspec.Struct, frozen=True):
    """Counts of a batch's events."""

    received: int
    successful: int
    failed: int
    retriable: int = 0
    non_retriable: int = 0


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answer to a batch of which not everything was stored, in the form of OpenLineage's own API."""

    status: Literal["success", "partial_success"]
    summary: Summary
    failed_events: list[FailedEvent] = []


class EventPage(msgspec.Struct, frozen=True):
    """Events as they came, by their time. ``next_cursor`` continues; ``None`` says there is no more."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def is_name(value: Any) -> bool:
    """Return whether a value can name something."""
    return isinstance(value, str) and value != ""


def entries(facet: dict[str, Any] | None, field: str) -> list[dict[str, Any]]:
    """Return the objects in a list of a facet, nothing where there is none."""
    found = None if facet is None or is_deleted(facet) else facet.get(field)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def is_deleted(facet: dict[str, Any]) -> bool:
    """Return whether a facet takes back what was said in it before."""
    return facet.get("_deleted") is True


def text_of(value: Any) -> str | None:
    """Return a text that says something, else ``None``. Views in PostgreSQL hold no NUL, so it becomes U+FFFD."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) and value.strip() else None


def whole_number(value: Any) -> int | None:
    """Return a count that fits a database, else ``None``."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63 else None


def number_of(value: Any) -> int | float | None:
    """Return a number that a statistic can hold, else ``None``."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63 else None
