import json

import pytest

from factbook.export.datahub import DataHubExporter
from factbook.export.testing import ODD_NAMES, ExporterContract, fact, scan_fact, shop, snapshot


@pytest.fixture(scope="module")
def datahub():
    """Give DataHub's own reader of such files. Its import asks nobody anything and says nothing."""
    from datahub.ingestion.source.file import _from_obj_for_file

    return _from_obj_for_file


class TestDataHub(ExporterContract):
    exporter = DataHubExporter

    @pytest.fixture
    def export_of(self, tmp_path, datahub):
        def export_of(facts, **options):
            self.export(facts, self.where(tmp_path), options=options)
            return [datahub(item) for item in json.loads(self.content(self.where(tmp_path)))]

        return export_of

    @pytest.fixture
    def aspects_of(self, export_of):
        def aspects_of(table, facts=None, **options):
            made = export_of(shop() if facts is None else facts, **options)
            urn = f"urn:li:dataset:(urn:li:dataPlatform:postgres,shop.sales.{table},PROD)"
            return {item.aspectName: item.aspect for item in made if item.entityUrn == urn}

        return aspects_of

    def test_every_proposal_is_one_that_datahub_reads_and_validates(self, export_of):
        from datahub.metadata.schema_classes import ASPECT_NAME_MAP
        from datahub.metadata.urns import Urn

        for proposal in export_of([*shop(), *(fact(name, snapshot(ODD_NAMES, comment=name), schema=name) for name in ODD_NAMES)]):
            assert proposal.validate()
            assert isinstance(proposal.aspect, ASPECT_NAME_MAP[proposal.aspectName])
            assert Urn.from_string(proposal.entityUrn).entity_type == proposal.entityType

    def test_containers_are_those_of_datahubs_own_connectors(self, export_of):
        from datahub.emitter.mcp_builder import DatabaseKey, SchemaKey

        made = export_of(shop(), instance="north")
        known = {"platform": "postgres", "instance": "north", "database": "shop"}
        assert {item.entityUrn for item in made if item.entityType == "container"} == {
            DatabaseKey(**known).as_urn(),
            SchemaKey(**known, schema="sales").as_urn(),
        }

    def test_datasets_are_named_as_datahub_names_them(self, export_of):
        from datahub.emitter.mce_builder import make_dataset_urn_with_platform_instance

        made = export_of([scan_fact(), *(fact(name, snapshot()) for name in ODD_NAMES)], instance="north", env="DEV")
        names = {make_dataset_urn_with_platform_instance("postgres", f"shop.sales.{name}", "north", "DEV") for name in ODD_NAMES}
        assert {item.entityUrn for item in made if item.entityType == "dataset"} == names

    def test_where_schemas_are_databases_there_is_one_level_less(self, export_of):
        made = export_of([scan_fact(engine="mariadb"), fact("orders", snapshot())])
        urns = {item.entityUrn for item in made if item.entityType == "dataset"}
        assert urns == {"urn:li:dataset:(urn:li:dataPlatform:mariadb,sales.orders,PROD)"}

    def test_fields_have_their_types_keys_and_nullability(self, aspects_of):
        fields = {field.fieldPath: field for field in aspects_of("orders")["schemaMetadata"].fields}
        assert [type(field.type.type).__name__ for field in fields.values()] == ["NumberTypeClass"] * 3
        assert [field.nativeDataType for field in fields.values()] == ["integer"] * 3
        assert [field.nullable for field in fields.values()] == [False, True, True]
        assert [field.isPartOfKey for field in fields.values()] == [True, False, False]

    def test_a_foreign_key_leads_to_the_other_dataset(self, aspects_of):
        (key,) = aspects_of("orders")["schemaMetadata"].foreignKeys
        customers = "urn:li:dataset:(urn:li:dataPlatform:postgres,shop.sales.customers,PROD)"
        assert key.foreignDataset == customers
        assert key.foreignFields == [f"urn:li:schemaField:({customers},id)"]

    def test_what_people_say_goes_into_the_editable_aspects(self, aspects_of):
        found = aspects_of("orders")
        assert found["editableDatasetProperties"].description == "Every order since 2019"
        assert found["datasetProperties"].description == "What was ordered"
        assert [owner.owner for owner in found["ownership"].owners] == ["urn:li:corpuser:sales-team"]
        assert [tag.tag for tag in found["globalTags"].tags] == ["urn:li:tag:gold"]
        (field,) = found["editableSchemaMetadata"].editableSchemaFieldInfo
        assert (field.fieldPath, field.description) == ("amount", "In euro cents")
        assert [tag.tag for tag in field.globalTags.tags] == ["urn:li:tag:money"]

    def test_nothing_that_people_say_is_written_if_that_is_asked(self, aspects_of):
        found = aspects_of("orders", notes="no")
        assert not {"editableDatasetProperties", "ownership", "globalTags", "editableSchemaMetadata"} & found.keys()

    def test_statistics_become_a_profile(self, aspects_of):
        profile = aspects_of("orders")["datasetProfile"]
        assert (profile.rowCount, profile.sizeInBytes, profile.columnCount) == (412, 65536, 3)
        amount = next(field for field in profile.fieldProfiles if field.fieldPath == "amount")
        assert (amount.nullCount, amount.uniqueCount, amount.min) == (3, 77, "1")
        assert [(item.value, item.frequency) for item in amount.distinctValueFrequencies] == [("5", 40)]

    def test_a_view_has_its_query(self, aspects_of):
        assert aspects_of("big_orders")["viewProperties"].viewLogic == "SELECT id, amount FROM sales.orders"

    def test_lineage_leads_to_the_tables_that_are_read(self, aspects_of):
        edges = {"table": {"source_id": "shop", "schema": "sales", "table": "orders"}, "columns": [{"output": "id", "input": "id"}]}
        lineage = fact("big_orders", {"origin": "view", "inputs": [edges]}, kind="lineage", producer_id="views")
        found = aspects_of("big_orders", [*shop(), lineage])["upstreamLineage"]
        orders = "urn:li:dataset:(urn:li:dataPlatform:postgres,shop.sales.orders,PROD)"
        assert [(item.dataset, item.type) for item in found.upstreams] == [(orders, "VIEW")]
        assert [item.upstreams for item in found.fineGrainedLineages] == [[f"urn:li:schemaField:({orders},id)"]]

    def test_removed_tables_are_marked_if_that_is_asked(self, aspects_of):
        gone = [*shop(), fact("gone", snapshot()), fact("gone", None, 10)]
        assert aspects_of("gone", gone, removed="yes")["status"].removed is True

    @pytest.mark.parametrize(
        ("data_type", "expected"),
        [
            ("bigint", "NumberTypeClass"),
            ("numeric(10,2)", "NumberTypeClass"),
            ("double precision", "NumberTypeClass"),
            ("int(10) unsigned", "NumberTypeClass"),
            ("UBIGINT", "NumberTypeClass"),
            ("character varying(20)", "StringTypeClass"),
            ("NVARCHAR(160)", "StringTypeClass"),
            ("mediumtext", "StringTypeClass"),
            ("uuid", "StringTypeClass"),
            ("interval", "TimeTypeClass"),
            ("timestamp(3) with time zone", "TimeTypeClass"),
            ("date", "DateTypeClass"),
            ("datetime", "TimeTypeClass"),
            ("boolean", "BooleanTypeClass"),
            ("bytea", "BytesTypeClass"),
            ("longblob", "BytesTypeClass"),
            ("jsonb", "RecordTypeClass"),
            ("STRUCT(a INTEGER)", "RecordTypeClass"),
            ("MAP(VARCHAR, INTEGER)", "MapTypeClass"),
            ("text[]", "ArrayTypeClass"),
            ("enum('a','b')", "EnumTypeClass"),
            ("tsvector", "BytesTypeClass"),
            ("geometry(Point,4326)", "NullTypeClass"),
            ("", "NullTypeClass"),
        ],
    )
    def test_a_type_has_its_class(self, aspects_of, data_type, expected):
        payload = snapshot(("id",))
        payload["columns"][0]["data_type"] = data_type
        (field,) = aspects_of("things", [scan_fact(), fact("things", payload)])["schemaMetadata"].fields
        assert type(field.type.type).__name__ == expected
