"""The contract of :class:`~factbook.sources.contract.Connector`, and a hostile connector to test what uses one.

Bind it: subclass :class:`ConnectorContract` and give it a fixture ``database`` that returns a :class:`KnownDatabase`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from factbook.errors import ConfigurationError, SourceRefused, SourceUnavailable
from factbook.sources.contract import (
    CatalogEnd,
    CatalogItem,
    Connector,
    Known,
    Probe,
    ScanScope,
    SchemaReading,
    TableName,
    TableSnapshot,
    TableUnchanged,
)
from factbook_sdk.facts import MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.testing.records import START

EVERYTHING = ScanScope()
SECRET = "s3cret-p@ss/word"  # noqa: S105 - must never appear anywhere


class KnownDatabase(msgspec.Struct, frozen=True):
    """A small database the suite may change. ``tables`` are all the objects of ``schema``; ``execute`` runs a statement in it.

    ``refused`` is a connector with a wrong password, user or name (:data:`SECRET` where it takes a password), ``unreachable`` one to
    where nobody listens, if the database is a server.
    """

    connect: Callable[[], Connector]
    schema: str
    tables: frozenset[str]
    execute: Callable[[str], object]
    refused: Connector
    unreachable: Connector | None = None
    quote: str = '"'


def read(connector: Connector, scope: ScanScope = EVERYTHING, known: Known | None = None) -> list[CatalogItem]:
    """Return everything a connector yields."""
    return list(connector.read_catalog(scope, known or Known()))


def fingerprints(items: list[CatalogItem]) -> dict[TableName, str]:
    """Return the fingerprints of what was read or unchanged."""
    return {item.name: item.fingerprint for item in items if isinstance(item, (TableSnapshot, TableUnchanged))}


def snapshots(items: list[CatalogItem]) -> dict[TableName, dict[str, Any]]:
    """Return the payloads of what was read."""
    return {item.name: item.snapshot.to_payload() for item in items if isinstance(item, TableSnapshot)}


class ConnectorContract:
    """Subclass me with a ``database`` fixture."""

    odd_names: ClassVar[tuple[str, ...]] = (
        "a b",
        "a.b",
        "a'b",
        'a"b',
        "ä漢",
        "<script>alert(1)</script>",
        "per%cent",
        "select",
        "semi;colon",
    )

    def test_every_object_is_shown_once_and_the_end_comes_last(self, database: KnownDatabase) -> None:
        items = read(database.connect())
        names = [item.name for item in items[:-1] if not isinstance(item, CatalogEnd)]
        assert {name.table for name in names if name.schema == database.schema} == database.tables
        assert len(names) == len(set(names)) == len(items) - 1
        end = items[-1]
        assert isinstance(end, CatalogEnd)
        assert end.schemas[database.schema].complete

    def test_every_snapshot_is_valid_and_says_the_same_twice(self, database: KnownDatabase) -> None:
        first, second = read(database.connect()), read(database.connect())
        assert snapshots(first) == snapshots(second)
        assert fingerprints(first) == fingerprints(second)
        kinds = builtin_kinds()
        for name, payload in snapshots(first).items():
            target = MetadataTarget("suite", name.schema, name.table)
            kinds.check_payload(MetadataRecord(target, "schema_snapshot", payload, START, "suite.v1"))
            assert [column["position"] for column in payload["columns"]] == list(range(1, len(payload["columns"]) + 1))

    def test_known_fingerprints_are_honoured(self, database: KnownDatabase) -> None:
        known = fingerprints(read(database.connect()))
        again = read(database.connect(), known=Known(known))
        assert all(isinstance(item, TableUnchanged) for item in again[:-1])
        assert fingerprints(again) == known
        one = next(iter(known))
        changed = read(database.connect(), known=Known(known | {one: "other1:00"}))
        assert [item.name for item in changed if isinstance(item, TableSnapshot)] == [one]

    def test_a_known_revision_hides_no_change(self, database: KnownDatabase) -> None:
        first = read(database.connect())
        end = first[-1]
        assert isinstance(end, CatalogEnd)
        known = Known(fingerprints(first), end.revision)
        assert all(isinstance(item, TableUnchanged) for item in read(database.connect(), known=known)[:-1])
        database.execute("CREATE TABLE appears (id integer)")
        try:
            again = read(database.connect(), known=known)
            assert [item.name.table for item in again if isinstance(item, TableSnapshot)] == ["appears"]
            assert end.revision is None or again[-1] != end
        finally:
            database.execute("DROP TABLE appears")

    def test_the_scope_is_respected(self, database: KnownDatabase) -> None:
        one = min(database.tables)
        only = read(database.connect(), ScanScope(include=[f"{database.schema}.{one}"]))
        assert [item.name.table for item in only if not isinstance(item, CatalogEnd)] == [one]
        rest = read(database.connect(), ScanScope(exclude=[f"{database.schema}.{one}"]))
        names = {item.name for item in rest if not isinstance(item, CatalogEnd)}
        assert TableName(database.schema, one) not in names
        assert {name.table for name in names if name.schema == database.schema} == database.tables - {one}
        none = read(database.connect(), ScanScope(exclude=[database.schema]))[-1]
        assert isinstance(none, CatalogEnd)
        assert database.schema not in none.schemas

    def test_odd_names_survive(self, database: KnownDatabase) -> None:
        mark = database.quote
        for name in self.odd_names:
            quoted = mark + name.replace(mark, mark * 2) + mark
            database.execute(f"CREATE TABLE {quoted} ({quoted} integer)")
            try:
                found = snapshots(read(database.connect()))[TableName(database.schema, name)]
                assert [column["name"] for column in found["columns"]] == [name]
            finally:
                database.execute(f"DROP TABLE {quoted}")

    def test_the_probe_says_what_answers(self, database: KnownDatabase) -> None:
        probe = database.connect().probe()
        assert database.schema in probe.schemas
        assert "://" in probe.namespace
        assert probe.version[:1].isdigit()

    def test_what_is_refused_says_so_without_the_secret(self, database: KnownDatabase) -> None:
        for call in (database.refused.probe, lambda: read(database.refused)):
            with pytest.raises(SourceRefused) as caught:
                call()
            assert SECRET not in _everything_said(caught.value)
            assert caught.value.fix

    def test_what_does_not_answer_says_so_without_the_secret(self, database: KnownDatabase) -> None:
        if database.unreachable is not None:
            with pytest.raises(SourceUnavailable) as caught:
                database.unreachable.probe()
            assert SECRET not in _everything_said(caught.value)


def _everything_said(error: BaseException) -> str:
    said = [str(error), repr(error)]
    return " ".join(said) + (_everything_said(error.__cause__) if error.__cause__ is not None else "")


class HostileConnector(Connector):
    """Misbehaves as told: ``mood`` is ``half`` (breaks off half-way), ``twice`` (shows a table twice), ``odd`` (names that hurt),
    ``slow`` (times out), ``silent`` (never says that it is done) or ``foreign`` (yields something else)."""

    schemes: ClassVar[tuple[str, ...]] = ("hostile",)

    def __init__(self, mood: str, tables: int = 10) -> None:
        super().__init__("hostile://")
        self.mood = mood
        self.tables = tables

    def probe(self) -> Probe:
        return Probe("hostile", "1", "hostile://here", ["main"])

    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        for number in range(self.tables):
            if number == self.tables // 2:
                yield from self._misbehave()
            yield self._table(f"t{number}")
        if self.mood != "silent":
            yield CatalogEnd("hostile", "1", {"main": SchemaReading(complete=True)})

    def _misbehave(self) -> Iterator[CatalogItem]:
        if self.mood == "half":
            raise ConfigurationError("The connection broke off")
        if self.mood == "slow":
            raise SourceUnavailable("hostile://here took too long")
        if self.mood == "twice":
            yield self._table("t0")
        if self.mood == "odd":
            for name in ("'; DROP TABLE records; --", "<script>", "\u202eevil", "x" * 5000, "nul\x00"):
                yield self._table(name)
        if self.mood == "foreign":
            yield "a table, honestly"  # type: ignore[misc]  # the misbehaviour itself

    @staticmethod
    def _table(name: str) -> TableSnapshot:
        return TableSnapshot(TableName("main", name), SchemaSnapshot("table", [Column("id", 1, "integer")]), "hostile1:00")
