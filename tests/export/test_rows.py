import csv
import io
import json

import pytest

from factbook.errors import InvalidRequest
from factbook.export.csv import CsvExporter
from factbook.export.json import JsonExporter, NdjsonExporter
from factbook.export.parquet import ParquetExporter
from factbook.export.testing import ODD_NAMES, PRIVATE, ExporterContract, fact, scan_fact, shop, snapshot
from factbook_sdk.testing.records import at


def diff_fact():
    changes = [
        {"change": "removed", "severity": "breaking", "schema": "sales", "table": "orders", "path": "columns.amount", "before": {"a": 1}},
        {"change": "added", "severity": "compatible", "schema": "sales", "table": "=new"},
    ]
    sides = {"before": {"moment": "2026-01-01T00:00:00Z", "run_id": "run-0"}, "after": {"moment": "2026-01-02T00:00:00Z"}}
    return fact(None, {**sides, "counts": {"breaking": 1, "compatible": 1}, "changes": changes}, 20, kind="catalog_diff")


class Rows(ExporterContract):
    """What every format of rows must do beside what every exporter must."""

    def rows_of(self, facts, folder, **options):
        """Return the rows as dictionaries of texts."""
        self.report = self.export(facts, self.where(folder), options=options)
        return self.read(self.where(folder))

    def test_a_row_per_column_with_its_keys(self, tmp_path):
        rows = {row["qualified_name"]: row for row in self.rows_of(shop(), tmp_path)}
        assert len(rows) == 8
        customer = rows["shop.sales.orders.customer_id"]
        assert customer["references"] == "sales.customers.id"
        assert rows["shop.sales.orders.amount"]["description"] == "In euro cents"

    def test_facts_are_written_in_the_order_of_the_log(self, tmp_path):
        rows = self.rows_of(shop(), tmp_path, what="facts")
        assert [int(row["offset"]) for row in rows] == list(range(1, len(shop()) + 1))
        assert json.loads(rows[0]["payload"])["engine"] == "postgresql"
        assert self.report.counts == {"facts": len(shop())}

    def test_facts_can_be_chosen_by_kind(self, tmp_path):
        rows = self.rows_of(shop(), tmp_path, what="facts", kinds="annotation, catalog_scan")
        assert sorted({row["kind"] for row in rows}) == ["annotation", "catalog_scan"]

    def test_facts_end_at_the_moment_that_is_asked_for(self, tmp_path):
        self.export(shop(), self.where(tmp_path), options={"what": "facts"}, as_of=at(1))
        assert "statistics_snapshot" not in {row["kind"] for row in self.read(self.where(tmp_path))}

    def test_values_of_sensitive_columns_do_not_leave_with_facts(self, tmp_path):
        column = {"name": "card", "null_count": 7, "maximum": PRIVATE, "quantiles": [{"share": 0.5, "value": PRIVATE}]}
        measured = {"origin": "exact", "row_count": 2, "columns": [column]}
        rows = self.rows_of([fact("customers", measured, kind="statistics_snapshot"), *shop()], tmp_path, what="facts")
        assert json.loads(rows[0]["payload"])["columns"] == [{"name": "card", "null_count": 7}]

    def test_kinds_without_facts_are_refused(self, tmp_path):
        with pytest.raises(InvalidRequest, match="kinds chooses among facts"):
            self.export(shop(), self.where(tmp_path), options={"kinds": "annotation"})

    def test_a_difference_has_a_row_per_change(self, tmp_path):
        removed, added = self.rows_of([diff_fact()], tmp_path, what="diffs")
        assert (removed["change"], removed["severity"], removed["path"]) == ("removed", "breaking", "columns.amount")
        assert (removed["before_run_id"], json.loads(removed["before"])) == ("run-0", {"a": 1})
        assert added["change"] == "added"
        assert self.report.counts == {"diffs": 1, "changes": 2}

    def test_a_table_without_columns_is_counted_as_lost(self, tmp_path):
        assert self.rows_of([scan_fact(), fact("bare", snapshot(()))], tmp_path) == []
        assert [loss.count for loss in self.report.warnings] == [1]

    def test_names_come_back_as_they_were(self, tmp_path):
        rows = self.rows_of([fact(name, snapshot(ODD_NAMES)) for name in ODD_NAMES], tmp_path)
        assert {row["table"] for row in rows} == {self.shown(name) for name in ODD_NAMES}

    def shown(self, name):
        return name


