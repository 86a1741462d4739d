"""``factbook lineage``: trees, paths, breaks, entries by hand, numbers."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Cli


@pytest.fixture
def drawn(cli: Cli) -> Cli:
    """Give a command line that knows raw → orders → report, and raw → report."""
    for source, target, more in (
        ("raw", "orders", ("--confidence", "0.9", "--type", "derived")),
        ("orders", "report", ()),
        ("raw", "report", ()),
    ):
        assert cli("lineage", "add", source, target, "--by", "ada", *more).code == 0
    return cli


def test_a_tree_is_drawn_for_each_way(drawn: Cli) -> None:
    assert drawn("lineage", "show", "orders").out == (
        "orders is made from\n└── raw  (derived, manual, 90% sure)\norders is used for\n└── report  (direct, manual)\n"
    )
    assert drawn("lineage", "show", "raw", "--up").out == "raw is made from nothing that is known\n"
    assert set(drawn("lineage", "show", "raw", "--down", "--depth", "1", "--json").json) == {"downstream"}


def test_what_is_left_out_is_said(drawn: Cli) -> None:
    found = drawn("lineage", "show", "raw", "--down", "--limit", "1")
    assert "Not all is shown (2 in all)" in found.err


def test_paths_and_breaks_are_listed(drawn: Cli) -> None:
    assert drawn("lineage", "paths", "raw", "report").out == "raw → report  (100% sure)\nraw → orders → report  (90% sure)\n"
    assert "No way leads from report to raw" in drawn("lineage", "paths", "report", "raw").err
    broken = drawn("lineage", "breaks", "raw")
    assert [line.split()[0] for line in broken.out.splitlines()[2:]] == ["orders", "report"]
    assert "Hit: 2 tables and products; products: orders, report" in broken.err


def test_stats_count(drawn: Cli) -> None:
    assert drawn("lineage", "stats", "--json").json["by_origin"] == {"manual": 3}
    assert "by type" in drawn("lineage", "stats").out


def test_what_was_said_is_taken_back_once(drawn: Cli) -> None:
    assert drawn("lineage", "remove", "raw", "report").out == "1 entry taken back.\n"
    assert drawn("lineage", "remove", "raw", "report").code == 2


def test_wrong_entries_and_unknown_names_are_refused(cli: Cli) -> None:
    assert cli("lineage", "add", "a", "b", "--confidence", "2").code == 2
    assert cli("lineage", "add", "a", "b", "--type", "copied").code == 2
    unknown = cli("lineage", "show", "nowhere")
    assert (unknown.code, unknown.out) == (2, "")
    assert "'nowhere' is not known" in unknown.err
