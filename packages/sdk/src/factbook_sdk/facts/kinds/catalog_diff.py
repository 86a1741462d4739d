"""``catalog_diff``: what changed in a source between two moments. Target: the source, or one of its tables."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Count, Moment, Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="catalog_diff",
    category=Category.EVENT,
    description="Changes of structure between two moments of a source, each with its severity.",
    schemas=load_schemas(__package__, "catalog_diff"),
    indexed=(
        "payload.after.run_id",
        "payload.before.run_id",
    ),
)

Severity = Literal["breaking", "risky", "compatible", "cosmetic"]


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of a comparison: the source as it was at a moment, or after a run."""

    moment: Moment
    run_id: Name | None = None


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference. ``path`` leads into the table's ``schema_snapshot`` (``columns.price.data_type``); empty for the table itself."""

    change: Literal["added", "removed", "changed", "renamed"]
    severity: Severity
    schema: Name | None = None
    table: Name | None = None
    path: str = ""
    before: Any = None
    after: Any = None
    reason: str | None = None


class CatalogDiff(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``counts`` are by severity, of all changes, also where the list was cut off."""

    before: State
    after: State
    counts: dict[Severity, Count]
    changes: list[Change] = []
    truncated: bool = False
