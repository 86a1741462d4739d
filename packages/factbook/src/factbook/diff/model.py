"""What comparing finds and what judging says of it. Values only: nothing here reads or stores.

``compare`` yields :class:`Difference`; ``judge`` adds a :class:`Verdict` to each; both together are a ``Change`` of the kind
``catalog_diff``. How a ``path`` is written stands in :mod:`factbook.diff.paths`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.catalog_diff import Aspect, ObjectType, Party, Severity
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

__all__ = ["Aspect", "Difference", "ObjectType", "Party", "Severity", "Verdict"]


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One thing that is not as it was. ``path`` leads into the table's ``schema_snapshot`` (``columns.price.data_type``), empty for
    the object itself. ``before`` and ``after`` are JSON values of what ``path`` names; the snapshots are those of the whole table, ``None``
    on the side where it is not there. ``name`` is ``None`` for a difference of a schema, which ``schema`` names."""

    change: Literal["added", "removed", "changed"]
    object: ObjectType
    schema: str
    name: TableName | None
    path: str = ""
    aspect: Aspect = "structure"
    before: Any = None
    after: Any = None
    snapshot_before: SchemaSnapshot | None = None
    snapshot_after: SchemaSnapshot | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What one difference does to others: ``rule`` names the rule that spoke, ``reason`` is its sentence, ``breaks`` who is hit.

    ``contracts`` are the ids of contracts in force that the difference breaks; only a gate asks for them."""

    rule: str
    severity: Severity
    breaks: tuple[Party, ...] = ()
    reason: str = ""
    contracts: tuple[str, ...] = ()
