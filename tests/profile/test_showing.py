"""What was measured is shown without the values of columns that were called sensitive later."""

from datetime import UTC, datetime

import pytest

from factbook.profile.reading import history_of, latest_of, latest_page
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note, Sensitive, sensitive_columns
from factbook_sdk.facts.kinds.statistics_snapshot import without_values
from factbook_sdk.repository.memory import MemoryRepository

TARGET, TABLE = MetadataTarget("src", "public", "people"), TableName("public", "people")
PAYLOAD = {
    "origin": "exact",
    "row_count": 2,
    "columns": [{"name": "born", "null_count": 1, "minimum": "1950-01-01", "maximum": "1999-09-09"}, {"name": "id", "maximum": 2}],
    "freshness": {"method": "column", "column": "born", "latest": "1999-09-09T00:00:00Z"},
    "metrics": [{"name": "youngest", "statement_digest": "d", "value": 1999}],
}


@pytest.fixture
def repository():
    made = MemoryRepository()
    made.store(MetadataRecord(TARGET, "statistics_snapshot", PAYLOAD, datetime.now(UTC), "profile"))
    return made


def classify(repository, value, column="born"):
    note = {"property": "classification", "value": value} | ({"column": column} if column else {})
    payload = {"author_type": "person", "notes": [note]}
    repository.store(MetadataRecord(TARGET, "annotation", payload, datetime.now(UTC), "ann"))


def page(repository):
    return latest_page(repository, "src").items[0].statistics


def latest(repository):
    return latest_of(repository, "src", TABLE).statistics


def history(repository):
    return history_of(repository, "src", TABLE).items[0].statistics


@pytest.mark.parametrize("shown", [page, latest, history])
@pytest.mark.parametrize("column", ["born", None])
def test_values_of_a_column_that_was_called_sensitive_later_are_not_shown(repository, shown, column):
    assert "1999" in str(shown(repository))
    classify(repository, " PII ", column)
    found = shown(repository)
    assert "19" not in str(found.columns)
    assert (found.columns[0].null_count, found.columns[0].is_sensitive) == (1, True)
    assert found.columns[1].maximum == (2 if column else None)
    assert found.freshness is None
    assert [(metric.name, metric.value) for metric in found.metrics] == [("youngest", None)]


def test_a_claim_taken_back_shows_them_again(repository):
    classify(repository, "pii")
    classify(repository, "public")
    assert latest(repository).columns[0].minimum == "1950-01-01"


def test_what_holds_no_value_stays_as_it_is():
    harmless = {"origin": "exact", "columns": [{"name": "born", "null_count": 1, "skipped": "sensitive: only counted"}]}
    assert without_values(harmless, Sensitive(whole_table=True)) is harmless
    assert without_values(PAYLOAD, Sensitive()) is PAYLOAD


def test_a_freshness_of_another_column_stays():
    assert without_values(PAYLOAD, Sensitive(frozenset({"id"})))["freshness"] == PAYLOAD["freshness"]
    by_engine = PAYLOAD | {"freshness": {"method": "engine", "latest": "1999-09-09T00:00:00Z"}}
    assert without_values(by_engine, Sensitive(whole_table=True))["freshness"] == by_engine["freshness"]


@pytest.mark.parametrize(("value", "is_so"), [("pii", True), (" PII ", True), ("Restricted\n", True), ("public", False), (None, False)])
def test_words_count_in_any_case_and_with_blanks_around(value, is_so):
    assert sensitive_columns([Note("classification", value, "a")]).covers("a") is is_so
