"""The contract of :class:`~factbook.export.contract.Exporter`, and facts to export.

Bind it::

    class TestMarkdown(ExporterContract):
        exporter = MarkdownExporter

An exporter that writes a database also says where (:meth:`ExporterContract.where`) and how its content is read back
(:meth:`ExporterContract.content`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from factbook.errors import FactbookError, InvalidRequest, NotFound
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import Exporter, ExportReport, check_options
from factbook.export.destinations import MARK, open_destination
from factbook.export.walking import no_progress
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import at

SECRET = "s3cret-p@ss"  # noqa: S105 - must never appear anywhere
PRIVATE = "PRIVATE-4111-1111"
"""A value of a sensitive column, which must never leave."""
PRIVATE_MOMENT = "1871-02-03T04:05:06Z"
"""Another."""

ODD_NAMES = (
    "Ünïcödé 表 🚀",
    'double " quote',
    "single ' quote",
    "back ` tick and | pipe",
    "back \\ slash and / slash",
    "<script>alert(1)</script>",
    "../../escape",
    "new\nline and\ttab",
    "dot.ted.na>me",
    "=cmd()",
    "comma, semi; colon: (brackets) [square] {curly} %20 #1 ${HOME} $$",
    "-- comment */",
    "CON",
    "e\u0301 combining",
    "\u202eright to left",
)
"""Names that somebody's database has for a table or a column."""


def snapshot(columns: Sequence[str] = ("id", "name"), **more: Any) -> dict[str, Any]:
    """Return the payload of a table whose first column is the primary key; all columns are integers."""
    described = [Column(name, position, "integer", nullable=position > 1) for position, name in enumerate(columns, 1)]
    key = [Constraint("primary_key", f"{columns[0]}_pk", [columns[0]])] if columns else []
    more.setdefault("constraints", key)
    return SchemaSnapshot(more.pop("object_type", "table"), described, **more).to_payload()


def fact(
    table: str | None,
    payload: dict[str, Any] | None,
    seconds: float = 0,
    *,
    kind: str = "schema_snapshot",
    source_id: str = "shop",
    schema: str | None = "sales",
    producer_id: str = "scan.v1",
    run_id: str | None = "run-1",
) -> MetadataRecord:
    """Return a record about a table of the suite's source."""
    target = MetadataTarget(source_id, schema if table is not None else None, table)
    return MetadataRecord(target, kind, payload, at(seconds), producer_id, MetadataContext(run_id=run_id, namespace="suite://shop"))


def scan_fact(seconds: float = 0, *, source_id: str = "shop", engine: str = "postgresql") -> MetadataRecord:
    """Return the record of a scan that read everything."""
    counts = dict.fromkeys(("tables", "added", "changed", "unchanged", "removed", "failed"), 0)
    payload = {
        "engine": engine,
        "engine_version": "16.1",
        "scope": {},
        "schemas": {"sales": {"complete": True}},
        "schemas_complete": True,
        "counts": counts,
        "duration_seconds": 0.1,
    }
    return fact(None, payload, seconds, kind="catalog_scan", source_id=source_id)


def shop() -> list[MetadataRecord]:
    """Return the facts of a small shop: two tables with keys, a view, row counts, statistics, notes of two authors."""
    orders = snapshot(
        ("id", "customer_id", "amount"),
        constraints=[
            Constraint("primary_key", "orders_pk", ["id"]),
            Constraint("foreign_key", "orders_customer", ["customer_id"], references=Reference("customers", "sales", ["id"])),
            Constraint("check", "orders_amount", ["amount"], expression="amount >= 0"),
        ],
        indexes=[Index("orders_by_customer", [IndexPart("customer_id")])],
        comment="What was ordered",
    )
    view = snapshot(("id", "amount"), object_type="view", constraints=[], definition="SELECT id, amount FROM sales.orders")
    statistics = {
        "origin": "exact",
        "row_count": 412,
        "size_bytes": 65536,
        "columns": [
            {"name": "id", "null_count": 0, "distinct_count": 412, "minimum": 1, "maximum": 412, "mean": 206.5},
            {"name": "amount", "null_count": 3, "distinct_count": 77, "minimum": 1, "frequent": [{"value": 5, "count": 40}]},
        ],
    }
    notes = [
        {"property": "description", "value": "Every order since 2019"},
        {"property": "owner", "value": "sales-team"},
        {"property": "tag", "value": "gold"},
        {"property": "description", "value": "In euro cents", "column": "amount"},
        {"property": "tag", "value": "money", "column": "amount"},
    ]
    return [
        scan_fact(),
        fact("customers", snapshot(("id", "name", "card"), comment="Who buys")),
        fact("orders", orders),
        fact("big_orders", view),
        fact("orders", {"fingerprint": "suite:01", "row_estimate": 400, "size_bytes": 65536}, kind="table_observation"),
        fact("orders", statistics, 5, kind="statistics_snapshot", producer_id="profile.v1", run_id="profile-1"),
        fact("orders", {"author_type": "person", "notes": notes}, kind="annotation", producer_id="anna", run_id=None),
        fact(
            "customers",
            {"author_type": "rule", "notes": [{"property": "classification", "value": "PII", "column": "card"}]},
            kind="annotation",
            producer_id="rules",
            run_id=None,
        ),
    ]


def repository_of(facts: Iterable[MetadataRecord]) -> MemoryRepository:
    """Return a repository that holds these facts; each must be one it takes."""
    repository = MemoryRepository()
    repository.bulk_store(facts, atomic=True)
    return repository


class BreaksOff(Catalog):
    """A catalogue that cannot be read to its end."""

    def tables(self, source_id: str) -> Iterator[TableEntry]:
        yield from super().tables(source_id)
        raise ConnectionError("the store went away")


