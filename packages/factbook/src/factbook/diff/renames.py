"""Propose renames: which removal and which addition look like one thing under two names, and what speaks for it. Pure.

A proposal is never more than that. Its score is the weighted mean of signs that are there to be seen: a sign that neither side can show (no
default, no comment, nothing measured) is left out and the others count for more. The weights are stated here; the signs of a proposal
carry them as they were counted, so that they add up to one.
"""

from __future__ import annotations

from collections.abc import Iterable

from factbook.diff.model import Difference
from factbook.diff.rename_columns import propose_columns
from factbook.diff.rename_tables import Statistics, propose_tables
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.catalog_diff import Rename
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot


def propose_renames(
    differences: Iterable[Difference], statistics_before: Statistics | None = None, statistics_after: Statistics | None = None
) -> list[Rename]:
    """Return the proposals of a comparison, tables first, the surest first. Differences carry the snapshots they are judged by.

    Statistics are of the two moments and may be of any of the tables.
    """
    by_table: dict[TableName, tuple[SchemaSnapshot, SchemaSnapshot]] = {}
    gone: dict[TableName, SchemaSnapshot] = {}
    come: dict[TableName, SchemaSnapshot] = {}
    for difference in differences:
        name, before, after = difference.name, difference.snapshot_before, difference.snapshot_after
        if name is None:
            continue
        if before is not None and after is not None:
            by_table[name] = (before, after)
        elif before is not None:
            gone[name] = before
        elif after is not None:
            come[name] = after
    old, new = statistics_before or {}, statistics_after or {}
    proposals = propose_tables(gone, come, old, new)
    for name, (before, after) in sorted(by_table.items()):
        proposals += propose_columns(name, before, after, old.get(name), new.get(name))
    return proposals


def wants_statistics(differences: Iterable[Difference]) -> list[TableName]:
    """Return the tables whose statistics could speak for a rename: those with something both removed and added."""
    sides: dict[TableName, set[str]] = {}
    for difference in differences:
        if difference.name is not None and difference.object in ("column", "table") and difference.change != "changed":
            sides.setdefault(difference.name, set()).add(f"{difference.object} {difference.change}")
    kinds = set().union(*sides.values()) if sides else set()
    both_tables = {"table removed", "table added"} <= kinds
    return sorted(name for name, seen in sides.items() if len(seen) > 1 or (both_tables and next(iter(seen)).startswith("table")))
