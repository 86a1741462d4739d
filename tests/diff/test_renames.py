"""A rename is proposed with what speaks for it, and never taken for certain."""

import sys
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from factbook.diff.compare import compare_catalogs
from factbook.diff.evidence import THRESHOLD
from factbook.diff.rename_columns import COLUMN_WEIGHTS
from factbook.diff.rename_tables import TABLE_WEIGHTS
from factbook.diff.renames import propose_renames, wants_statistics
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Reference, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot

T = TableName("s", "t")


def table(*columns, **fields):
    """Return a table of columns given as ``name`` or ``name type``."""
    pairs = [[*column.split(" ", 1), "text"][:2] for column in columns]
    return SchemaSnapshot("table", [Column(name, place, kind) for place, (name, kind) in enumerate(pairs, 1)], **fields)


def propose(before, after, *statistics):
    return propose_renames(compare_catalogs(before, after), *statistics)


def pairs(proposals):
    return [(item.before, item.after, item.ambiguous) for item in proposals]


def test_a_column_renamed_in_place_is_proposed_and_stays_removed_and_added():
    before, after = {T: table("id", "mail", "city")}, {T: table("id", "email", "city")}
    (rename,) = propose(before, after)
    assert (rename.object, rename.schema, rename.table, rename.before, rename.after) == ("column", "s", "t", "mail", "email")
    assert {item.change for item in compare_catalogs(before, after)} == {"removed", "added"}


def test_the_score_is_the_weighted_mean_of_the_evidence():
    (rename,) = propose({T: table("id", "mail", "city")}, {T: table("id", "email", "city")})
    assert sum(sign.weight for sign in rename.evidence) == pytest.approx(1, abs=0.01)
    assert rename.score == pytest.approx(sum(sign.weight * sign.alike for sign in rename.evidence), abs=0.01)
    assert [sign.sign for sign in rename.evidence] == ["type", "position", "name", "nullable"]


def test_signs_that_neither_side_shows_do_not_count():
    (bare,) = propose({T: table("id", "mail")}, {T: table("id", "email")})
    assert not {sign.sign for sign in bare.evidence} & {"default", "comment", "keys", "statistics", "generation"}


def test_a_column_dropped_here_and_added_there_is_no_rename():
    assert propose({T: table("id", "flag boolean", "a", "b")}, {T: table("id", "a", "b", "placed timestamp")}) == []


def test_a_column_of_another_type_in_another_place_is_no_rename_whatever_its_name():
    assert propose({T: table("id", "amount integer", "a", "b")}, {T: table("id", "a", "b", "amounts text")}) == []


def test_each_column_is_proposed_once_and_the_best_pair_wins():
    before = {T: table("id", "first_name", "last_name", "city")}
    after = {T: table("id", "given_name", "family_name", "city")}
    assert [(item.before, item.after) for item in propose(before, after)] == [("first_name", "given_name"), ("last_name", "family_name")]


def test_two_that_explain_a_removal_alike_are_ambiguous():
    before, after = {T: table("id", "x", "city")}, {T: table("id", "y1", "y2", "city")}
    (rename,) = propose(before, after)
    assert rename.ambiguous


def test_keys_that_a_column_stands_in_speak_for_it():
    key = Constraint("foreign_key", "f", ["customer"], references=Reference("customers", "s", ["id"]))
    other = msgspec.structs.replace(key, columns=["buyer"])
    (rename,) = propose({T: table("id", "customer", "x", constraints=[key])}, {T: table("id", "buyer", "x", constraints=[other])})
    assert next(sign for sign in rename.evidence if sign.sign == "keys").alike == 1


def test_statistics_speak_for_and_against():
    before, after = {T: table("id", "a", "z")}, {T: table("id", "b", "c", "z")}

    def measured(**columns):
        return {
            T: StatisticsSnapshot(
                "exact", 10, columns=[ColumnStatistics(name, null_count=0, distinct_count=distinct) for name, distinct in columns.items()]
            )
        }

    (like_b,) = propose(before, after, measured(a=7), measured(b=7, c=9_000))
    (like_c,) = propose(before, after, measured(a=9_000), measured(b=7, c=9_000))
    assert (like_b.after, like_c.after) == ("b", "c")


def estimated(low, distinct, high, *, origin="sampled", **more):
    def measured(name):
        column = ColumnStatistics(name, distinct_count=distinct, distinct_is_estimate=True, distinct_low=low, distinct_high=high, **more)
        return {T: StatisticsSnapshot(origin, 1_000_000, columns=[column])}

    return measured


def statistics_of(old, new):
    found = propose({T: table("id", "a")}, {T: table("id", "b")}, old("a"), new("b"))
    return next((sign for rename in found for sign in rename.evidence if sign.sign == "statistics"), None)


def test_estimates_whose_bounds_overlap_do_not_speak_against_a_rename():
    exact = lambda name: {T: StatisticsSnapshot("exact", 10, columns=[ColumnStatistics(name, distinct_count=1_000)])}  # noqa: E731
    assert statistics_of(estimated(400, 500, 1_200), exact).alike == 1
    assert statistics_of(estimated(400, 500, 800), exact).alike == pytest.approx(0.8)


