"""``lineage_run``: somebody looked where data comes from, and this is what came of it. Target: the source, file or job that was looked at.

An event. The ``lineage`` facts in force of the same producer, and of the producers it ``confirms``, were seen to hold at its moment.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from factbook_sdk.facts.kinds.lineage import LineageJob, Origin
from factbook_sdk.facts.parts import Count, Name, Seconds
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="lineage_run",
    category=Category.EVENT,
    description="What a look for lineage found: statements, edges, what was not understood, and whose lineage it confirms.",
    schemas=load_schemas(__package__, "lineage_run"),
)


class NotUnderstood(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement or an event without lineage, and why. ``at`` says where it stands: a view, ``FILE:LINE``, a model."""

    at: Name
    reason: Name
    excerpt: str | None = None


class UnknownName(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name that no target could be found for, how often, and why."""

    name: Name
    reason: Name
    namespace: Name | None = None
    times: Count = 1


class LineageRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``edges`` counts table edges, ``column_edges`` those between columns. Lists that are too long are cut and say so by
    ``truncated``; the counts are of all."""

    origin: Origin
    statements: Count
    edges: Count
    column_edges: Count = 0
    failed: Count = 0
    unresolved: Count = 0
    failures: list[NotUnderstood] = []
    unknown: list[UnknownName] = []
    confirms: list[Name] = []
    ended: Count = 0
    job: LineageJob | None = None
    duration_seconds: Seconds | None = None
    warnings: list[str] = []
    truncated: bool = False


def confirmed_by(producer_id: str, confirms: Iterable[str]) -> list[tuple[str, bool]]:
    """Return whom a run confirms, as names and (``True``) beginnings of names: its own producer, and those it lists."""
    listed = [(name.removesuffix("*"), name.endswith("*")) for name in confirms]
    return list(dict.fromkeys([(producer_id, False), *listed]))
