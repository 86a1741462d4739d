"""``alert``: somebody should look. Target: what it is about.

A state per rule: it fires, may be acknowledged, and is resolved. That it still fires stores nothing.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="alert",
    category=Category.STATE,
    description="Something needs attention: rule, severity, state and the facts that caused it.",
    schemas=load_schemas(__package__, "alert"),
    indexed=(
        "payload.rule",
        "payload.severity",
        "payload.state",
    ),
)


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``causes`` are content ids of the records that led to it."""

    rule: Name
    state: Literal["firing", "acknowledged", "resolved"]
    severity: Literal["info", "warning", "error", "critical"]
    title: Name
    message: str | None = None
    causes: list[Name] = []
    acknowledged_by: Name | None = None
    labels: dict[str, str] = {}
    details: dict[str, Any] = {}
