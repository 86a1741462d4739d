"""Documents of records: the same answers whether a record comes alone or in company."""

import msgspec
import pytest

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts.codec import canonical_json
from factbook_sdk.repository.contract import Outcome, Rejection
from factbook_sdk.repository.intake import store_document
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import event, state

KNOWN = [state(1), event(1)]
RECORDS = {
    "new": event(2),
    "duplicate": event(1),
    "unchanged": state(1, 5),
    "closing nothing": state(None, table="lines"),
    "breaking its schema": event(-1),
    "of an unknown kind": msgspec.structs.replace(event(2), kind="unheard_of"),
    "of another tenant": event(2, tenant="neighbour"),
}
COMPANY = state(8, table="company")


def repository():
    house = MemoryRepository()
    house.bulk_store(KNOWN)
    return house


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_alone_is_answered_as_the_first_of_many(record):
    alone = store_document(repository(), canonical_json(record), tenants={"default"})
    in_company = store_document(repository(), canonical_json([record, COMPANY]), tenants={"default"})
    assert alone.results == in_company.results[:1]


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_alone_is_refused_as_the_first_of_many(record):
    def answer(document):
        try:
            return store_document(repository(), document, tenants={"default"}, atomic=True).results[0]
        except InvalidRecord as error:
            return type(error), str(error), error.field

    assert answer(canonical_json(record)) == answer(canonical_json([record, COMPANY]))


def test_the_one_good_record_among_bad_ones_keeps_its_place():
    report = store_document(repository(), b"[7, " + canonical_json(event(-1)) + b"]", tenants={"default"})
    assert [result.index for result in report.results if isinstance(result, Rejection)] == [0, 1]
    report = store_document(repository(), b"[7, " + canonical_json(event(2)) + b", 7]", tenants={"default"})
    assert [isinstance(result, Rejection) for result in report.results] == [True, False, True]
    assert report.results[1].offset == len(KNOWN) + 1


@pytest.mark.parametrize("depth", [199, 250, 400, 950])
def test_a_record_that_is_nested_too_deep_is_refused_alone(depth: int) -> None:
    deep = b'{"target":{"source_id":"s"},"kind":"ingestion_volume","producer_id":"p","produced_at":"2026-01-01T00:00:00Z",' + (
        b'"payload":{"row_count":1,"x":' + b"[" * depth + b"]" * depth + b"}}"
    )
    good = canonical_json(event(1))
    repository = MemoryRepository()
    report = store_document(repository, b"\n".join([good, deep]))
    assert report.count(Outcome.STORED) == 1
    [rejection] = report.rejections
    assert rejection.index == 1