def plain(row):
    """Return a JSON row as texts, as the formats without types have it."""
    return {name: value if isinstance(value, str) or value is None else json.dumps(value) for name, value in row.items()}


class TestJson(Rows):
    exporter = JsonExporter

    def read(self, where):
        return [plain(row) for row in json.loads(self.content(where))["rows"]]

    def test_it_says_what_it_holds(self, tmp_path):
        self.export(shop(), self.where(tmp_path), as_of=at(5))
        head = json.loads(self.content(self.where(tmp_path)))
        assert (head["what"], head["tenant"], head["as_of"]) == ("dictionary", "default", "2026-01-01T12:00:05Z")
        assert head["sources"] == ["shop"]

    def test_the_attributes_are_json_and_no_text(self, tmp_path):
        self.export(shop(), self.where(tmp_path))
        (row, *_) = json.loads(self.content(self.where(tmp_path)))["rows"]
        assert row["attributes"]["data_type"] == "integer"


class TestNdjson(Rows):
    exporter = NdjsonExporter

    def read(self, where):
        return [plain(json.loads(line)) for line in self.content(where).decode().split("\n")[:-1]]


class TestCsv(Rows):
    exporter = CsvExporter

    def read(self, where):
        return list(csv.DictReader(io.StringIO(self.content(where).decode(), newline="")))

    def shown(self, name):
        return f"'{name}" if name.startswith(("=", "-")) else name

    def test_what_a_spreadsheet_would_run_is_defused_and_counted(self, tmp_path):
        rows = self.rows_of([fact("t", snapshot(("=cmd()", "@sum", "+1", "-1.5", "a=b")))], tmp_path)
        assert [row["column"] for row in rows] == ["'=cmd()", "'@sum", "+1", "-1.5", "a=b"]
        assert [loss.count for loss in self.report.warnings] == [2]

    def test_nothing_is_changed_if_that_is_asked(self, tmp_path):
        rows = self.rows_of([fact("t", snapshot(("=cmd()",)))], tmp_path, spreadsheet="no")
        assert [row["column"] for row in rows] == ["=cmd()"]
        assert self.report.warnings == []


class TestParquet(Rows):
    exporter = ParquetExporter

    def content(self, where):
        return repr(self.read(where)).encode()

    def read(self, where):
        import duckdb

        with duckdb.connect() as connection:
            cursor = connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM '{where}'")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def test_values_have_their_types(self, tmp_path):
        import duckdb

        self.export(shop(), self.where(tmp_path))
        with duckdb.connect() as connection:
            types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM '{self.where(tmp_path)}'").fetchall()}
        assert types["position"] == "INTEGER"
        assert types["primary_key"] == "BOOLEAN"
        assert types["tags"] == "VARCHAR[]"
        assert types["recorded_at"] == "TIMESTAMP WITH TIME ZONE"


def test_a_row_has_the_key_and_hash_of_the_dictionary(tmp_path):
    """The two are written apart, because features are strangers; that they agree is what makes a key a key."""
    from factbook.app import Factbook
    from factbook.export.rows import column_rows
    from factbook.settings import load_settings

    factbook = Factbook(load_settings({}, data_dir=str(tmp_path)))
    try:
        factbook.run_scan()
        from factbook.export.catalog import Catalog

        catalog = Catalog(factbook.repository, tenant="default")
        ours = [row for entry in catalog.tables("source_demo") for row in column_rows(entry)]
        theirs = factbook.dictionary.page(limit=1000).items
    finally:
        factbook.close()
    shared = [name for name in type(ours[0]).__struct_fields__ if name in type(theirs[0]).__struct_fields__ and name != "attributes"]
    assert len(shared) == 20
    assert [[getattr(row, name) for name in shared] for row in ours] == [[getattr(row, name) for name in shared] for row in theirs]
