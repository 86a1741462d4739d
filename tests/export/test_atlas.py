import json

import pytest
from tests.export.atlas_types import Types

from factbook.export.atlas import AtlasExporter
from factbook.export.testing import ODD_NAMES, ExporterContract, fact, scan_fact, shop, snapshot


class TestAtlas(ExporterContract):
    exporter = AtlasExporter

    @pytest.fixture
    def request_of(self, tmp_path):
        def request_of(facts):
            self.report = self.export(facts, self.where(tmp_path))
            return json.loads(self.content(self.where(tmp_path)))

        return request_of

    @pytest.fixture
    def named(self, request_of):
        def named(facts, type_name):
            made = request_of(facts)
            everything = [*made["entities"], *made["referredEntities"].values()]
            return {item["attributes"]["qualifiedName"]: item for item in everything if item["typeName"] == type_name}

        return named

    def test_every_entity_is_as_the_type_definitions_say(self, request_of):
        odd = [fact(name, snapshot(ODD_NAMES, comment=name), schema=name) for name in ODD_NAMES]
        made = request_of([*shop(), *odd])
        everything = [*made["entities"], *made["referredEntities"].values()]
        known = {item["guid"]: item["typeName"] for item in everything}
        types = Types()
        assert [fault for item in everything for fault in types.faults(item, known)] == []

    def test_every_guid_is_a_placeholder_and_stands_for_one_entity(self, request_of):
        made = request_of(shop())
        guids = [item["guid"] for item in [*made["entities"], *made["referredEntities"].values()]]
        assert all(guid.startswith("-") and int(guid) < 0 for guid in guids)
        assert len(set(guids)) == len(guids)
        assert all(guid == item["guid"] for guid, item in made["referredEntities"].items())

    def test_what_is_referred_is_reached_from_what_is_listed(self, request_of):
        """Atlas looks at no referred entity that none of the listed ones names."""
        made = request_of(shop())
        reached = {
            reference["guid"]
            for item in made["entities"]
            for value in item["relationshipAttributes"].values()
            for reference in (value if isinstance(value, list) else [value])
        }
        assert made["referredEntities"].keys() <= reached

    def test_names_that_look_alike_are_different(self, named):
        tables = [("a.b", "c"), ("a", "b.c"), ("a", 'b"."c'), ("a", "b@primary")]
        found = named([scan_fact(), *(fact(table, snapshot(), schema=schema) for schema, table in tables)], "rdbms_table")
        assert len(found) == len(tables)

    def test_a_table_has_its_comment_owner_and_type(self, named):
        orders = named(shop(), "rdbms_table")["shop.sales.orders@primary"]["attributes"]
        assert (orders["comment"], orders["description"]) == ("What was ordered", "Every order since 2019")
        assert (orders["owner"], orders["type"]) == ("sales-team", "TABLE")

    def test_a_column_has_its_type_and_key(self, named):
        column = named(shop(), "rdbms_column")["shop.sales.orders.id@primary"]["attributes"]
        assert (column["data_type"], column["isNullable"], column["isPrimaryKey"]) == ("integer", False, True)

    def test_a_foreign_key_leads_from_its_columns_to_the_others(self, named):
        (key,) = named(shop(), "rdbms_foreign_key").values()
        columns = named(shop(), "rdbms_column")
        related = key["relationshipAttributes"]
        assert related["key_columns"][0]["guid"] == columns["shop.sales.orders.customer_id@primary"]["guid"]
        assert related["references_columns"][0]["guid"] == columns["shop.sales.customers.id@primary"]["guid"]

    def test_a_foreign_key_to_a_table_that_is_gone_is_left_out_and_counted(self, named):
        assert named([*shop(), fact("customers", None, 10)], "rdbms_foreign_key") == {}
        lost = {item.what: item.count for item in self.report.warnings}
        assert lost["foreign keys to tables that are not part of the export"] == 1

    def test_an_index_has_its_columns(self, named):
        index = named(shop(), "rdbms_index")["shop.sales.orders.orders_by_customer@primary"]
        assert [item["typeName"] for item in index["relationshipAttributes"]["columns"]] == ["rdbms_column"]

    def test_the_server_is_named_by_where_it_is(self, named):
        located = fact("orders", snapshot())
        (instance,) = named([scan_fact(), located], "rdbms_instance").values()
        assert instance["attributes"]["rdbms_type"] == "postgresql"
        assert instance["attributes"]["hostname"] == "shop"

    def test_tags_are_labels_where_atlas_takes_them(self, named):
        assert named(shop(), "rdbms_table")["shop.sales.orders@primary"]["labels"] == ["gold"]

    def test_what_the_model_has_no_place_for_is_counted(self, request_of):
        request_of(shop())
        lost = {item.what: item.count for item in self.report.warnings}
        assert lost == {"constraints other than primary and foreign keys": 1, "queries of views": 1, "statistics of tables": 1}