class ExporterContract:
    """What every exporter must do. ``options`` are given in every test beside the exporter's defaults."""

    exporter: ClassVar[type[Exporter]]
    options: ClassVar[dict[str, str]] = {}

    def where(self, folder: Path) -> str:
        """Return the text of ``-o`` for an export that has the folder to itself."""
        return str(folder / f"export{self.exporter.suffix}")

    def content(self, where: str) -> bytes:
        """Return everything that stands there, names of files included."""
        place = Path(where)
        if place.is_file():
            return place.read_bytes()
        files = sorted(path for path in place.rglob("*") if path.is_file() and path.name != MARK)
        return b"".join(path.relative_to(place).as_posix().encode() + b"\n" + path.read_bytes() for path in files)

    def export(
        self,
        facts: Iterable[MetadataRecord],
        where: str,
        *,
        as_of: datetime | None = None,
        options: dict[str, str] | None = None,
        catalog: type[Catalog] = Catalog,
    ) -> ExportReport:
        """Export facts and return the report."""
        exporter = self.exporter()
        chosen = check_options(exporter, self.options | (options or {}))
        shown = catalog(repository_of(facts), tenant="default", as_of=as_of)
        return exporter.export(shown, open_destination(where, exporter), chosen, no_progress)

    def test_the_same_facts_give_the_same_bytes(self, tmp_path: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        second.mkdir()
        self.export(shop(), self.where(first))
        before = self.content(self.where(first))
        self.export(reversed(shop()), self.where(second))
        assert self.content(self.where(second)) == before

    def test_an_export_in_the_place_of_one_of_ours_is_the_same(self, tmp_path: Path) -> None:
        where = self.where(tmp_path)
        self.export(shop(), where)
        before = self.content(where)
        self.export(shop(), where)
        assert self.content(where) == before

    def test_an_empty_catalogue_can_be_exported(self, tmp_path: Path) -> None:
        report = self.export([], self.where(tmp_path))
        assert not any(report.counts.values())

    def test_tables_are_counted(self, tmp_path: Path) -> None:
        assert self.export(shop(), self.where(tmp_path)).counts["tables"] == 3

    def test_names_of_any_characters_are_exported(self, tmp_path: Path) -> None:
        facts = [scan_fact(), *(fact(name, snapshot(ODD_NAMES, comment=name), schema=name) for name in ODD_NAMES)]
        inside = tmp_path / "inside"
        inside.mkdir()
        report = self.export(facts, self.where(inside))
        assert report.counts["tables"] == len(ODD_NAMES)
        assert [path.name for path in tmp_path.iterdir()] == ["inside"]

    def test_what_was_removed_is_absent(self, tmp_path: Path) -> None:
        gone = [fact("vanished_table", snapshot()), fact("vanished_table", None, 10)]
        self.export([*shop(), *gone], self.where(tmp_path))
        assert b"vanished_table" not in self.content(self.where(tmp_path))

    def test_a_moment_in_the_past_is_shown_as_it_was(self, tmp_path: Path) -> None:
        facts = [fact("orders", snapshot(("id", "early_column"))), fact("orders", snapshot(("id", "later_column")), 10)]
        where = self.where(tmp_path)
        self.export([scan_fact(), *facts], where, as_of=at(5))
        then = self.content(where)
        assert b"early_column" in then
        assert b"later_column" not in then

    def test_an_export_that_breaks_off_leaves_what_was_there(self, tmp_path: Path) -> None:
        where = self.where(tmp_path)
        self.export(shop(), where)
        before, names = self.content(where), sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(ConnectionError):
            self.export([*shop(), fact("another", snapshot())], where, catalog=BreaksOff)
        assert self.content(where) == before
        assert sorted(path.name for path in tmp_path.iterdir()) == names

    def test_values_of_sensitive_columns_do_not_leave(self, tmp_path: Path) -> None:
        column = {"name": "card", "null_count": 0, "minimum": PRIVATE, "frequent": [{"value": PRIVATE, "count": 2}]}
        freshness = {"method": "column", "column": "card", "latest": PRIVATE_MOMENT}
        metrics = [{"name": "largest", "statement_digest": "d", "value": PRIVATE}]
        measured = {"origin": "exact", "row_count": 2, "columns": [column], "freshness": freshness, "metrics": metrics}
        self.export([*shop(), fact("customers", measured, kind="statistics_snapshot")], self.where(tmp_path))
        content = self.content(self.where(tmp_path))
        assert PRIVATE.encode() not in content
        assert PRIVATE_MOMENT[:4].encode() not in content

    def test_an_option_that_is_not_declared_is_refused_by_its_name(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            check_options(self.exporter, {"no_such_option": SECRET})
        assert "no_such_option" in str(refused.value)
        assert SECRET not in str(refused.value)

    def test_no_option_appears_in_the_report_or_in_a_refusal(self, tmp_path: Path) -> None:
        for option in self.exporter.options:
            try:
                shown = msgspec.json.encode(self.export(shop(), self.where(tmp_path), options={option.name: SECRET})).decode()
            except FactbookError as refusal:
                shown = str(refusal)
            assert SECRET not in shown

    def test_a_source_that_nobody_knows_is_not_found(self, tmp_path: Path) -> None:
        exporter = self.exporter()
        catalog = Catalog(repository_of(shop()), tenant="default", source_ids=["no_such_source"])
        with pytest.raises(NotFound):
            exporter.export(catalog, open_destination(self.where(tmp_path), exporter), check_options(exporter, self.options), no_progress)
        assert list(tmp_path.iterdir()) == []

    def test_it_says_what_it_is(self) -> None:
        assert self.exporter.name
        assert self.exporter.description
        assert self.exporter.writes in ("file", "folder", "database")
