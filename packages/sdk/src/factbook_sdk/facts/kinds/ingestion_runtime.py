"""``ingestion_runtime``: how long one load took and how it went. Target: the table that was loaded."""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Count, Failure, Moment, Name, Seconds, Window
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="ingestion_runtime",
    category=Category.EVENT,
    description="Duration, outcome and retries of one load.",
    schemas=load_schemas(__package__, "ingestion_runtime"),
    indexed=(
        "context.run_id",
        "extras.window_end",
        "extras.window_start",
        "payload.duration_seconds",
        "payload.outcome",
        "payload.window.end",
        "payload.window.start",
    ),
)


class Phase(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of a load, for example ``extract``."""

    name: Name
    duration_seconds: Seconds


class IngestionRuntime(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``attempt`` counts from 1; ``retries`` are those inside this attempt."""

    started_at: Moment
    duration_seconds: Seconds
    outcome: Literal["succeeded", "failed", "cancelled", "timed_out"]
    attempt: Count = 1
    retries: Count = 0
    row_count: Count | None = None
    window: Window | None = None
    phases: list[Phase] = []
    error: Failure | None = None
