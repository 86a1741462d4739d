import json

import pytest

from factbook.errors import InvalidRequest
from factbook.export.collibra import CollibraExporter
from factbook.export.contract import check_options
from factbook.export.testing import ExporterContract, fact, scan_fact, shop, snapshot

RELATION = "00000000-0000-0000-0000-000000007042:TARGET"


class TestCollibra(ExporterContract):
    exporter = CollibraExporter

    @pytest.fixture
    def commands_of(self, tmp_path):
        def commands_of(facts, **options):
            self.report = self.export(facts, self.where(tmp_path), options=options)
            return json.loads(self.content(self.where(tmp_path)))

        return commands_of

    @pytest.fixture
    def asset(self, commands_of):
        def asset(name, **options):
            return next(item for item in commands_of(shop(), **options) if item["identifier"]["name"] == name)

        return asset

    def test_communities_come_before_domains_and_domains_before_assets(self, commands_of):
        made = commands_of([*shop(), fact("parts", snapshot(), source_id="works")])
        known = set()
        for command in made:
            identifier = command["identifier"]
            if command["resourceType"] == "Domain":
                assert identifier["community"]["name"] in known
            if command["resourceType"] == "Asset":
                assert (identifier["domain"]["name"], identifier["domain"]["community"]["name"]) in known
            known.add(identifier["name"])
            known.add((identifier["name"], identifier.get("community", {}).get("name")))
        assert [item["resourceType"] for item in made].count("Community") == 1

    def test_each_command_has_what_the_import_api_requires(self, commands_of):
        for command in commands_of(shop()):
            assert command["resourceType"] in ("Community", "Domain", "Asset")
            assert command["identifier"]["name"]
            if command["resourceType"] != "Community":
                assert command["type"]["name"]

    def test_a_column_has_its_type_and_description(self, asset):
        amount = asset("shop>sales>orders>amount")
        assert amount["attributes"] == {"Description": [{"value": "In euro cents"}], "Technical Data Type": [{"value": "integer"}]}
        assert (amount["type"], amount["displayName"], amount["tags"]) == ({"name": "Column"}, "amount", ["money"])

    def test_more_attributes_are_written_if_they_are_asked_for(self, asset):
        found = asset("shop>sales>orders>id", attributes="full")["attributes"]
        assert found["Is Primary Key"] == [{"value": True}]
        assert found["Is Nullable"] == [{"value": False}]

    def test_a_view_is_a_view(self, asset):
        assert asset("shop>sales>big_orders")["type"] == {"name": "Database View"}

    def test_without_the_id_of_a_relation_type_none_is_written_and_that_is_said(self, asset):
        assert "relations" not in asset("shop>sales>orders>id")
        lost = {item.what.partition(":")[0]: item.count for item in self.report.warnings}
        assert lost["relations between a column and its table"] == 8

    def test_a_relation_leads_to_the_table(self, asset):
        found = asset("shop>sales>orders>id", column_table=RELATION)["relations"]
        assert found == {RELATION: [{"name": "shop>sales>orders", "domain": {"name": "shop", "community": {"name": "Factbook"}}}]}

    def test_a_relation_that_is_no_id_is_refused(self, tmp_path):
        with pytest.raises(InvalidRequest, match="column_table names no relation"):
            self.export(shop(), self.where(tmp_path), options={"column_table": "is part of"})
        assert list(tmp_path.iterdir()) == []

    def test_names_that_look_alike_are_different(self, commands_of):
        made = commands_of([scan_fact(), fact("b>c", snapshot(), schema="a"), fact("c", snapshot(), schema="a>b")])
        names = [item["identifier"]["name"] for item in made]
        assert len(set(names)) == len(names) - 1  # the domain is called as its database is

    def test_the_status_of_assets_can_be_chosen(self, asset):
        assert asset("shop>sales>orders", status="Candidate")["status"] == {"name": "Candidate"}


def test_options_have_their_defaults():
    assert check_options(CollibraExporter, {})["domain_type"] == "Physical Data Dictionary"
