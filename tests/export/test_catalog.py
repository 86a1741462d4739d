"""What exporters read: in order, in bulk, as of a moment, and nothing that may not leave."""

import pytest

from factbook.access import Action, Principal
from factbook.access.scoped import ScopedRepository
from factbook.access.scopes import Grant, Who
from factbook.errors import NotAllowed, NotFound
from factbook.export.catalog import TABLE_KINDS, Catalog
from factbook.export.testing import PRIVATE, fact, repository_of, scan_fact, shop, snapshot
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import at


@pytest.fixture(params=["memory", "sqlite", "postgresql", "files"])
def repository(request, tmp_path):
    admission = Admission(builtin_kinds())
    if request.param == "memory":
        yield MemoryRepository(admission)
        return
    urls = {"sqlite": f"sqlite:///{tmp_path}/meta.sqlite", "files": f"file://{tmp_path}/facts"}
    url = urls[request.param] if request.param in urls else request.getfixturevalue("postgres_url")
    opened = open_repository(url, admission=admission)
    yield opened
    if isinstance(opened, SqlRepository) and opened.dialect == "postgresql":
        with opened.database.writing() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    opened.close()


@pytest.fixture
def catalog(repository):
    def catalog(facts, **more):
        repository.bulk_store(facts, atomic=True)
        return Catalog(repository, tenant="default", **more)

    return catalog


def names(catalog, source_id="shop"):
    return [(entry.schema, entry.table) for entry in catalog.tables(source_id)]


def test_tables_come_by_schema_and_table_in_the_order_of_their_characters(catalog):
    there = [("b", "a"), ("a", "b"), ("a", "B"), ("ä", "x"), ("a", "é"), ("a", "z")]
    found = names(catalog([fact(table, snapshot(), schema=schema) for schema, table in there]))
    assert found == sorted(there)


def test_more_tables_than_are_read_at_a_time_all_come_once(catalog):
    found = names(catalog([fact(f"t{number:04}", snapshot(("id",))) for number in range(601)]))
    assert found == [("sales", f"t{number:04}") for number in range(601)]


class Counting(MemoryRepository):
    """A repository that knows how often it was asked for how many targets."""

    def __init__(self):
        super().__init__(Admission(builtin_kinds()))
        self.asked = []

    def latest_many(self, targets, kind, **more):
        self.asked.append(len(targets))
        return super().latest_many(targets, kind, **more)

    def query(self, kind, *, targets=None, **more):
        self.asked.append(len(targets) if isinstance(targets, list) else 0)
        return super().query(kind, targets=targets, **more)


def test_tables_are_read_in_bulk_and_never_all_at_once():
    repository = Counting()
    repository.bulk_store([scan_fact(), *(fact(f"t{number:04}", snapshot(("id",))) for number in range(1_000))], atomic=True)
    assert len(names(Catalog(repository, tenant="default"))) == 1_000
    assert len(repository.asked) < 30
    assert max(repository.asked) <= 250


def test_a_removed_table_is_absent_and_named_among_the_removed(catalog):
    made = catalog([fact("here", snapshot()), fact("gone", snapshot()), fact("gone", None, 10)])
    assert names(made) == [("sales", "here")]
    assert list(made.removed("shop")) == [("sales", "gone")]


def test_a_table_that_came_back_is_there(catalog):
    made = catalog([fact("t", snapshot()), fact("t", None, 10), fact("t", snapshot(("other",)), 20)])
    assert [column.name for entry in made.tables("shop") for column in entry.snapshot.columns] == ["other"]


def test_everything_known_of_a_table_comes_with_it(catalog):
    (orders,) = [entry for entry in catalog(shop()).tables("shop") if entry.table == "orders"]
    assert (orders.recorded_at, orders.run_id, orders.namespace, orders.tenant) == (at(0), "run-1", "suite://shop", "default")
    assert orders.observation.row_estimate == 400
    assert (orders.statistics.row_count, orders.measured_at, orders.measured_run_id) == (412, at(5), "profile-1")
    assert {author for author, _ in orders.notes} == {"anna"}
    assert orders.description() == "Every order since 2019"
    assert orders.description("amount") == "In euro cents"


def test_notes_of_all_authors_are_in_force_each_as_it_was_last_said(catalog):
    def said(author, value, seconds):
        payload = None if value is None else {"author_type": "person", "notes": [{"property": "tag", "value": value}]}
        return fact("orders", payload, seconds, kind="annotation", producer_id=author)

    spoken = [said("zoe", "first", 1), said("zoe", "second", 2), said("anna", "hers", 1), said("carl", "his", 1), said("carl", None, 3)]
    (orders,) = catalog([fact("orders", snapshot()), *spoken]).tables("shop")
    # The newest first: of persons, who spoke last is believed.
    assert [(author, note.value) for author, note in orders.notes] == [("zoe", "second"), ("anna", "hers")]


def test_a_moment_shows_what_was_known_of_it(catalog):
    later = [fact("new", snapshot(), 10), fact("orders", {"fingerprint": "x:1", "row_estimate": 999}, 10, kind="table_observation")]
    made = catalog([*shop(), *later, scan_fact(10, source_id="other")], as_of=at(4))
    assert made.sources() == ["shop"]
    assert names(made) == [("sales", "big_orders"), ("sales", "customers"), ("sales", "orders")]
    orders = list(made.tables("shop"))[2]
    assert orders.observation.row_estimate == 400
    assert orders.statistics is None


def test_sources_are_all_or_those_that_are_named(catalog):
    facts = [scan_fact(), fact("t", snapshot(), source_id="b"), fact("t", snapshot(), source_id="a")]
    made = catalog(facts)
    assert made.sources() == ["a", "b", "shop"]
    assert made.table_count() == 2


