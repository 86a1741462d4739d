"""Which two states are compared and which changes are chosen, as the address of a page asks it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query

from factbook.api.parameters import AnySource, ChangeKinds, ChangeWords, Moment, Patterns, Severities
from factbook.diff import Chosen, DiffPage, Wanted
from factbook.diff.comparison import Comparison
from factbook.rooms import Rooms
from factbook.web.moments import read_moment
from factbook.web.parameters import AsOf
from factbook.web.routing import Part
from factbook_sdk.facts.kinds.catalog_diff import Severity, State


class Question(msgspec.Struct, frozen=True):
    """Which two states of which sources are compared, and which changes are shown."""

    source_id: str
    before: str | None = None
    after: str | None = None
    other: str | None = None
    tables: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    changes: tuple[str, ...] = ()
    search: str = ""
    as_of: datetime | None = None

    def compare(self, rooms: Rooms, *, before: str | None, after: str | None) -> Comparison:
        """Return the comparison of everything, or of the tables that are meant."""
        return rooms.diffs.compare(self.source_id, before, after, other=self.other, wanted=Wanted(self.tables), as_of=self.as_of)

    @property
    def chosen(self) -> Chosen:
        """Return which changes are shown."""
        return Chosen(self.severities, self.changes, tuple(self.search.split()))  # type: ignore[arg-type]

    def params(self, found: DiffPage, **more: str) -> dict[str, Any]:
        """Return the parameters that ask for just this again, whatever is scanned later."""
        named: dict[str, Any] = {"from": _fixed(found.before), "to": _fixed(found.after), "with": self.other, "table": self.tables}
        chosen = {"severity": self.severities, "change": self.changes, "search": self.search}
        return {name: value for name, value in (named | chosen | more).items() if value}


def read_question(
    source_id: Part,
    before: Annotated[Moment, Query(alias="from")] = None,
    after: Annotated[Moment, Query(alias="to")] = None,
    other: Annotated[AnySource, Query(alias="with")] = None,
    table: Patterns = None,
    severity: Severities = None,
    change: ChangeKinds = None,
    search: ChangeWords = None,
    as_of: AsOf = None,
) -> Question:
    """Return what is asked; moments may be written as people write them."""
    tables = tuple(pattern for pattern in table or () if pattern)
    return Question(
        source_id, _moment(before), _moment(after), other or None, tables, tuple(severity or ()), tuple(change or ()), search or "", as_of
    )


Asked = Annotated[Question, Depends(read_question)]


def _moment(written: str | None) -> str | None:
    """Return a moment as a comparison takes it: a time in full, anything else as it was written."""
    if not written or not written[:1].isdigit() or "-" not in written:
        return written or None
    found = read_moment(written)
    return written if found is None else found.isoformat()


def _fixed(state: State) -> str:
    return state.run_id or state.moment.isoformat()
