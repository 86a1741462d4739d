"""A gate passes, does not pass, or says that it cannot tell; the last never looks like the first."""

from __future__ import annotations

import msgspec
import pytest
from tests.diff.gating import World, failing, number, table
from tests.diff.verdicts import HOSTILE

from factbook.diff.gate_model import GateRequest
from factbook.diff.severities import Override, Severities
from factbook.errors import CannotJudge, InvalidRequest, NotFound
from factbook.sources.contract import ScanScope, SchemaReading, TableName
from factbook_sdk.facts.kinds.schema_snapshot import Constraint

ORDERS = table("id", "total", number("count"))
WITHOUT_TOTAL = table("id", number("count"))
PEOPLE = table("id", "name")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def dropped(world):
    """A world in which a column of one of two tables went."""
    world.scan({"public.orders": ORDERS, "public.people": PEOPLE})
    world.scan({"public.orders": WITHOUT_TOTAL, "public.people": PEOPLE})
    return world


def test_what_breaks_does_not_pass_and_the_reasons_say_whom(dropped):
    result = dropped.gate()
    assert not result.passed
    assert result.reasons == ["1 breaking change for readers and writers"]
    assert failing(result) == [("orders", "column_removed")]
    assert (result.counts, result.failing) == ({"breaking": 1}, 1)


def test_what_breaks_nobody_passes_and_is_counted(world):
    world.scan({"public.orders": ORDERS})
    world.scan({"public.orders": table("id", "total", number("count"), "note")})
    result = world.gate()
    assert result.passed
    assert (result.counts, result.changes, result.reasons) == ({"compatible": 1}, [], [])


@pytest.mark.parametrize(("fail_on", "passed"), [("breaking", True), ("risky", False), ("compatible", False), ("cosmetic", False)])
def test_fail_on_says_from_which_severity_on_a_change_fails(world, fail_on, passed):
    world.scan({"public.orders": ORDERS})
    world.scan({"public.orders": table("id", "total", number("count", "bigint"))})
    assert world.gate(fail_on=fail_on).passed is passed


@pytest.mark.parametrize(("breaks", "passed"), [("any", False), ("writers", False), ("readers", True)])
def test_breaks_says_whose_trouble_counts(world, breaks, passed):
    world.scan({"public.orders": table(number("n", "bigint"))})
    world.scan({"public.orders": table(number("n", "integer"))})
    assert world.gate(breaks=breaks).passed is passed


def test_a_source_that_was_never_scanned_cannot_be_judged(world):
    with pytest.raises(NotFound, match="No scan of 'shop' is known"):
        world.gate()


def test_a_single_scan_cannot_be_judged(world):
    world.scan({"public.orders": ORDERS})
    with pytest.raises(InvalidRequest, match="There is no scan of shop before"):
        world.gate()


def test_a_run_that_nobody_knows_cannot_be_judged(dropped):
    with pytest.raises(NotFound, match="is no scan of shop"):
        dropped.gate(before="scan-of-another-world")


def test_a_scan_that_is_too_old_cannot_be_judged_by(dropped):
    assert dropped.gate(max_age_seconds=60).failing == 1
    dropped.ahead = dropped.ahead.__class__(seconds=61)
    with pytest.raises(CannotJudge, match="too old to judge by"):
        dropped.gate(max_age_seconds=60)


def test_a_schema_that_was_not_read_completely_cannot_be_judged_and_others_can(world):
    both = {"public.orders": ORDERS, "other.people": PEOPLE}
    world.scan(both)
    world.scan(both, schemas={"public": SchemaReading(True), "other": SchemaReading(False, "no privilege")})
    for asked in ({}, {"reads": ["other.people"]}, {"tables": ["people"]}):
        with pytest.raises(CannotJudge, match="The schema other was not read completely") as caught:
            world.gate(before="previous", after="latest", **asked)
        assert "no privilege" in caught.value.why
    assert world.gate(before="previous", after="latest", reads=["public.orders"]).passed