@pytest.mark.parametrize(
    "told",
    [
        estimated(2, 1_000, 1_000_000),
        estimated(None, 500, None, origin="engine"),
        estimated(None, 500, None, null_count=3, minimum="a", maximum="z", mean_length=4.0),
        estimated(None, 500, None, null_share=0.25),
    ],
    ids=["bounds that hold anything", "an engine's estimate", "extremes and counts of a sample", "a share without a margin"],
)
def test_what_states_no_error_or_one_that_holds_anything_does_not_count(told):
    assert statistics_of(told, told) is None


def test_shares_of_nulls_of_samples_count_with_their_margins():
    def told(share, margin):
        return estimated(None, None, None, null_share=share, null_share_margin=margin)

    assert statistics_of(told(0.5, 0.05), told(0.58, 0.05)).alike == 1
    assert statistics_of(told(0.0, 0.01), told(0.0, 0.01)).alike == 1
    assert statistics_of(told(0.1, 0.01), told(0.5, 0.01)).alike == pytest.approx(0.11 / 0.49, abs=0.001)


def test_rows_that_an_engine_estimates_say_nothing_of_a_table():
    def told(name, estimate):
        return {TableName("s", name): StatisticsSnapshot("engine", 10, row_count_is_estimate=estimate)}

    before, after = {TableName("s", "orders"): table("id", "a", "b")}, {TableName("s", "sales"): table("id", "a", "b")}
    for estimate in (False, True):
        (rename,) = propose(before, after, told("orders", estimate), told("sales", False))
        assert ("statistics" in {sign.sign for sign in rename.evidence}) == (not estimate)


def test_no_value_of_the_data_stands_in_the_evidence():
    measured = {
        T: StatisticsSnapshot(
            "exact", 10, columns=[ColumnStatistics(name, distinct_count=9, minimum="ann@x", maximum="zoe@x") for name in "ab"]
        )
    }
    (rename,) = propose({T: table("id", "a")}, {T: table("id", "b")}, measured, measured)
    assert "statistics" in {sign.sign for sign in rename.evidence}
    assert "@x" not in str(rename)


def test_statistics_are_asked_for_only_where_something_went_and_something_came():
    before = {T: table("id", "a"), TableName("s", "u"): table("id"), TableName("s", "gone"): table("id")}
    after = {T: table("id", "b"), TableName("s", "u"): table("id", "more")}
    assert wants_statistics(compare_catalogs(before, after)) == [T]


def test_a_table_renamed_is_proposed_by_its_columns():
    (rename,) = propose({T: table("id", "body", "at")}, {TableName("s", "remarks"): table("id", "body", "at")})
    assert (rename.object, rename.before, rename.after, rename.after_schema) == ("table", "t", "remarks", None)


def test_a_table_that_moved_to_another_schema_says_where():
    (rename,) = propose({T: table("id", "body")}, {TableName("archive", "t"): table("id", "body")})
    assert (rename.before, rename.after, rename.after_schema) == ("t", "t", "archive")


def test_tables_alike_in_nothing_are_not_proposed():
    assert propose({T: table("id", "body")}, {TableName("s", "u"): table("key", "amount")}) == []


def test_a_view_is_never_a_table_renamed():
    view = msgspec.structs.replace(table("id", "body"), object_type="view")
    assert propose({T: table("id", "body")}, {TableName("s", "u"): view}) == []


def test_twins_are_proposed_as_ambiguous():
    before = {T: table("id", "a", "b")}
    after = {TableName("s", "u1"): table("id", "a", "b"), TableName("s", "u2"): table("id", "a", "b")}
    (rename,) = propose(before, after)
    assert rename.ambiguous


def test_no_proposal_is_below_the_threshold_and_weights_are_shares():
    assert all(0 < weight < 1 for weight in (*COLUMN_WEIGHTS.values(), *TABLE_WEIGHTS.values()))
    before = {T: table(*(f"c{place} {kind}" for place, kind in enumerate(["integer", "text", "date"] * 5)))}
    after = {T: table(*(f"d{place} {kind}" for place, kind in enumerate(["text", "date", "integer"] * 5)))}
    assert all(item.score >= THRESHOLD for item in propose(before, after))


def test_a_thousand_columns_renamed_at_once_are_proposed_by_their_place():
    before = {T: table("id", *(f"c{place}" for place in range(1000)))}
    after = {T: table("id", *(f"d{place}" for place in range(1000)))}
    assert [(item.before[1:], item.after[1:]) for item in propose(before, after)].count(("7", "7")) == 1
    assert len(propose(before, after)) == 1000


def test_ten_thousand_tables_renamed_at_once_take_no_square_of_comparisons():
    before = {TableName("s", f"t{place}"): table("id", f"only_{place}", "at") for place in range(3000)}
    after = {TableName("s", f"u{place}"): table("id", f"only_{place}", "at") for place in range(3000)}
    found = propose(before, after)
    assert {(item.before[1:], item.after[1:]) for item in found} == {(str(place), str(place)) for place in range(3000)}
