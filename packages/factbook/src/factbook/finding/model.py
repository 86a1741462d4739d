"""What the search is asked and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

MAX_FOUND = 1000
"""Things that are ranked, counted and paged through; of more than these the first that were seen are taken, rank by rank."""

Part = Literal["structure", "notes", "products", "contracts", "glossary"]
"""What whoever searches may be shown or not: each is closed to those who may not read the facts that it is made of."""
EVERYTHING: frozenset[Part] = frozenset({"structure", "notes", "products", "contracts", "glossary"})

PARTS: dict[str, Part] = {
    "source": "structure",
    "schema": "structure",
    "product": "products",
    "domain": "products",
    "contract": "contracts",
    "term": "glossary",
}
"""Which part a sort of thing is of; whatever else there is (tables, views) is structure."""

FoundIn = Literal["name", "columns", "text"]
"""Why something is found: its own name, the names of its columns (fields, ports), or what is written or said of it."""

FACETS = ("thing", "found_in", "source_id", "schema", "tag", "classification", "owner", "domain")
LABELS = ("tag", "classification", "owner", "domain")


class FindFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What may be found; all of it must hold. Tags and the like are those that people, products, contracts and terms name.

    ``thing`` is ``table``, ``view`` …, or one of :data:`PARTS`.
    """

    thing: str | None = None
    found_in: FoundIn | None = None
    source_id: str | None = None
    schema: str | None = None
    tag: str | None = None
    classification: str | None = None
    owner: str | None = None
    domain: str | None = None
    include_removed: bool = False

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Return the labels that a thing must have."""
        return [(facet, value) for facet in LABELS if (value := getattr(self, facet)) is not None]


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place where words occur: the field, the column it is about, and the text, cut around the first of its ``marks``.

    A mark is the first character that fits and the one after the last, counted from 0.
    """

    field: str
    text: str
    marks: list[tuple[int, int]]
    column: str | None = None


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was found, and where. ``name`` is its key; ``matches`` are the best of its columns and texts.

    ``columns_found`` counts the columns whose names or comments match, shown or not; ``summary`` is how it is described.
    """

    thing: str
    name: str
    source_id: str
    schema: str | None
    table: str | None
    found_in: FoundIn
    title: str | None = None
    status: str | None = None
    summary: str | None = None
    name_marks: list[tuple[int, int]] = []
    title_marks: list[tuple[int, int]] = []
    matches: list[Match] = []
    columns_found: int = 0
    removed_at: datetime | None = None


class FacetValue(msgspec.Struct, frozen=True):
    value: str
    count: int


class Facet(msgspec.Struct, frozen=True):
    """How what is found is spread; values by count."""

    name: str
    values: list[FacetValue]


class SearchPage(msgspec.Struct, frozen=True):
    """Things by rank. Where ``exact`` is false there are more than ``total``, and the counts of facets are of the ranked ones.

    ``closed`` names the parts that whoever asks may not see; ``as_of`` says which moment is shown, ``None`` for now.
    """

    search: str
    items: list[Hit]
    total: int
    exact: bool
    facets: list[Facet]
    closed: list[Part]
    next_cursor: str | None
    as_of: datetime | None = None
