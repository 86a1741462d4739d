"""``sla_adherence``: whether a promised time or level was kept, once. Target: the table the promise is about."""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Moment, Name, Window
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="sla_adherence",
    category=Category.EVENT,
    description="Whether a promised time or level was kept, once.",
    schemas=load_schemas(__package__, "sla_adherence"),
    indexed=(
        "payload.due_at",
        "payload.name",
        "payload.outcome",
    ),
)


class SlaAdherence(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``late_seconds`` is negative where it was early."""

    name: Name
    objective: Literal["freshness", "completion", "volume", "quality", "availability"]
    outcome: Literal["met", "missed", "unknown"]
    due_at: Moment | None = None
    met_at: Moment | None = None
    late_seconds: float | None = None
    expected: float | None = None
    observed: float | None = None
    unit: Name | None = None
    window: Window | None = None
    contract_id: Name | None = None
