"""``recon_result``: the outcome of one comparison of a source with its sink. Target: the table at the sink.

A later run judges by earlier ones, so a result keeps what it was judged by: thresholds, the band it was held against, and the loads that
gave the baseline.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Count, Failure, Name, Seconds, Share, TableRef, Window
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="recon_result",
    category=Category.EVENT,
    description="Outcome of one comparison of source and sink: metric, thresholds, variability, drill-down, lineage of runs.",
    schemas=load_schemas(__package__, "recon_result"),
    indexed=(
        "context.run_id",
        "extras.window_end",
        "extras.window_start",
        "payload.check",
        "payload.outcome",
        "payload.window.end",
        "payload.window.start",
    ),
)

ReconOutcome = Literal["passed", "warned", "failed", "skipped", "timed_out", "error"]


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was compared. ``difference`` is sink minus source; ``difference_share`` is its size as a share of the source."""

    name: Name
    source: float | None = None
    sink: float | None = None
    difference: float | None = None
    difference_share: float | None = None
    column: Name | None = None


class Thresholds(msgspec.Struct, frozen=True, omit_defaults=True):
    """From where on a difference warns or fails; absolute, or a share of the source."""

    unit: Literal["absolute", "share"]
    warn: float | None = None
    fail: float | None = None


class Variability(msgspec.Struct, frozen=True, omit_defaults=True):
    """The band that earlier runs allow: ``lower <= observed <= upper``. ``runs`` is how many runs made it."""

    method: Name
    runs: Count
    mean: float | None = None
    deviation: float | None = None
    lower: float | None = None
    upper: float | None = None
    confidence: Share | None = None


class Drill(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of the data that was looked at closer, named by its values in the order of ``scopes``."""

    keys: dict[str, str]
    outcome: ReconOutcome
    metric: Metric | None = None


class ReconResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``scopes`` are the columns along which a difference is drilled down (``["year_month", "day"]``)."""

    check: Name
    outcome: ReconOutcome
    metric: Metric | None = None
    thresholds: Thresholds | None = None
    variability: Variability | None = None
    source: TableRef | None = None
    window: Window | None = None
    filter: str | None = None
    scopes: list[Name] = []
    drills: list[Drill] = []
    ingestion_run_ids: list[Name] = []
    duration_seconds: Seconds | None = None
    error: Failure | None = None
