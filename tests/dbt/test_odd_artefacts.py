"""Whatever stands in an artefact, an ingestion ends with a report or with a clear refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dbt.projects import Project

from factbook.dbt import Artefacts, DbtProjects, DbtReport
from factbook.errors import InvalidRequest
from factbook.names.projection import NamesProjection
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds

_ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just("0001-01-01T00:00+14:00"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def whole() -> dict[str, Any]:
    project = Project()
    raw = project.source("raw", meta={"owner": "Eve"}, columns={"id": {"name": "id", "description": "The key", "meta": {"pii": True}}})
    orders = project.model("orders", raw, project.model("middle", raw, materialized="ephemeral"), columns={"id": {"name": "id"}}, group="g")
    project.groups["group.shop.g"] = {"name": "g", "owner": {"name": "Ada", "email": ["a@example.org"]}}
    project.exposure("weekly", orders)
    project.ran(orders, "success")
    project.ran(project.test("unique", orders, column="id"), "fail", failures=2, message="Got 2")
    criteria = {"warn_after": {"count": 12, "period": "hour"}, "error_after": {"count": 1, "period": "day"}}
    project.fresh = [{"unique_id": raw, "max_loaded_at_time_ago_in_s": 5.0, "status": "warn", "criteria": criteria}]
    project.found[orders] = {"columns": {"ID": {"name": "ID", "type": "int", "index": 1, "comment": "c"}}}
    return project.documents()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


PLACES = [place for place in places(whole()) if len(place) > 1]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give one store for all examples: what an earlier one left must not matter either."""
    url = f"sqlite:///{tmp_path_factory.mktemp('odd')}/store.sqlite"
    opened = open_repository(url, admission=Admission(builtin_kinds()), projections=[NamesProjection()])
    yield opened
    opened.close()


@settings(max_examples=50)
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), _ODD), min_size=1, max_size=3))
def test_any_value_in_any_place_ends_with_a_report_or_a_refusal(repository, changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    documents = whole()
    for place, odd in changes:
        put(documents, place, odd)
    try:
        report = DbtProjects(repository, tenant="default").ingest(Artefacts(*map(msgspec.json.encode, documents.values())))
    except InvalidRequest:
        return
    assert isinstance(report, DbtReport)
    assert report.stored <= sum(report.facts.values()) + report.ended


def put(document: Any, place: tuple[Any, ...], value: Any) -> None:
    """Put a value in a place, unless an earlier change took the place away."""
    for key in place[:-1]:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return
    if isinstance(document, (dict, list)):
        document[place[-1]] = value
