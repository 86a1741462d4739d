"""What sloppy producers send is taken with a note; what cannot be understood is refused by its field; what is hostile breaks nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.openlineage.shelf import SAMPLES, Desk, dataset, event

from factbook.errors import InvalidRecord
from factbook.openlineage.moments import parse_moment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in event().items() if key != name}


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"schemaURL": None}, "schemaURL is missing"),
        ({"producer": 7}, "producer is no text"),
        ({"eventType": "complete"}, "eventType complete is taken for COMPLETE"),
        ({"eventType": "DONE"}, "eventType DONE is unknown and taken for OTHER"),
        ({"eventTime": "2026-01-01T12:00:00"}, "eventTime has no zone and is taken for UTC"),
        ({"eventTime": 1767268800000}, "eventTime is a number and taken for milliseconds since 1970"),
        ({"run": {"runId": "nightly"}}, "run.runId nightly is no UUID"),
        ({"run": {"runId": 17}}, "run.runId is a int"),
        ({"run": {}}, "run.runId is missing; the event stands for itself"),
        ({"inputs": {"namespace": "a"}}, "inputs is no list and is left out"),
        ({"outputs": [{"namespace": "s3://lake"}]}, "outputs[0] has no namespace or no name and is left out"),
        ({"outputs": [{"namespace": "s3://lake", "name": "x" * 600}]}, "outputs[0] has a name that is kept in another form"),
        ({"inputs": [{"namespace": "a", "name": "b", "facets": []}]}, None),
        ({"inputs": [{"namespace": "a", "name": "b", "facets": "none"}]}, "inputs[0].facets is no object and is left out"),
        ({"job": {"namespace": "etl", "name": "x" * 600}}, "job.name is kept in another form: it is too long or holds a NUL"),
    ],
)
def test_what_can_be_understood_is_taken_with_a_note(change: dict[str, Any], note: str | None) -> None:
    desk = Desk()
    came = event() | change
    (answer,) = desk.send(came)
    assert list(answer.notes) == ([] if note is None else [note])
    (kept,) = desk.all("openlineage_event")
    assert kept.payload.get("notes", []) == list(answer.notes)
    assert desk.events() == [came]


@pytest.mark.parametrize(
    "written",
    ["2026-01-01T12:00:00Z", "2026-01-01T13:00:00+01:00", "2026-01-01T13:00:00.000000000+01:00[Europe/Paris]", "2026-01-01T12:00Z"],
)
def test_a_moment_is_understood_however_it_is_written(written: str) -> None:
    desk = Desk()
    desk.send(event() | {"eventTime": written})
    (kept,) = desk.all("openlineage_event")
    assert kept.produced_at == NOON


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (without("eventTime"), "eventTime"),
        (event() | {"eventTime": "yesterday"}, "eventTime"),
        (event() | {"eventTime": 1e300}, "eventTime"),
        (event() | {"eventTime": True}, "eventTime"),
        (without("job"), "job.namespace"),
        (event() | {"job": "load"}, "job.namespace"),
        (event() | {"job": {"namespace": "etl"}}, "job.name"),
        (event() | {"job": {"namespace": "etl", "name": 7}}, "job.name"),
        ({"eventTime": "2026-01-01T00:00:00Z"}, "job"),
        ({"eventTime": "2026-01-01T00:00:00Z", "dataset": {"name": "x"}}, "dataset.namespace"),
        ({"eventTime": "2026-01-01T00:00:00Z", "dataset": {"namespace": "x"}}, "dataset.name"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_field(body: dict[str, Any], field: str) -> None:
    desk = Desk()
    with pytest.raises(InvalidRecord) as raised:
        desk.send(body)
    assert raised.value.field == field
    assert desk.count() == 0


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'"text"', b'{"a": "\\ud800"}', b'{"a": 1e999}', b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRecord):
        Desk().room.receive(body)


def test_an_event_that_is_too_deep_is_refused_and_leaves_nothing() -> None:
    desk = Desk()
    facet: dict[str, Any] = {}
    for _ in range(300):
        facet = {"deeper": facet}
    with pytest.raises(InvalidRecord, match="nested too deep"):
        desk.send(event(inputs=[dataset("orders")], outputs=[dataset("report")], run_facets={"plan": facet}))
    assert desk.count() == 0


def test_an_event_that_is_too_large_is_refused_with_its_size_and_leaves_nothing() -> None:
    desk = Desk()
    with pytest.raises(InvalidRecord) as raised:
        desk.send(event(inputs=[dataset("orders")], outputs=[dataset("report")], run_facets={"plan": {"text": "x" * 5_000_000}}))
    assert "at most 4,194,304 are taken" in str(raised.value)
    assert desk.count() == 0


def test_an_event_just_within_the_limit_is_kept_whole() -> None:
    desk = Desk()
    came = event(run_facets={"plan": {"text": "x" * 4_000_000}})
    desk.send(came)
    assert desk.events() == [came]


def test_a_batch_names_what_it_cannot_take_and_stores_the_rest() -> None:
    desk = Desk()
    good = [event(minute=minute, outputs=[dataset("report")], inputs=[dataset("orders")]) for minute in range(3)]
    answer = desk.send_batch([good[0], without("eventTime"), good[1], "text", good[2]])
    assert answer.status == "partial_success"
    assert (answer.summary.received, answer.summary.successful, answer.summary.failed) == (5, 3, 2)
    assert [(item.index, item.retriable) for item in answer.failed_events] == [(1, False), (3, False)]
    assert "eventTime" in answer.failed_events[0].reason
    assert desk.events() == good


def test_a_batch_that_is_no_list_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="no JSON list"):
        Desk().send_batch(event())


HOSTILE = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12) | st.sampled_from(
    ["\x00", "a\x00b", "x" * 513, "'; DROP TABLE records; --", "../../etc/passwd", "jdbc:", "postgres://[::1", "a/b/c", "🕷", " ", "\n"]
)
VALUES = HOSTILE | st.sampled_from(
    [None, True, False, -1, 2**70, 1.5, -1e300, "", "nan", [], {}, [[]], ["x"], {"": {}}, {"a\x00": {"count": "x"}}]
)
SAMPLED = [json.loads(file.read_text()) for file in sorted((SAMPLES / "facet-samples").glob("*/*.json"))]


def keys_of(value: Any) -> set[str]:
    """Return every key in a JSON value, however deep."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