def test_a_table_that_failed_cannot_be_judged(world):
    both = {"public.orders": ORDERS, "other.people": PEOPLE}
    world.scan(both)
    world.scan(both, failing={TableName("public", "orders")})
    with pytest.raises(CannotJudge, match="The schema public was not read completely"):
        world.gate(before="previous", after="latest", tables=["public.*"])


def test_an_earlier_scan_that_missed_something_hides_no_break(world):
    world.scan({"public.orders": ORDERS})
    world.scan({"public.orders": ORDERS}, schemas={"public": SchemaReading(False, "cut short")})
    world.scan({"public.orders": WITHOUT_TOTAL})
    result = world.gate(before="previous", after="latest")
    assert failing(result) == [("orders", "column_removed")]
    assert any("cut short" in line for line in result.notes)


def test_a_table_that_the_earlier_scan_may_have_missed_is_not_taken_for_new(world):
    world.scan({"public.orders": ORDERS}, schemas={"public": SchemaReading(False, "cut short")})
    world.scan({"public.orders": ORDERS, "public.people": PEOPLE})
    with pytest.raises(CannotJudge, match="cut short"):
        world.gate(reads=["public.people"])
    assert world.gate(reads=["public.orders"]).passed


def test_a_scan_of_another_part_cannot_be_judged_by(world):
    both = {"public.orders": ORDERS, "other.people": PEOPLE}
    world.scan(both)
    world.scan(both, scope=ScanScope(include=["other"]))
    for asked in ({}, {"reads": ["public.orders"]}, {"tables": ["public.*"]}):
        with pytest.raises(CannotJudge, match="did not look at all that is asked for"):
            world.gate(before="previous", after="latest", **asked)
    result = world.gate(before="previous", after="latest", reads=["other.people"])
    assert (result.passed, result.notes) == (True, ["judged within what was scanned: other"])


@pytest.mark.parametrize("name", ["public.ordres", "publik.orders", "public.orders.totl", "x*.orders"])
def test_a_name_that_nothing_has_is_a_slip_and_no_pass(dropped, name):
    with pytest.raises(CannotJudge, match=r"There is no (table|column)"):
        dropped.gate(reads=[name])


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ({"tables": ["people"]}, True),
        ({"tables": ["public.ord*"]}, False),
        ({"reads": ["public.people"]}, True),
        ({"reads": ["public.orders"]}, False),
        ({"reads": ["public.orders.total"]}, False),
        ({"reads": ["public.orders.id"]}, True),
        ({"writes": ["public.orders.id"]}, True),
        ({"writes": ["public.orders.total"]}, False),
        ({"reads": ["public.orders.id"], "writes": ["public.orders.t*"]}, False),
    ],
)
def test_only_what_the_pipeline_uses_counts(dropped, asked, passed):
    assert dropped.gate(**asked).passed is passed


def test_who_writes_other_columns_is_hit_by_one_that_must_be_given(world):
    world.scan({"public.orders": ORDERS})
    world.scan({"public.orders": table("id", "total", number("count"), number("must", nullable=False))})
    assert failing(world.gate(writes=["public.orders.id"])) == [("orders", "required_column_added")]
    assert world.gate(reads=["public.orders.id"], fail_on="cosmetic").passed


def test_a_table_that_is_gone_is_hit_through_each_of_its_columns(world):
    world.scan({"public.orders": ORDERS, "public.people": PEOPLE})
    world.scan({"public.people": PEOPLE})
    assert failing(world.gate(reads=["public.orders.id"])) == [("orders", "table_removed")]


def test_a_key_hits_readers_of_its_columns_alone_and_every_writer(world):
    keyed = [Constraint("primary_key", "pk", ["id"])], [Constraint("primary_key", "pk", ["id", "total"])]
    world.scan({"public.orders": table("id", "total", "note", constraints=keyed[0])})
    world.scan({"public.orders": table("id", "total", "note", constraints=keyed[1])})
    answers = [world.gate(**{what: [f"public.orders.{column}"]}).passed for what in ("reads", "writes") for column in ("id", "note")]
    assert answers == [False, True, False, False]


