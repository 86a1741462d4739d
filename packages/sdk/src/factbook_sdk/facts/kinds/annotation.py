"""``annotation``: what a person or an agent says of a table or one of its columns. Target: what it is about; the producer is its author.

Scanners never write it, so no scan can overwrite it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook_sdk.facts.parts import Name, Share
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="annotation",
    category=Category.STATE,
    description="What a person or an agent says of a table and its columns: descriptions, owners, tags, classifications, terms.",
    schemas=load_schemas(__package__, "annotation"),
)


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement. ``column`` is missing where it is about the whole table; ``confidence`` is for guesses of machines."""

    property: Literal["description", "owner", "steward", "tag", "classification", "term", "certification", "deprecation", "link", "custom"]
    value: Any
    column: Name | None = None
    name: Name | None = None
    confidence: Share | None = None
    reason: str | None = None


class Annotation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload: everything this author says of this target. An author who says less takes something back."""

    author_type: Literal["person", "agent", "rule"]
    notes: list[Note] = []
