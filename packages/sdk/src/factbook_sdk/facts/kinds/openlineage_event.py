"""``openlineage_event``: what a tool sent in OpenLineage, whole and unchanged. Target: the job in its namespace, or the dataset.

An event. It is the evidence for everything that was told from it: lineage, volumes, annotations and the rest are facts of their own.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.kinds.lineage import LineageJob
from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="openlineage_event",
    category=Category.EVENT,
    description="A run, job or dataset event of OpenLineage as it came, with what was noted while it was read.",
    schemas=load_schemas(__package__, "openlineage_event"),
    indexed=("context.run_id",),
)


class OpenlineageEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``event`` is the event as it came. ``notes`` say where it is not as the standard has it and how it was understood.

    ``event_type`` is missing where a run event has none. Names of jobs and runs are those of the record, cut where they are too long.
    """

    about: Literal["run", "job", "dataset"]
    event: dict[str, Any]
    event_type: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None = None
    job: LineageJob | None = None
    run_id: Name | None = None
    notes: list[Name] = []