FACET_NAMES = st.sampled_from(sorted({name for facets in SAMPLED for name in facets}))
FIELDS = st.sampled_from(sorted({"_deleted"}.union(*map(keys_of, SAMPLED))))
ENTRY = st.dictionaries(FIELDS, VALUES, max_size=4)
FACET = st.dictionaries(FIELDS, VALUES | ENTRY | st.lists(ENTRY, max_size=2), max_size=4)
FACETS = st.dictionaries(FACET_NAMES, FACET | VALUES, max_size=3)
DATASETS = st.lists(st.fixed_dictionaries({"namespace": HOSTILE, "name": HOSTILE, "facets": FACETS, "inputFacets": FACETS}), max_size=2)


@settings(max_examples=80)
@given(HOSTILE, HOSTILE, HOSTILE, FACETS, FACETS, DATASETS, DATASETS, st.sampled_from(["START", "COMPLETE", "FAIL", "OTHER"]))
def test_whatever_names_and_facets_hold_the_event_is_kept_and_every_fact_is_valid(
    namespace: str, name: str, run_id: str, run_facets: Any, job_facets: Any, inputs: Any, outputs: Any, event_type: str
) -> None:
    came = event(event_type, inputs=inputs, outputs=outputs, run=run_id, run_facets=run_facets, job_facets=job_facets)
    came["job"] |= {"namespace": namespace, "name": name}
    desk = Desk()
    desk.send(came | {"eventType": "START", "eventTime": "2025-12-31T00:00:00Z"})
    (answer,) = desk.send(came)
    assert answer.warnings == []
    assert desk.events()[1:] == [msgspec.json.decode(msgspec.json.encode(came))]
    (again,) = desk.send(came)
    assert again.duplicate
    assert again.id == answer.id


def test_a_missing_moment_is_said_once() -> None:
    with pytest.raises(InvalidRecord) as caught:
        parse_moment(None, "eventTime")
    assert str(caught.value).count("no moment") == 1
