"""The contract of :class:`~factbook.sources.contract.Connector`, and a hostile connector to test what uses one.

Bind it: subclass :class:`ConnectorContract` and give it a fixture ``database`` that returns a :class:`KnownDatabase`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

import msgspec
import pytest

from factbook.errors import ConfigurationError, SourceRefused, SourceUnavailable, StatementFailed, StatementTimeout
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

    def test_a_session_answers_with_rows_and_in_chunks(self, database: KnownDatabase) -> None:
        with database.connect().open_session() as session:
            assert session.rows("SELECT 1, 'x'") == [(1, "x")]
            assert session.rows(f"SELECT {session.placeholder}", ["per%cent"]) == [("per%cent",)]
            three = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"
            assert [len(chunk) for chunk in session.chunks(three, size=2)] == [2, 1]

    def test_a_session_reads_tables_of_odd_names(self, database: KnownDatabase) -> None:
        with database.connect().open_session() as session:
            quoted = [session.quote(name) for name in self.odd_names]
        for name in quoted:
            database.execute(f"CREATE TABLE {name} ({name} integer)")
        with database.connect().open_session() as session:
            for name in self.odd_names:
                assert session.rows(f"SELECT count({session.quote(name)}) FROM {session.table(TableName(database.schema, name))}") == [(0,)]

    def test_a_session_goes_on_after_a_statement_that_was_refused(self, database: KnownDatabase) -> None:
        with database.connect().open_session() as session:
            with pytest.raises(StatementFailed, match="no_such_table"):
                session.rows("SELECT * FROM no_such_table")
            assert session.rows("SELECT 1") == [(1,)]

    def test_a_session_writes_nothing(self, database: KnownDatabase) -> None:
        with database.connect().open_session() as session:
            table = session.table(TableName(database.schema, "people"))
            with pytest.raises(StatementFailed):
                session.rows(f"INSERT INTO {table} (id, name) VALUES (1, 'x')")
            assert session.rows(f"SELECT count(*) FROM {table}") == [(0,)]

    def test_a_session_runs_one_statement_and_no_more(self, database: KnownDatabase) -> None:
        with database.connect().open_session() as session:
            ask: tuple[Callable[[str], object], ...] = (session.rows, lambda text: list(session.chunks(text)))
            for run in ask:
                with pytest.raises(StatementFailed):
                    run("SELECT 1; SELECT 2")
                assert session.rows("SELECT 1") == [(1,)]

    @pytest.mark.parametrize(
        "text",
        [
            "SELECT 1; COMMIT; {begin}; {delete}; COMMIT",
            "COMMIT; {begin}; {delete}; COMMIT; SELECT 1",
            "SELECT * FROM (SELECT 1) AS q; COMMIT; {begin}; {delete}; COMMIT; SELECT count(*) FROM (SELECT 1) AS metric LIMIT 2",
        ],
    )
    def test_no_commit_in_a_statement_lets_another_write(self, database: KnownDatabase, text: str) -> None:
        self._keeps_its_row(database, [text])

    @pytest.mark.parametrize("first", ["COMMIT", "{begin}", "SET TRANSACTION READ WRITE", "{set}"])
    def test_no_statement_lets_the_next_one_write(self, database: KnownDatabase, first: str) -> None:
        self._keeps_its_row(database, [first, "{delete}", "COMMIT"])

    def _keeps_its_row(self, database: KnownDatabase, statements: list[str]) -> None:
        database.execute("INSERT INTO people (id, name) VALUES (1, 'x')")
        with database.connect().open_session() as session:
            words = {
                "begin": {"postgresql": "BEGIN READ WRITE", "mysql": "START TRANSACTION READ WRITE"}.get(session.engine, "BEGIN"),
                "set": "SET SESSION TRANSACTION READ WRITE"
                if session.engine == "mysql"
                else "SELECT set_config('default_transaction_read_only', 'off', false)",
                "delete": f"DELETE FROM {session.table(TableName(database.schema, 'people'))}",
            }
            for statement in statements:
                for ask in (session.rows, session.chunks):
                    with suppress(StatementFailed):
                        list(ask(statement.format(**words)))
            assert session.rows("SELECT count(*) FROM people") == [(1,)]
        with database.connect().open_session() as session:
            assert session.rows("SELECT count(*) FROM people") == [(1,)]

    def test_a_statement_over_its_time_is_cut_off_and_the_session_goes_on(self, database: KnownDatabase) -> None:
        digits = "(SELECT 0 AS d" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"
        endless = "SELECT count(*) FROM " + ", ".join(f"{digits} AS t{number}" for number in range(11))
        with database.connect().open_session() as session:
            with pytest.raises(StatementTimeout):
                session.rows(endless, limit_seconds=0.2)
            assert session.rows("SELECT 1") == [(1,)]

    def test_a_session_that_cannot_be_opened_says_why_without_the_secret(self, database: KnownDatabase) -> None:
        with pytest.raises(SourceRefused) as caught, database.refused.open_session():
            pass
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
