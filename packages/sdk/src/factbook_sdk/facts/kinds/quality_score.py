"""``quality_score``: how good the data of one table, or of one source, is by what was measured. Target: the table, or the source.

The formula is named, with its version, and all its parts are here, so that a score can be recomputed by hand. What was not measured is
listed and counts for nothing.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from factbook_sdk.facts.kinds.quality_result import Dimension
from factbook_sdk.facts.parts import Count, Name, Share
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="quality_score",
    category=Category.STATE,
    description="How good a table's or a source's data is by what was measured, 0 to 100, with every part of the formula.",
    schemas=load_schemas(__package__, "quality_score"),
    indexed=("payload.score",),
)

Points = Annotated[float, Meta(ge=0, le=100)]
Weight = Annotated[float, Meta(ge=0)]


class DimensionScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one dimension counts: its ``weight``, its ``value`` where something was measured, and the weakest part that gave it."""

    dimension: Dimension
    weight: Weight
    value: Share | None = None
    parts: Count = 0
    column: Name | None = None
    rule: Name | None = None


class ColumnScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column. Without a score nothing of it was measured against an expectation."""

    name: Name
    score: Points | None = None
    dimensions: list[DimensionScore] = []


class TableScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table's share of its source's score."""

    schema: Name
    table: Name
    score: Points


class Coverage(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much the score knows: columns and rules of a table, or tables of a source, and how many of them were measured."""

    columns: Count = 0
    columns_measured: Count = 0
    rules: Count = 0
    rules_judged: Count = 0
    tables: Count = 0
    tables_measured: Count = 0


class QualityScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``rules`` are the ids of the rules in force; ``tables`` are the lowest of a source's, at most 100."""

    formula: Name
    formula_version: Count
    coverage: Coverage
    score: Points | None = None
    reason: str | None = None
    """Why there is no score, where enough was measured to compute one."""
    dimensions: list[DimensionScore] = []
    columns: list[ColumnScore] = []
    tables: list[TableScore] = []
    rules: list[Name] = []