def test_an_unknown_source_is_not_found(catalog):
    with pytest.raises(NotFound, match="no_such"):
        catalog(shop(), source_ids=["shop", "no_such"]).sources()


def test_facts_are_those_of_the_named_sources(catalog):
    made = catalog([*shop(), fact("t", snapshot(), source_id="b")], source_ids=["b"])
    assert [item.record.target.source_id for item in made.records()] == ["b"]


@pytest.mark.parametrize("word", ["PII", " PII ", "pii", "Sensitive", "personal", "confidential", "secret", "restricted"])
def test_values_of_a_sensitive_column_stay_here(word):
    column = {"name": "card", "null_count": 1, "distinct_count": 2, "minimum": PRIVATE, "mean": 3.5, "maximum_length": 9}
    measured = {"origin": "exact", "row_count": 2, "columns": [column, column | {"name": "id"}]}
    note = {"property": "classification", "value": word, "column": "card"}
    said = fact("t", {"author_type": "person", "notes": [note]}, kind="annotation", producer_id="anna")
    repository = repository_of([fact("t", snapshot(("id", "card"))), fact("t", measured, kind="statistics_snapshot"), said])
    (entry,) = Catalog(repository, tenant="default").tables("shop")
    card, other = entry.statistics.columns
    assert (card.minimum, card.mean) == (None, None)
    assert (card.null_count, card.distinct_count, card.maximum_length) == (1, 2, 9)
    assert other.minimum == PRIVATE


def test_a_sensitive_table_has_only_sensitive_columns():
    column = {"name": "id", "minimum": PRIVATE}
    said = {"author_type": "person", "notes": [{"property": "classification", "value": "restricted"}]}
    repository = repository_of(
        [
            fact("t", snapshot()),
            fact("t", {"origin": "exact", "columns": [column]}, kind="statistics_snapshot"),
            fact("t", said, kind="annotation", producer_id="anna"),
        ]
    )
    (entry,) = Catalog(repository, tenant="default").tables("shop")
    assert entry.statistics.columns[0].minimum is None


def principal(*kinds, namespace="*"):
    return Principal(Who.TOKEN, "reader", (Grant(Action.READ, "default", namespace, kinds),))


def scoped(facts, *kinds, **more):
    return Catalog(ScopedRepository(repository_of(facts), principal(*kinds, **more)), tenant="default")


def test_who_may_not_read_what_people_say_is_shown_no_values():
    column = {"name": "id", "null_count": 0, "minimum": PRIVATE}
    facts = [fact("t", {"origin": "exact", "columns": [column]}, kind="statistics_snapshot")]
    (item,) = scoped(facts, "statistics_snapshot").records(["statistics_snapshot"])
    assert item.record.payload["columns"] == [{"name": "id", "null_count": 0}]


def test_who_may_not_read_a_kind_reads_no_tables():
    with pytest.raises(NotAllowed):
        list(scoped(shop(), *(kind for kind in TABLE_KINDS if kind != "annotation")).tables("shop"))


def test_a_reader_of_one_namespace_sees_its_sources_and_tables_alone():
    hidden = fact("hidden", snapshot(), source_id="theirs")
    foreign = type(hidden)(
        hidden.target, hidden.kind, hidden.payload, hidden.produced_at, hidden.producer_id, type(hidden.context)(namespace="theirs")
    )
    made = scoped([*shop(), foreign], *TABLE_KINDS, namespace="suite:*")
    assert made.sources() == ["shop"]
    assert list(made.tables("theirs")) == []


def _view(name, *edges):
    inputs = [
        {"table": {"source_id": "shop", "schema": "sales", "table": read}, "columns": [{"output": out, "input": column}]}
        for out, read, column in edges
    ]
    return fact(name, {"origin": "view", "inputs": inputs}, kind="lineage", producer_id="views")


PII = {"author_type": "person", "notes": [{"property": "classification", "value": "pii", "column": "card"}]}
MEASURED = {"origin": "exact", "columns": [{"name": "number", "null_count": 1, "minimum": PRIVATE}, {"name": "id", "minimum": 1}]}


def test_values_of_a_view_s_column_stay_here_that_is_made_from_a_sensitive_one():
    facts = [
        fact("t", snapshot(("id", "card"))),
        fact("t", PII, kind="annotation", producer_id="anna"),
        fact("v", snapshot(("number", "id"))),
        _view("v", ("number", "t", "card"), ("id", "t", "id")),
        fact("v", MEASURED, kind="statistics_snapshot"),
    ]
    catalog = Catalog(repository_of(facts), tenant="default")
    shown = next(entry for entry in catalog.tables("shop") if entry.table == "v").statistics.columns
    (record,) = catalog.records(["statistics_snapshot"])
    assert PRIVATE not in str(record.record.payload)
    assert (shown[0].minimum, shown[0].null_count, shown[1].minimum) == (None, 1, 1)
    assert shown[0].skipped == "sensitive (it holds values of sales.t.card): its values are not shown"


def test_values_of_a_column_stay_here_that_may_be_a_sensitive_one_under_a_new_name():
    facts = [
        fact("t", snapshot(("id", "card"))),
        fact("t", PII, kind="annotation", producer_id="anna"),
        fact("t", snapshot(("id", "number")), 10),
        fact("t", MEASURED, 11, kind="statistics_snapshot"),
    ]
    (entry,) = Catalog(repository_of(facts), tenant="default").tables("shop")
    assert (entry.statistics.columns[0].minimum, entry.statistics.columns[1].minimum) == (None, 1)
    assert "it appeared when the sensitive column card went" in entry.statistics.columns[0].skipped
