"""``catalog_diff``: what changed in a source between two moments, against another source, or against a file. Target: the source.

A long list of changes goes on in further facts of the same target and moment: see :class:`CatalogDiff`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factbook_sdk.facts.parts import Count, Moment, Name, Share
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

ObjectType = Literal["schema", "table", "column", "constraint", "index", "partition"]
"""What differs. A view is a ``table`` whose snapshot says what it is."""

Aspect = Literal["structure", "definition", "collation", "comment", "order", "storage"]
"""In what respect: ``structure`` (names, types, keys …), the ``definition`` of a view, ``collation`` or character set alone, a ``comment``
alone, the ``order`` of columns or enum values alone, or ``storage`` (owner, options, an index's method)."""

Party = Literal["readers", "writers"]


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of a comparison: the source as it was at a moment, or after a run. ``source_id`` only where it is another source than the
    record's target; ``file`` is the name, without folders, of a file that stood for it, and the moment is then the other side's. ``engine``
    is named where the two sides have different ones, so that their types are not the same words."""

    moment: Moment
    run_id: Name | None = None
    source_id: Name | None = None
    file: Name | None = None
    engine: Name | None = None


class Change(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One difference. ``path`` leads into the table's ``schema_snapshot`` (``columns.price.data_type``); empty for the table itself.

    ``rule`` names the rule that judged it and ``breaks`` whom it hits. ``shortened`` says that ``before`` and ``after`` are the
    beginning of longer texts; the snapshots have them whole.
    """

    change: Literal["added", "removed", "changed", "renamed"]
    severity: Severity
    schema: Name | None = None
    table: Name | None = None
    path: str = ""
    before: Any = None
    after: Any = None
    reason: str | None = None
    object: ObjectType | None = None
    aspect: Aspect | None = None
    rule: Name | None = None
    breaks: list[Party] = []
    shortened: bool = False


class Sign(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What speaks for a rename, or against it: ``alike`` is 0 to 1, ``weight`` how much that counts among the others."""

    sign: Name
    weight: Share
    alike: Share
    before: Any = None
    after: Any = None


class Rename(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A removal and an addition that may be one rename: a proposal, never taken for certain, so both stay among the changes.

    ``table`` is a column's table; ``after_schema`` is where a table went if that is another schema. ``score`` is the weighted mean of the
    evidence. ``ambiguous``: another pair explains the same removal or addition as well.
    """

    object: Literal["table", "column"]
    schema: Name
    before: Name
    after: Name
    score: Share
    table: Name | None = None
    after_schema: Name | None = None
    evidence: list[Sign] = []
    ambiguous: bool = False


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many objects of a type. ``unchanged`` is missing where counting them would have meant to read what did not change; for what is
    inside tables it is said of the tables that were compared."""

    added: Count = 0
    removed: Count = 0
    modified: Count = 0
    unchanged: Count | None = None


class Unread(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the comparison cannot vouch for: a schema that the scan behind one side did not read completely. ``tables`` counts those that
    are known to have failed."""

    side: Literal["before", "after"]
    schema: Name
    reason: str
    run_id: Name | None = None
    tables: Count = 0


class CatalogDiff(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``counts`` are by severity and ``summary`` by type of object, of all changes, also where the list was cut off.

    Changes come worst first. Where they are too many for one fact they go on in facts with the same ``before`` and ``after``
    and ``part`` 2, 3 … ``parts``, whose ``counts`` are empty: the first part counts for all. It is stored last, so that it is the
    latest, and where it is the others are. ``truncated`` says that a producer cut the list off and the rest is nowhere.
    """

    before: State
    after: State
    counts: dict[Severity, Count]
    changes: list[Change] = []
    truncated: bool = False
    summary: dict[ObjectType, Tally] = {}
    renames: list[Rename] = []
    unread: list[Unread] = []
    part: Annotated[int, Meta(ge=1)] = 1
    parts: Annotated[int, Meta(ge=1)] = 1
