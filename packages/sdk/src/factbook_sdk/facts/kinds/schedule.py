"""``schedule``: when something is due. Target: what the job works on."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factbook_sdk.facts.parts import Name, Seconds
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="schedule",
    category=Category.STATE,
    description="When a job is due, and until when it has to be done.",
    schemas=load_schemas(__package__, "schedule"),
)


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload: ``cron`` (five fields) or ``every_seconds``. Due times are in ``timezone`` (an IANA name)."""

    job_type: Name
    cron: Name | None = None
    every_seconds: Annotated[float, Meta(gt=0)] | None = None
    timezone: Name = "UTC"
    enabled: bool = True
    parameters: dict[str, Any] = {}
    expected_seconds: Seconds | None = None
    deadline_seconds: Seconds | None = None
    """How long after it is due it has to be done."""
    orchestrator: Name | None = None
