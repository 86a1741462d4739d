from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from factbook.errors import InvalidRequest, SourceRefused, SourceUnavailable
from factbook.export.postgresql import PostgresExporter
from factbook.export.postgresql_tables import MARK, TABLES, VIEWS
from factbook.export.testing import BreaksOff, ExporterContract, fact, scan_fact, shop, snapshot
from factbook_sdk.testing.records import at


def rows(url, statement):
    with psycopg.connect(url, options="-c search_path=factbook_export") as connection:
        return connection.execute(statement).fetchall()


class TestPostgres(ExporterContract):
    exporter = PostgresExporter

    @pytest.fixture(autouse=True)
    def _database(self, postgres_url):
        self.url = postgres_url
        yield
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'factbook%'").fetchall()
            for (name,) in schemas:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))

    def where(self, folder):
        return self.url

    def content(self, where):
        shown = {name: rows(where, f"SELECT * FROM factbook_export.{name}") for name in (*TABLES, *VIEWS)}
        return repr({name: sorted(map(repr, found)) for name, found in shown.items()}).encode()

    def rows(self, statement):
        return rows(self.url, statement)

    def test_tables_and_columns_are_normalised(self):
        self.export(shop(), self.url)
        assert self.rows("SELECT name, qualified_name FROM normalized_schemas") == [("sales", "shop.sales")]
        [(sync, tenant, source, attributes, custom)] = self.rows(
            "SELECT sync_id, tenant_id, connection_name, attributes, custom_attributes FROM normalized_tables WHERE name = 'orders'"
        )
        assert (sync, tenant, source) == ("run-1", "default", "shop")
        assert attributes["qualifiedName"] == "shop.sales.orders"
        assert (custom["type"], custom["description"], custom["row_estimate"]) == ("table", "Every order since 2019", 400)
        assert custom["relationships"][0]["references"]["table"] == "customers"
        [(own, more)] = self.rows(
            "SELECT attributes, custom_attributes FROM normalized_columns WHERE table_name = 'orders' AND name = 'customer_id'"
        )
        assert (own["dataType"], own["isForeignKey"], own["references"]) == ("integer", True, "sales.customers.id")
        assert (more["position"], more["is_indexed"]) == (2, True)

    def test_statistics_become_quality_metrics(self):
        self.export(shop(), self.url)
        assert self.rows("SELECT run_id, tables, columns FROM quality_metrics_runs") == [("profile-1", 1, 2)]
        assert self.rows("SELECT row_count, origin FROM table_quality_metrics") == [(412, "exact")]
        assert self.rows(
            "SELECT column_name, null_count, round(null_percentage::numeric, 2), distinct_count, min_value FROM column_quality_metrics"
            " WHERE column_name = 'amount'"
        ) == [("amount", 3, Decimal("0.73"), 77, "1")]
        assert self.rows("SELECT column_name, rank, value, count FROM column_top_values") == [("amount", 1, 5, 40)]

    def test_outcomes_of_rules_and_scores_become_rows_and_the_last_ones_are_shown(self):
        result = {"rule": "filled", "check": "not_null", "dimension": "completeness", "columns": ["id"], "unit": "rows"}
        score = {"formula": "weakest_link", "formula_version": 1, "coverage": {"rules": 1, "rules_judged": 1}}
        facts = [
            fact("orders", result | {"outcome": outcome, "rows_failed": failed}, seconds, kind="quality_result", run_id=f"q-{seconds}")
            for outcome, failed, seconds in (("failed", 3, 20), ("passed", 0, 30))
        ]
        facts += [fact(table, score | {"score": 90.0}, 30, kind="quality_score", run_id="q-30") for table in ("orders", None)]
        for _ in range(2):
            self.export([*shop(), *facts], self.url)
        assert self.rows("SELECT run_id, outcome, rows_failed, column_names FROM quality_results ORDER BY judged_at") == [
            ("q-20", "failed", 3, ["id"]),
            ("q-30", "passed", 0, ["id"]),
        ]
        assert self.rows("SELECT rule, outcome FROM latest_quality_results") == [("filled", "passed")]
        assert self.rows("SELECT table_name, score, rules_judged FROM latest_quality_scores ORDER BY 1") == [
            ("orders", 90.0, 1),
            (None, 90.0, 1),
        ]

    def test_differences_become_rows_where_they_belong(self):
        def change(what, **where):
            return {"change": what, "severity": "risky", "schema": "sales"} | where

        changes = [
            change("removed"),
            change("added", table="orders"),
            change("changed", table="orders", path="indexes.by_day.parts"),
            change("changed", table="orders", path='columns."unit.""price".data_type', before="int", after="bigint"),
        ]
        sides = {"before": {"moment": "2026-01-01T00:00:00Z", "run_id": "a"}, "after": {"moment": "2026-01-02T00:00:00Z", "run_id": "b"}}
        self.export([scan_fact(), fact(None, {**sides, "counts": {"risky": 4}, "changes": changes}, kind="catalog_diff")], self.url)
        assert self.rows("SELECT from_sync_id, to_sync_id FROM diff_sync_runs") == [("a", "b")]
        assert self.rows("SELECT schema_name, change_type FROM incremental_diff_schema") == [("sales", "removed")]
        assert self.rows("SELECT change_type, path FROM incremental_diff_table ORDER BY path") == [
            ("added", ""),
            ("modified", "indexes.by_day.parts"),
        ]
        assert self.rows("SELECT column_name, before, after FROM incremental_diff_column") == [('unit."price', "int", "bigint")]
        assert self.rows("SELECT entity_type, change_type, count FROM diff_summary ORDER BY 1, 2") == [
            ("column", "modified", 1),
            ("schema", "removed", 1),
            ("table", "added", 1),
            ("table", "modified", 1),
        ]

    def later(self):
        """Return the facts of a second scan, after which one table is gone and one has another column."""
        scan = scan_fact(50)
        again = type(scan)(scan.target, scan.kind, scan.payload, scan.produced_at, scan.producer_id, type(scan.context)(run_id="run-2"))
        return [*shop(), again, fact("big_orders", None, 50), fact("customers", snapshot(("id", "renamed")), 50, run_id="run-2")]

    def test_the_views_show_the_latest_scan_and_the_tables_keep_the_earlier(self):
        self.export(self.later(), self.url, as_of=at(10))
        self.export(self.later(), self.url)
        assert self.rows("SELECT name FROM latest_table_metadata ORDER BY name") == [("customers",), ("orders",)]
        assert self.rows("SELECT name FROM latest_column_metadata WHERE table_name = 'customers' ORDER BY 1") == [("id",), ("renamed",)]
        assert self.rows("SELECT sync_id, tables FROM sync_runs ORDER BY 1") == [("run-1", 3), ("run-2", 2)]

    def test_an_older_moment_written_later_does_not_become_the_latest(self):
        self.export(self.later(), self.url)
        self.export(self.later(), self.url, as_of=at(10))
        assert self.rows("SELECT DISTINCT sync_id FROM latest_table_metadata") == [("run-2",)]

    def test_only_the_latest_scan_is_kept_if_that_is_asked(self):
        self.export(self.later(), self.url, as_of=at(10))
        self.export(self.later(), self.url, options={"history": "latest"})
        assert self.rows("SELECT DISTINCT sync_id FROM normalized_columns") == [("run-2",)]

    def test_a_scan_that_found_nothing_is_the_latest_too(self):
        gone = [fact(table, None, 60, run_id="run-3") for table in ("orders", "customers", "big_orders")]
        scan = scan_fact(60)
        empty = type(scan)(scan.target, scan.kind, scan.payload, scan.produced_at, scan.producer_id, type(scan.context)(run_id="run-3"))
        self.export(shop(), self.url)
        self.export([*shop(), *gone, empty], self.url)
        assert self.rows("SELECT * FROM latest_table_metadata") == []

    def test_sources_stand_beside_each_other(self):
        self.export(shop(), self.url)
        self.export([scan_fact(source_id="works"), fact("parts", snapshot(), source_id="works")], self.url)
        assert self.rows("SELECT connection_name, count(*) FROM latest_table_metadata GROUP BY 1 ORDER BY 1") == [("shop", 3), ("works", 1)]

    def test_two_exports_at_once_make_no_doubles(self):
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(self.export, shop(), self.url) for _ in range(4)]:
                done.result()
        assert self.rows("SELECT count(*) FROM normalized_columns") == [(8,)]
        assert self.rows("SELECT count(*) FROM column_quality_metrics") == [(2,)]

    def test_nothing_of_an_export_that_breaks_off_is_there(self):
        with pytest.raises(ConnectionError):
            self.export(shop(), self.url, catalog=BreaksOff)
        assert rows(self.url, "SELECT nspname FROM pg_namespace WHERE nspname = 'factbook_export'") == []

    def test_a_schema_of_somebody_else_is_left_alone(self):
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA factbook_theirs CREATE TABLE normalized_tables (mine integer)")
        with pytest.raises(InvalidRequest, match="somebody else's"):
            self.export(shop(), self.url, options={"schema": "factbook_theirs"})

    def test_an_empty_schema_that_is_there_is_taken(self):
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA factbook_export")
        self.export(shop(), self.url)
        assert self.rows("SELECT count(*) FROM normalized_tables") == [(3,)]

    def test_an_export_of_another_layout_is_not_mixed_with_this_one(self):
        self.export(shop(), self.url)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"COMMENT ON SCHEMA factbook_export IS '{MARK} 0'")
        with pytest.raises(InvalidRequest, match="another version"):
            self.export(shop(), self.url)

    def test_a_schema_may_have_any_name(self):
        self.export(shop(), self.url, options={"schema": 'factbook "odd" 表; --'})
        assert rows(self.url, 'SELECT count(*) FROM "factbook ""odd"" 表; --".normalized_tables') == [(3,)]

    def test_characters_that_postgresql_cannot_hold_are_replaced_and_counted(self):
        payload = snapshot(("id",), comment="a\0b", definition='quoted \\u0000 and "\0"')
        report = self.export([scan_fact(), fact("t", payload)], self.url)
        [(custom,)] = self.rows("SELECT custom_attributes FROM normalized_tables")
        assert custom["comment"] == "a\ufffdb"
        assert custom["definition"] == 'quoted \\u0000 and "\ufffd"'
        assert [loss.count for loss in report.warnings] == [1]

    def test_a_wrong_password_is_told_without_it(self):
        with pytest.raises((SourceRefused, SourceUnavailable)) as refused:
            self.export(shop(), "postgresql://nobody_here:s3cret@127.0.0.1:1/x")
        assert "s3cret" not in str(refused.value)

    def test_another_database_is_refused(self):
        with pytest.raises(InvalidRequest, match="PostgreSQL only"):
            self.export(shop(), "mysql://u:s3cret@127.0.0.1:1/x")
