"""A comparison is the same from every store; and what was measured of the data speaks for a rename, unless it was measured too late."""

import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "scan"))
from comparing import Log
from connectors import Script, names, table

from factbook.diff.page import page_of
from factbook.repository.urls import open_repository
from factbook.sources.contract import ScanScope, TableName
from factbook_sdk.facts import Admission, MetadataRecord, MetadataTarget, builtin_kinds

A, B, C = names("s.a", "s.b", "r.c")
STEPS = [
    {A: table("id", "x"), B: table("id")},
    {A: table("id", "y"), C: table("id")},
    {A: table("id", "y", "z"), C: table("id", comment="c")},
    {A: table("id", "y", "z")} | {TableName("s", f"t{number}"): table("id") for number in range(30)},
]


def story(repository):
    """Scan a source as it changes and return comparisons of its scans, forth and back, without what differs from run to run."""
    log = Log(repository)
    runs = [log.scan(Script(tables)) for tables in STEPS]
    log.scan(Script(STEPS[-1]), scope=ScanScope(include=["s"]))
    runs += [f"run-{len(STEPS) + 1}"]
    pairs = [*pairwise(runs), *pairwise(reversed(runs)), (runs[0], runs[-1])]
    pages = [page_of(log.diffs.compare("src", before, after)) for before, after in pairs]
    stored = [len(log.diffs.on_scan(scan)) for scan in log.facts("catalog_scan")]
    told = [msgspec.to_builtins(page) for page in pages]
    for page in told:
        page["before"].pop("moment"), page["after"].pop("moment")
    return told, stored


@pytest.fixture(scope="module")
def from_memory():
    return story(None)


@pytest.mark.parametrize("store", ["sqlite", "postgres", "files"])
def test_every_store_tells_the_same(store, from_memory, tmp_path, request):
    urls = {"sqlite": f"sqlite:///{tmp_path}/log.sqlite", "files": f"file://{tmp_path}/facts"}
    url = urls.get(store) or request.getfixturevalue("postgres_url")
    repository = open_repository(url, admission=Admission(builtin_kinds()), projections=())
    try:
        assert story(repository) == from_memory
    finally:
        repository.close()


def measured(log, moment, **columns):
    """Store what was measured of table ``a`` at a moment: how many distinct values each column has."""
    payload = {"origin": "exact", "row_count": 100, "columns": [{"name": name, "distinct_count": count} for name, count in columns.items()]}
    log.repository.store(MetadataRecord(MetadataTarget("src", "s", "a"), "statistics_snapshot", payload, moment, "profile.v1"))


def signs(comparison):
    return {sign.sign: sign.alike for rename in comparison.renames for sign in rename.evidence}


def renamed():
    """Return a log in which a column of ``a`` was renamed, and the moments of both scans."""
    log = Log()
    log.scan(Script({A: table("id", "old", "z")}))
    log.scan(Script({A: table("id", "new", "z")}))
    return log, *(record.produced_at for record in log.facts("catalog_scan"))


def test_statistics_measured_around_the_scans_speak_for_a_rename():
    log, first, second = renamed()
    measured(log, first + (second - first) / 2, old=40)
    measured(log, second + timedelta(microseconds=1), new=80)
    assert signs(log.diffs.compare("src"))["statistics"] == 0.5


def test_what_was_measured_later_does_not_speak_in_a_settled_comparison():
    log, first, second = renamed()
    measured(log, first + (second - first) / 2, old=40)
    before = log.diffs.compare("src", settled=True)
    measured(log, second + timedelta(microseconds=1), new=80)
    assert "statistics" not in signs(log.diffs.compare("src", settled=True))
    assert log.diffs.compare("src", settled=True) == before


def test_backwards_the_same_measurements_speak():
    log, first, second = renamed()
    measured(log, first + (second - first) / 2, old=40)
    measured(log, second + timedelta(microseconds=1), new=80)
    assert signs(log.diffs.compare("src", "run-2", "run-1"))["statistics"] == 0.5
