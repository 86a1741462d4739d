"""What the names in one text mean: tables the text made itself first, then those of the source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from factbook.lineage.sql.flows import Flow, Place
from factbook.lineage.sql.model import Parsed, Parts
from factbook_sdk.facts.parts import TableRef

_SEARCH_PATH = re.compile(r"^\s*SET\s+(?:SESSION\s+|LOCAL\s+)?SEARCH_PATH\s*(?:=|TO)\s*(?P<path>[^;]+)", re.I)
_USE = re.compile(r"^\s*USE\s+(?:(?:SCHEMA|DATABASE)\s+)?(?P<path>[^\s;]+)", re.I)


class Meant(Protocol):
    """What a resolver answers; see :class:`factbook.names.Resolved`."""

    @property
    def table(self) -> TableRef: ...
    @property
    def known(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def ignored(self) -> bool: ...


class Names(Protocol):
    """What lineage asks of :class:`factbook.names.Names`."""

    def resolve_sql(self, source_id: str, parts: tuple[str, ...], *, search_path: Sequence[str] = ()) -> Meant:
        """Return the table that one to three SQL identifiers mean in a source."""

    def columns_of(self, table: TableRef) -> Sequence[str] | None:
        """Return a known table's columns in order."""

    def engine_of(self, source_id: str) -> str | None:
        """Return a scanned source's engine."""


class _Local(msgspec.Struct):
    """A table that the text made: its columns, and of a temporary one what fills it."""

    columns: list[str] | None
    flow: Flow | None


class Places:
    """The names of one text, statement by statement: a temporary table is what it was filled with by then."""

    def __init__(self, names: Names, source_id: str, search_path: Sequence[str] = ()) -> None:
        self._names = names
        self._source_id = source_id
        self._search_path = tuple(search_path)
        self._temporary: dict[str, _Local] = {}
        self._made: dict[TableRef, list[str]] = {}

    def find(self, parts: Parts) -> Place:
        """Return what a name means."""
        local = self._temporary.get(_key(parts))
        if local is not None:
            return Place(TableRef(self._source_id, parts[-1].strip('"')), local.columns, local.flow)
        meant = self._names.resolve_sql(self._source_id, parts, search_path=self._search_path)
        columns = self._names.columns_of(meant.table) or self._made.get(meant.table)
        known_here = meant.table in self._made
        return Place(meant.table, columns, None, None if meant.known or known_here else meant.reason or "it is not known", meant.ignored)

    def columns_of(self, mentions: Iterable[Parts]) -> list[list[str] | None]:
        """Return the columns of each table mentioned."""
        return [None if (place := self.find(parts)).columns is None else list(place.columns) for parts in mentions]

    def follow(self, sql: str) -> None:
        """Take notice of a statement that changes where names are looked up."""
        if found := _SEARCH_PATH.match(sql) or _USE.match(sql):
            named = [part.strip().strip("\"'`[]") for part in found["path"].split(",")]
            self._search_path = tuple(part for part in named if part and part != "$user")

    def declare(self, parsed: Parsed) -> None:
        """Take notice of a table that is created without rows."""
        if parsed.target is None:
            return
        if parsed.is_temporary:
            self._temporary[_key(parsed.target)] = _Local(parsed.columns, Flow())
        elif parsed.columns:
            self._made.setdefault(self.find(parsed.target).table, parsed.columns)

    def drop(self, parsed: Parsed) -> None:
        """Take notice of a table that is dropped."""
        if parsed.target is not None:
            self._temporary.pop(_key(parsed.target), None)

    def fill(self, parsed: Parsed, flow: Flow) -> bool:
        """Take notice of what fills a table; return whether it is a temporary one, so that there is nothing to say of it."""
        assert parsed.target is not None  # noqa: S101 - only what writes fills
        key = _key(parsed.target)
        local = self._temporary.get(key)
        if local is not None and local.flow is not None:
            local.flow.add(flow)
            local.columns = local.columns or list(flow.columns)
            return True
        if parsed.is_temporary:
            self._temporary[key] = _Local(parsed.columns or list(flow.columns), flow)
            return True
        if flow.columns and not flow.opaque:
            self._made.setdefault(self.find(parsed.target).table, list(flow.columns))
        return False


def _key(parts: Parts) -> str:
    """Return what a temporary table is known by: its name alone, as its schema is the session's."""
    return parts[-1].strip('"').lstrip("#").lower()
