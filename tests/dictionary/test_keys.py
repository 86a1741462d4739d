"""Foreign keys around a table: whole keys between whole names, and nothing of tables whose names begin alike. On plain values."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from factbook.dictionary.entries import column_entries
from factbook.dictionary.keys import MAX_FAN, MAX_TABLES, KeyNeighbourhood, Neighbours, TableKey, key_of, may_refer
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Reference, SchemaSnapshot


def key(columns: str, table: str, theirs: str = "", schema: str | None = "public") -> Constraint:
    """Return a foreign key; ``columns`` and ``theirs`` are names with spaces between them."""
    return Constraint("foreign_key", f"to_{table}", columns.split(), references=Reference(table, schema, theirs.split()))


class Shelf:
    """Tables with their foreign keys."""

    def __init__(self, tables: dict[str, Iterable[Constraint]], gone: Collection[str] = ()) -> None:
        self.snapshots = {_split(name): SchemaSnapshot("table", [], constraints=list(keys)) for name, keys in tables.items()}
        self.gone = {_split(name) for name in gone}
        self.read: set[TableKey] = set()

    def around(self, name: str, *expanded: str) -> KeyNeighbourhood:
        keys = [key_of("shop", *_split(one)) for one in expanded]
        return Neighbours("shop", self._pointers, self._read, keys).around(_split(name))

    def _pointers(self, tables: Collection[TableKey]) -> tuple[dict[TableKey, set[TableKey]], bool]:
        there = {name: snapshot for name, snapshot in self.snapshots.items() if name not in self.gone}
        return {table: {name for name, snapshot in there.items() if _refers(snapshot, name, table)} for table in tables}, False

    def _read(self, tables: Collection[TableKey]) -> dict[TableKey, tuple[SchemaSnapshot | None, bool]]:
        self.read |= set(tables)
        return {table: (self.snapshots[table], table in self.gone) for table in tables if table in self.snapshots}


def _refers(snapshot: SchemaSnapshot, name: TableKey, table: TableKey) -> bool:
    ours = [column for one in snapshot.constraints for column in one.columns]
    payload = msgspec.to_builtins(snapshot) | {"columns": [{"name": column} for column in ours]}
    return may_refer(payload, name, table)


def _split(name: str) -> TableKey:
    schema, dot, table = name.partition("/")
    return (schema, table) if dot else ("public", name)


def tables(found: KeyNeighbourhood) -> dict[str, str]:
    return {f"{one.schema}/{one.table}" if one.schema != "public" else one.table: one.state for one in found.tables}


def keys(found: KeyNeighbourhood) -> list[tuple[str, list[str], str, list[str]]]:
    names = {one.key: one.table for one in found.tables}
    return sorted((names[one.source], one.columns, names[one.target], one.to_columns) for one in found.keys)


def test_keys_of_many_columns_are_whole_from_both_sides() -> None:
    shelf = Shelf({"orders": [], "items": [key("tenant order_id", "orders", "tenant id"), key("tenant", "tenants", "id")], "tenants": []})
    assert keys(shelf.around("orders")) == [("items", ["tenant", "order_id"], "orders", ["tenant", "id"])]
    assert keys(shelf.around("tenants")) == [("items", ["tenant"], "tenants", ["id"])]
    assert len(shelf.around("items").keys) == 2


def test_a_table_that_refers_to_itself_is_there_once() -> None:
    found = Shelf({"staff": [key("boss", "staff", "id")]}).around("staff")
    assert tables(found) == {"staff": "there"}
    assert keys(found) == [("staff", ["boss"], "staff", ["id"])]
    assert found.tables[0].more == 0


def test_names_that_begin_alike_and_other_schemas_are_told_apart() -> None:
    shelf = Shelf(
        {
            "user": [],
            "user.name": [],
            "one": [key("a", "user", "id")],
            "two": [key("a", "user.name", "id")],
            "other/three": [key("a", "user", "id")],
            "other/four": [key("a", "user", "id", "other")],
            "other/user": [],
            "five": [key("a", "user", "", None)],
            "other/six": [key("a", "user", "", None)],
        }
    )
    assert set(tables(shelf.around("user"))) == {"user", "one", "other/three", "five"}
    assert set(tables(shelf.around("user.name"))) == {"user.name", "two"}
    assert set(tables(shelf.around("other/user"))) == {"other/user", "other/four", "other/six"}


def test_what_is_gone_or_was_never_scanned_is_said_to_be() -> None:
    shelf = Shelf({"a": [key("x", "b"), key("y", "c")], "b": [], "old": [key("x", "a")]}, gone=["b", "old"])
    assert tables(shelf.around("a")) == {"a": "there", "b": "gone", "c": "not scanned"}


def test_one_step_first_then_further_on_demand() -> None:
    shelf = Shelf({"a": [key("x", "b")], "b": [key("x", "c")], "c": [key("x", "d")], "d": []})
    first = shelf.around("a")
    assert set(tables(first)) == {"a", "b"}
    assert {one.table: one.more for one in first.tables} == {"a": 0, "b": 1}
    assert set(tables(shelf.around("a", "b"))) == {"a", "b", "c"}
    # What is expanded further away counts once it is reached.
    assert set(tables(shelf.around("a", "c"))) == {"a", "b"}
    assert set(tables(shelf.around("a", "b", "c"))) == {"a", "b", "c", "d"}


def test_between_others_only_what_is_expanded_is_shown() -> None:
    shelf = Shelf({"a": [key("x", "b"), key("y", "c")], "b": [key("x", "c")], "c": []})
    assert len(shelf.around("a").keys) == 2
    assert len(shelf.around("a", "b").keys) == 3


def test_a_circle_ends_and_a_fan_is_bounded() -> None:
    ring = Shelf({"a": [key("x", "b")], "b": [key("x", "c")], "c": [key("x", "a")]})
    assert len(ring.around("a", "b", "c").keys) == 3
    fan = Shelf({"hub": [], **{f"t{number:03}": [key("x", "hub")] for number in range(500)}})
    found = fan.around("hub")
    assert len(found.tables) == MAX_FAN + 1
    assert found.left_out == 500 - MAX_FAN
    assert found.tables[0].more == 500 - MAX_FAN
    assert "t444" in tables(fan.around("hub", "t444"))
    everything = [f"t{number:03}" for number in range(500)]
    assert len(fan.around("hub", *everything).tables) == MAX_TABLES


def test_a_column_of_two_keys_tells_of_the_one_that_no_other_column_tells_of() -> None:
    """The dictionary holds one reference for each column; by it the referring tables are found."""
    single, double = key("tenant", "tenants", "id"), key("tenant order_id", "orders", "tenant id")
    columns = [Column("tenant", 1, "int"), Column("order_id", 2, "int")]
    for constraints in ([single, double], [double, single]):
        payload = msgspec.to_builtins(SchemaSnapshot("table", columns, constraints=constraints))
        assert [entry.refers_to for entry in column_entries(payload)] == ["public.tenants.id", "public.orders.id"]
