"""Names that look like another one: by the three-letter pieces they share, then by how much of them is equal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher

from factbook_sdk.facts.parts import TableRef

_COMPARED = 25
_ALIKE = 0.7


class Similar:
    """An index over the tables of all sources."""

    def __init__(self, tables: Iterable[TableRef]) -> None:
        self._tables = list(tables)
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, table in enumerate(self._tables):
            for piece in _pieces(table.table):
                self._places[piece].append(place)

    def to(self, name: str, *, most: int = 3) -> list[str]:
        """Return tables whose name is like the last part of ``name``, as ``source.schema.table``, the likeliest first."""
        last = name.rstrip("/").replace("/", ".").rpartition(".")[2].strip('"`[]')
        shared = Counter(place for piece in _pieces(last) for place in self._places.get(piece, ()))
        found = [(_likeness(name, last, self._tables[place]), _said(self._tables[place])) for place, _ in shared.most_common(_COMPARED)]
        return [said for likeness, said in sorted(found, key=lambda one: (-one[0], one[1])) if likeness >= _ALIKE][:most]


def _pieces(name: str) -> set[str]:
    padded = f"  {name.casefold()} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}


def _likeness(name: str, last: str, table: TableRef) -> float:
    """Return how much of the tables' names is equal, and a little more where the schema is named, too."""
    equal = SequenceMatcher(None, last.casefold(), table.table.casefold(), autojunk=False).ratio()
    return equal + (0.1 if f"{table.schema}.".casefold() in name.casefold() else 0.0)


def _said(table: TableRef) -> str:
    return ".".join(part for part in (table.source_id, table.schema, table.table) if part is not None)
