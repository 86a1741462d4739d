"""How the tables of one source refer to each other, both ways, and the Mermaid text of a table's neighbourhood. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from factbook.export.catalog import TableEntry
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

Place = tuple[str, str]
"""Schema and table."""

MAX_NEIGHBOURS = 12
"""Tables drawn on each side of a table; the lists beside a diagram name all."""

MAX_KEYS = 12
"""Columns drawn of a table."""


class Link(msgspec.Struct, frozen=True):
    """A foreign key: ``columns`` of ``place`` refer to ``other_columns`` of ``other``, empty where the engine leaves them open."""

    name: str | None
    place: Place
    columns: list[str]
    other: Place
    other_columns: list[str]
    on_update: str | None = None
    on_delete: str | None = None
    is_optional: bool = False
    """Whether a row may refer to nothing."""
    is_single: bool = False
    """Whether at most one row refers to another."""


class Key(msgspec.Struct, frozen=True):
    """A column that takes part in a primary or foreign key."""

    name: str
    data_type: str
    is_primary: bool
    is_foreign: bool


class Relations:
    """The foreign keys and key columns of all tables of a source: names alone, so that ten thousand tables fit."""

    def __init__(self, entries: Iterable[TableEntry]) -> None:
        self._outgoing: dict[Place, list[Link]] = {}
        self._incoming: dict[Place, list[Link]] = {}
        self._keys: dict[Place, list[Key]] = {}
        self._columns: dict[Place, frozenset[str]] = {}
        for entry in entries:
            place = (entry.schema, entry.table)
            self._keys[place] = keys_of(entry.snapshot)
            self._columns[place] = frozenset(column.name for column in entry.snapshot.columns)
            self._outgoing[place] = links_of(place, entry.snapshot)
        for links in list(self._outgoing.values()):
            for link in links:
                self._incoming.setdefault(link.other, []).append(link)

    def __contains__(self, place: Place) -> bool:
        return place in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def places(self) -> list[Place]:
        """The tables, in the order in which they came."""
        return list(self._keys)

    @property
    def schema_count(self) -> int:
        return len({schema for schema, _ in self._keys})

    def outgoing(self, place: Place) -> list[Link]:
        """Return the table's own foreign keys."""
        return self._outgoing.get(place, [])

    def incoming(self, place: Place) -> list[Link]:
        """Return the foreign keys that refer to the table, by schema, table and name."""
        return sorted(self._incoming.get(place, []), key=lambda link: (link.place, link.name or "", link.columns))

    def keys(self, place: Place) -> list[Key]:
        """Return the columns to draw of a table; none of a table that is not known."""
        return self._keys.get(place, [])[:MAX_KEYS]

    def primary(self, place: Place) -> list[str]:
        """Return the columns of a table's primary key."""
        return [key.name for key in self._keys.get(place, []) if key.is_primary]

    def columns(self, place: Place) -> frozenset[str]:
        """Return the names of a table's columns."""
        return self._columns.get(place, frozenset())


def keys_of(snapshot: SchemaSnapshot) -> list[Key]:
    """Return the columns in primary and foreign keys, in their order."""
    primary = {name for item in snapshot.constraints if item.type == "primary_key" for name in item.columns}
    foreign = {name for item in snapshot.constraints if item.type == "foreign_key" for name in item.columns}
    return [
        Key(column.name, column.data_type, column.name in primary, column.name in foreign)
        for column in snapshot.columns
        if column.name in primary or column.name in foreign
    ]


def links_of(place: Place, snapshot: SchemaSnapshot) -> list[Link]:
    """Return the foreign keys of a snapshot, by name and columns."""
    nullable = {column.name for column in snapshot.columns if column.nullable}
    unique = {frozenset(item.columns) for item in snapshot.constraints if item.type in ("primary_key", "unique")}
    found = [
        Link(
            name=item.name,
            place=place,
            columns=item.columns,
            other=(item.references.schema or place[0], item.references.table),
            other_columns=item.references.columns,
            on_update=item.references.on_update,
            on_delete=item.references.on_delete,
            is_optional=any(name in nullable for name in item.columns),
            is_single=frozenset(item.columns) in unique,
        )
        for item in snapshot.constraints
        if item.type == "foreign_key" and item.references is not None
    ]
    return sorted(found, key=lambda link: (link.name or "", link.columns))


def neighbours(links: Iterable[Link], place: Place, *, outgoing: bool) -> list[Place]:
    """Return the other ends of links, each once and never the table itself."""
    others = (link.other if outgoing else link.place for link in links)
    return [other for other in dict.fromkeys(others) if other != place]


def mermaid(place: Place, relations: Relations) -> str:
    """Return an ``erDiagram`` of a table and those one foreign key away, at most ``MAX_NEIGHBOURS`` each way.

    Mermaid has no way to escape within names, so that what its grammar cannot carry is replaced by what looks alike.
    """
    outgoing, incoming = relations.outgoing(place), relations.incoming(place)
    left = neighbours(outgoing, place, outgoing=True)[:MAX_NEIGHBOURS]
    right = neighbours(incoming, place, outgoing=False)[:MAX_NEIGHBOURS]
    shown = list(dict.fromkeys([place, *left, *right]))
    names = {other: f"t{number}" for number, other in enumerate(shown)}
    lines = ["erDiagram"]
    for other in shown:
        label = other[1] if other[0] == place[0] else f"{other[0]}.{other[1]}"
        lines += _entity(names[other], label, relations.keys(other))
    drawn = [link for link in outgoing if link.other in names]
    drawn += [link for link in incoming if link.place in names and link.place != place]
    lines += [_relation(names[link.other], names[link.place], link) for link in drawn]
    return "\n".join(lines) + "\n"


def _entity(name: str, label: str, keys: list[Key]) -> list[str]:
    head = f'  {name}["{_label(label)}"]'
    if not keys:
        return [head]
    rows = [f"    {_word(key.data_type)} {_word(key.name)} {_roles(key)}" for key in keys]
    return [f"{head} {{", *rows, "  }"]


def _roles(key: Key) -> str:
    return ", ".join(role for role, holds in (("PK", key.is_primary), ("FK", key.is_foreign)) if holds)


def _relation(parent: str, child: str, link: Link) -> str:
    ends = ("|o" if link.is_optional else "||") + "--" + ("o|" if link.is_single else "o{")
    return f'  {parent} {ends} {child} : "{_label(", ".join(link.columns))}"'


_LOOKALIKES = str.maketrans({'"': "'", "\\": "/", "%": "٪", "<": "‹", ">": "›", "#": "♯", "`": "'"})


def _label(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text.translate(_LOOKALIKES))
    return shown.strip() or "_"


def _word(text: str) -> str:
    word = "".join(char if char.isascii() and char.isalnum() else "_" for char in text).strip("_")
    return word if word[:1].isalpha() else f"_{word}"
