"""What of a source somebody uses: tables by pattern, or what a pipeline reads and writes, down to its columns. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from factbook.diff.comparison import Judged
from factbook.diff.model import Difference, Party
from factbook.diff.paths import split_path
from factbook.diff.verdict import breaks_by_rule, place_of
from factbook.diff.verdict.case import case_of
from factbook.errors import InvalidRequest
from factbook.sources.contract import TableName

_FELT_BY_LEAVING_OUT = frozenset({"required_column_added", "nullability_tightened", "default_removed", "identity_removed"})
"""Rules about a column that hit whoever writes rows without it."""


class Use(msgspec.Struct, frozen=True):
    """One thing that is used, as patterns with ``*`` and ``?``. Without ``column`` the whole table. ``party`` is ``None`` where whatever
    happens to the table counts."""

    schema: str
    table: str
    column: str | None = None
    party: Party | None = None

    def is_of(self, name: TableName) -> bool:
        """Return whether the table is meant."""
        return fnmatchcase(name.schema, self.schema) and fnmatchcase(name.table, self.table)

    def is_hit_by(self, judged: Judged) -> bool:
        """Return whether a difference matters to this use."""
        difference, verdict = judged
        # Who says that it writes to a view knows that it can.
        breaks = breaks_by_rule(verdict.rule) if self.party == "writers" else verdict.breaks
        if self.party is not None and self.party not in breaks:
            return False
        if difference.name is None:
            return difference.object == "schema" and fnmatchcase(difference.schema, self.schema)
        if not self.is_of(difference.name):
            return False
        return self.column is None or self._is_about_column(judged)

    def _is_about_column(self, judged: Judged) -> bool:
        difference = judged.difference
        if difference.object == "column":
            writes_without = self.party != "readers" and judged.verdict.rule in _FELT_BY_LEAVING_OUT
            return writes_without or fnmatchcase(place_of(difference)[2], self.column or "")
        if difference.object == "constraint" and self.party == "readers":
            columns = list(_constrained(difference))
            return not columns or any(fnmatchcase(column, self.column or "") for column in columns)
        return True

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.table, self.column) if part is not None)


def parse_uses(texts: Iterable[str], party: Party | None, field: str) -> list[Use]:
    """Read ``schema.table`` or ``schema.table.column``; a name that holds a dot stands in double quotes."""
    return [_parse(text, party, field) for text in texts]


def parse_tables(texts: Iterable[str]) -> list[Use]:
    """Read patterns of tables, ``table`` or ``schema.table``."""
    return [_parse(text if len(split_path(text)) > 1 else f"*.{text}", None, "tables") for text in texts]


def _parse(text: str, party: Party | None, field: str) -> Use:
    parts = split_path(text)
    most = 2 if field == "tables" else 3
    if not 2 <= len(parts) <= most or not all(parts):
        wanted = "table or schema.table" if field == "tables" else "schema.table or schema.table.column"
        raise InvalidRequest(
            f"{text!r} names no table",
            why=f"it must be {wanted}",
            fix='A name that holds a dot stands in quotes: public."odd.name"',
            field=field,
        )
    return Use(parts[0], parts[1], parts[2] if len(parts) > 2 else None, party)


def hit(uses: Sequence[Use], judged: Iterable[Judged]) -> list[Judged]:
    """Return what matters to one of the uses; everything where none is named."""
    return [item for item in judged if not uses or any(use.is_hit_by(item) for use in uses)]


def _constrained(difference: Difference) -> Iterator[str]:
    """Yield the columns of the constraint that a difference is of, on both sides."""
    case = case_of(difference)
    for constraint in filter(None, (case.constraint_before, case.constraint_after)):
        yield from constraint.columns