def test_an_accepted_change_passes_and_another_change_of_the_same_column_does_not(dropped):
    identifier = dropped.gate().changes[0].id
    result = dropped.gate(accept=[identifier, "unheard-of"])
    assert (result.passed, result.accepted, result.notes) == (True, 1, ["accepted, and not there: unheard-of"])
    dropped.scan({"public.orders": ORDERS, "public.people": PEOPLE})
    dropped.scan({"public.orders": table("id"), "public.people": PEOPLE})
    again = dropped.gate(accept=[identifier])
    assert [change.path for change in again.changes] == ["columns.count"]


def test_an_accepted_rename_accepts_the_removal_and_the_addition_that_it_explains(world):
    world.scan({"public.orders": table("id", number("total", "bigint", nullable=False, comment="in cents"))})
    world.scan({"public.orders": table("id", number("amount", "bigint", nullable=False, comment="in cents"))})
    result = world.gate()
    assert [(rename.before, rename.after) for rename in result.renames] == [("total", "amount")]
    assert sorted(rule for _, rule in failing(result)) == ["column_removed", "required_column_added"]
    accepted = world.gate(accept=[result.renames[0].id])
    assert (accepted.passed, accepted.accepted) == (True, 2)


def test_what_the_owner_ignores_does_not_count_even_from_cosmetic_on(world):
    world.severities = Severities((Override("column_removed", "public.orders", ignore=True, reason="ours"),), origin="rules.yaml")
    world.scan({"public.orders": ORDERS})
    world.scan({"public.orders": WITHOUT_TOTAL})
    result = world.gate(fail_on="cosmetic")
    assert (result.passed, result.ignored) == (True, 1)


def test_two_sources_are_compared_as_they_are(world):
    world.scan({"public.orders": ORDERS}, source="production")
    world.scan({"public.orders": WITHOUT_TOTAL}, source="staging")
    assert failing(world.gate("staging", other="production")) == [("orders", "column_removed")]
    assert world.gate("production", other="staging").passed


def test_two_sources_of_which_one_was_read_in_part_cannot_be_judged(world):
    world.scan({"public.orders": ORDERS}, source="production", schemas={"public": SchemaReading(False, "no privilege")})
    world.scan({"public.orders": ORDERS}, source="staging")
    with pytest.raises(CannotJudge, match="no privilege"):
        world.gate("staging", other="production")


def test_names_with_dots_and_quotes_are_asked_for_in_quotes(world):
    name = HOSTILE.replace('"', "")
    quoted = f'"{name}"'
    world.scan({f"public.{name}": table("a.b", "c")})
    world.scan({f"public.{name}": table("c")})
    assert failing(world.gate(reads=[f'public.{quoted}."a.b"'])) == [(name, "column_removed")]
    assert world.gate(reads=[f"public.{quoted}.c"]).passed


@pytest.mark.parametrize("name", ["orders", "a.b.c.d", "", "public.", '"unclosed'])
def test_what_names_no_table_is_refused(dropped, name):
    with pytest.raises(InvalidRequest, match="names no table"):
        dropped.gate(reads=[name])


def test_a_request_that_makes_no_sense_is_refused_before_anything_is_read():
    for wrong in ({"fail_on": "bad"}, {"max_age_seconds": 0}, {"tables": ["a"], "reads": ["a.b"]}, {"flavour": 1}, {"from": "a\x00b"}):
        with pytest.raises((msgspec.ValidationError, InvalidRequest)):
            msgspec.convert({"source_id": "shop"} | wrong, GateRequest)


def test_a_long_list_is_cut_and_counted(world):
    world.scan({"public.orders": table("id", *(f"c{place}" for place in range(1_200)))})
    world.scan({"public.orders": table("id")})
    result = world.gate()
    assert (result.failing, len(result.changes), result.reasons) == (1_200, 1_000, ["1,200 breaking changes for readers and writers"])
