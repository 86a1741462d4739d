"""A score only ever counts what was measured, and what is worse never makes it better."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.quality.scoring import AT_MOST_FAILED, FEWEST_JUDGED, parts_of_statistics, score_source, score_table
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, SchemaSnapshot

COLUMNS = ["a", "b", "c"]
DIMENSIONS = ["accuracy", "completeness", "consistency", "timeliness", "uniqueness", "validity", "volume"]


def counted(rule, outcome="passed", share=0.0, dimension="completeness", columns=("a",), rows=100):
    return QualityResult(
        rule,
        "not_null",
        dimension,
        outcome,
        columns=list(columns),
        observed=share,
        unit="share",
        rows_checked=rows,
        rows_failed=round(share * rows),
        share=share if rows else None,
        reason="why" if outcome in ("error", "skipped") else None,
    )


results = st.builds(
    counted,
    rule=st.text("rstuv", min_size=1, max_size=3),
    outcome=st.sampled_from(["passed", "failed", "warned", "error", "skipped"]),
    share=st.floats(0, 1),
    dimension=st.sampled_from(DIMENSIONS),
    columns=st.lists(st.sampled_from(COLUMNS), unique=True, max_size=2),
)


def score(found):
    return score_table(COLUMNS, [one.rule for one in found], found)


def points(found):
    """Return every number a score shows: the table's, then each column's; what was not measured is above all."""
    return [101.0 if one is None else one for one in (found.score, *(column.score for column in found.columns))]


def is_told_nothing(found):
    """Return whether too few of the rules in force were judged."""
    return found.coverage.rules_judged < FEWEST_JUDGED * found.coverage.rules


@given(st.lists(results, max_size=8))
def test_a_score_lies_between_0_and_100_and_says_nothing_of_nothing(found):
    scored = score(found)
    shown = [number for number in (scored.score, *(column.score for column in scored.columns)) if number is not None]
    assert all(0 <= number <= 100 for number in shown)
    judged = [one for one in found if one.outcome not in ("error", "skipped")]
    assert (scored.score is None) == (not judged or is_told_nothing(scored))
    assert (scored.reason is not None) == (bool(judged) and scored.score is None)
    measured = {column for one in judged for column in one.columns}
    assert {column.name for column in scored.columns if column.score is not None} == measured


@given(st.lists(results, max_size=8), results, st.sampled_from(["failed", "warned"]))
def test_a_rule_that_does_not_hold_never_raises_a_score(found, another, outcome):
    worse = [*found, msgspec.structs.replace(another, outcome=outcome)]
    assert all(after <= before for before, after in zip(points(score(found)), points(score(worse)), strict=True))


@given(st.lists(results, min_size=1, max_size=8), st.data())
def test_a_rule_that_begins_to_fail_never_raises_a_score_of_table_or_source(found, data):
    index = data.draw(st.integers(0, len(found) - 1))
    passing = msgspec.structs.replace(found[index], outcome="passed")
    failing = msgspec.structs.replace(found[index], outcome="failed")
    rest = [*found[:index], *found[index + 1 :]]
    other = score([counted("x", share=0.5, outcome="failed")])
    before, after = score([*rest, passing]), score([*rest, failing])
    assert all(new <= old for old, new in zip(points(before), points(after), strict=True))
    old, new = (points(score_source({("s", "t"): one, ("s", "u"): other})) for one in (before, after))
    assert new <= old


@given(st.lists(results, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_matter(found, draw):
    shuffled = list(found)
    draw.shuffle(shuffled)
    assert score(found) == score(shuffled)


@given(st.lists(results, max_size=8), results)
def test_what_could_not_be_judged_changes_nothing_but_the_coverage(found, another):
    unjudged = msgspec.structs.replace(another, outcome="skipped", reason="why")
    before, after = score(found), score([*found, unjudged])
    assert points(before)[1:] == points(after)[1:]
    assert points(before)[0] == points(after)[0] or is_told_nothing(after)
    assert before.dimensions == after.dimensions
    assert after.coverage.rules_judged == before.coverage.rules_judged


def test_a_rule_that_fails_for_one_row_in_a_million_shows():
    found = score([counted("r", "failed", share=1e-6, rows=1_000_000)])
    assert found.score == 100 * AT_MOST_FAILED


def test_dimensions_multiply_by_their_weights_and_the_weakest_part_is_named():
    late = QualityResult("old", "freshness", "timeliness", "failed", columns=["b"], observed=7200, upper=1800, unit="seconds")
    found = score([counted("p"), counted("q", "failed", share=0.5, columns=["c"]), late])
    assert found.score == pytest.approx(100 * 0.5 * 0.25**0.5)
    weakest = {one.dimension: (one.column, one.rule) for one in found.dimensions if one.value is not None}
    assert weakest == {"completeness": ("c", "q"), "timeliness": ("b", "old")}
    assert found.coverage.columns_measured == 3


def test_a_rule_that_looked_at_no_row_measured_nothing():
    assert score([counted("r", rows=0)]).score is None


SNAPSHOT = SchemaSnapshot(
    "table",
    [Column("a", 1, "integer", nullable=False), Column("b", 2, "text"), Column("c", 3, "text")],
    [Constraint("primary_key", "pk", ["a"]), Constraint("unique", "u", ["b"])],
)


def statistics(**changes):
    columns = [
        {"name": "a", "null_count": 10, "distinct_count": 80},
        {"name": "b", "null_count": 50, "distinct_count": 25},
        {"name": "c", "null_count": 90, "distinct_count": 1},
    ]
    return {"origin": "exact", "row_count": 100, "columns": columns} | changes


def test_the_profile_counts_only_where_the_structure_says_what_to_expect():
    parts = {(part.column, part.dimension): part.value for part in parts_of_statistics(statistics(), SNAPSHOT)}
    assert parts == {
        ("a", "completeness"): pytest.approx(0.9),
        ("a", "uniqueness"): pytest.approx(80 / 90),
        # Half of b is null, which its structure allows; what is there repeats once.
        ("b", "uniqueness"): pytest.approx(0.5),
    }


def test_a_mostly_null_nullable_column_costs_nothing():
    parts = parts_of_statistics(statistics(), SNAPSHOT)
    assert next(column for column in score_table(COLUMNS, [], [], parts).columns if column.name == "c").score is None


def test_estimates_and_samples_say_nothing_of_uniqueness():
    sampled = statistics(origin="sampled", sample={"method": "rows", "rows": 100})
    estimated = statistics(columns=[{"name": "a", "null_count": 0, "distinct_count": 50, "distinct_is_estimate": True}])
    elsewhere = statistics(columns=[{"name": "a", "null_count": 0, "distinct_count": 50, "distribution_origin": "sampled"}])
    for found in (sampled, estimated, elsewhere):
        assert {part.dimension for part in parts_of_statistics(found, SNAPSHOT)} == {"completeness"}


def test_the_share_a_newer_profile_tells_is_taken_as_it_is():
    told = statistics(columns=[{"name": "a", "null_share": 0.25}])
    assert [part.value for part in parts_of_statistics(told, SNAPSHOT)] == [0.75]


def test_a_source_is_the_mean_of_its_measured_tables_and_tells_how_many_there_are():
    good, bad, none = score([counted("r")]), score([counted("r", "failed", share=0.5)]), score([])
    found = score_source({("s", "good"): good, ("s", "bad"): bad, ("s", "none"): none})
    assert (found.score, found.coverage.tables, found.coverage.tables_measured) == (75.0, 3, 2)
    assert [table.table for table in found.tables] == ["bad", "good"]


def test_where_most_rules_could_not_be_judged_there_is_no_score_and_the_reason_is_told():
    unjudged = [counted(f"u{number}", "error") for number in range(3)]
    found = score([counted("r"), *unjudged])
    assert (found.score, found.reason) == (None, "only 1 of 4 rules could be judged; below 50% no score is told")
    assert [column.score for column in found.columns] == [100.0, None, None]
    assert score([counted("r"), unjudged[0]]).score == 100.0
    other = score([counted("r", "failed", share=0.5)])
    whole = score_source({("s", "t"): found, ("s", "u"): other})
    assert (whole.score, whole.reason) == (None, "only 2 of 5 rules could be judged; below 50% no score is told")


def test_without_any_rule_the_profile_alone_is_scored():
    assert score_table(COLUMNS, [], [], parts_of_statistics(statistics(), SNAPSHOT)).score is not None
