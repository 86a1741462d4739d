"""Rules files and contracts: what is right is understood, and every mistake is told with its line and with what is allowed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from texts import CONTRACT, RULES

from factbook.errors import InvalidRequest
from factbook.quality.rules import check_text, rules_of
from factbook.quality.rules.model import Expectation

HEAD = "tables:\n  - table: s.t\n    checks:\n"


def mistakes(text):
    return [str(mistake) for mistake in check_text(text, "x.yaml")[1]]


def of_check(text):
    return mistakes(HEAD + f"      - {text}\n")


def test_a_file_with_every_check_is_understood():
    rules, wrong = check_text(RULES, "rules.yaml")
    assert wrong == []
    assert (rules.form, rules.source, len(rules.rules), len(rules.promises)) == ("rules", "shop", 18, 5)
    assert [rule.line for rule in rules.rules if rule.id == "few-nulls"] == [9]


def test_the_same_text_is_the_same_rules_with_the_same_ids():
    first, second = rules_of(RULES, "x"), rules_of(RULES, "x")
    assert first == second
    assert len({(rule.table, rule.id) for rule in first.rules}) == len(first.rules)


def test_a_threshold_is_no_part_of_a_derived_id_and_what_differs_is_told_apart():
    one = rules_of(HEAD + "      - {row_count: {min: 1}}\n", "x").rules
    other = rules_of(HEAD + "      - {row_count: {min: 2}}\n", "x").rules
    both = rules_of(HEAD + "      - {row_count: {min: 1}}\n      - {row_count: {min: 2}}\n", "x").rules
    assert [rule.id for rule in one] == [rule.id for rule in other] == ["row_count"]
    assert len({rule.id for rule in both}) == 2
    assert len(rules_of(HEAD + "      - not_null: a\n      - not_null: a\n", "x").rules) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bogus: 3", "'bogus' is no check; checks are not_null, unique"),
        ("not_null: a\n        unique: b", "one check a place; here are not_null and unique"),
        ("severity: error", "no check is named"),
        ("3", "a check is a mapping such as"),
        ("not_null: 3", "not_null needs a mapping with column, allowed_share, allowed_rows"),
        ("not_null: {columns: a}", "'columns' is not known here; allowed are column, allowed_share, allowed_rows"),
        ("not_null: [a, a]", "column names something twice"),
        ("not_null: {column: a, allowed_share: 2}", "allowed_share must be a share from 0 to 1, or a percentage such as 5%"),
        ("not_null: {column: a, allowed_rows: -1}", "allowed_rows must be a whole number, 0 or more"),
        ("not_null: {column: a, allowed_rows: 1, allowed_share: 1%}", "allowed_share and allowed_rows exclude each other"),
        ("accepted_values: {column: a}", "values must be a list of 1 to 10,000 values"),
        ("accepted_values: {column: a, values: [x, null]}", "null always passes, use not_null to forbid it"),
        ("range: {column: a}", "a range needs one of min, max, above, below"),
        ("range: {column: a, min: 1, above: 1}", "min and above exclude each other"),
        ("range: {column: a, min: 2, max: 1}", "the lower end lies above the upper one"),
        ("range: {column: a, min: 2026-01-01, max: 1}", "both ends must be numbers, or both moments"),
        ("range: {column: a, min: 2026-13-01}", "min must be a number, a date or moment such as 2026-01-31"),
        ("range: {column: a, min: now - 1 fortnight}", "or relative such as now - 1d"),
        ("regex: {column: a}", "pattern is missing"),
        ("length: {column: a}", "a length needs min, max or both"),
        ("length: {column: a, min: 3, max: 2}", "min is more than max"),
        ("freshness: {column: a, max_age: 3}", "max_age must be a length of time such as 30s"),
        ("freshness: {column: a}", "max_age must be a length of time"),
        ("freshness: {column: a, max_age: 1d, epoch: days}", "epoch is 'days'; allowed are seconds, milliseconds, microseconds"),
        ("row_count: {}", "row_count needs one of equals"),
        ("row_count: {change: 10%, min: 1}", "change stands alone"),
        ("row_count: {equals: 1, min: 1}", "equals stands alone"),
        ("foreign_key: {columns: [a, b], table: t, their_columns: [c]}", "their_columns has 1 names and columns has 2"),
        ("foreign_key: {columns: a, table: t}", "table and their_columns belong together"),
        ("sql: DELETE FROM t", "a query begins with SELECT or WITH"),
        ("sql: {query: SELECT 1, max: 1, allowed_rows: 1}", "a number is compared, rows are tolerated: not both"),
        ("column_type: {column: a}", "type is missing"),
        ("not_null: a\n        severity: fatal", "severity is 'fatal'; allowed are error, warning, info"),
        ("not_null: a\n        dimension: beauty", "dimension is 'beauty'; allowed are accuracy, completeness"),
        ("not_null: [a, b]\n        id: x", "one id cannot name several rules"),
        ("{not_null: a, id: x}\n      - {not_null: b, id: x}", "the id 'x' names two rules of s.t"),
    ],
)
def test_a_wrong_check_is_named_once_with_its_line_and_with_what_is_allowed(text, said):
    found = of_check(text)
    assert len(found) == 1, found
    assert said in found[0]
    line = int(found[0].removeprefix("line ").split(",")[0].split(":")[0])
    assert 4 <= line <= 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: a rules file is a mapping with tables"),
        ("tables: 3", "line 1, tables: tables must be a list"),
        ("tables: []", "line 1: the file has no check and no promise"),
        ("version: 2\nchecks:\n - sql: SELECT 1", "line 1, version: version must be 1"),
        ("tables:\n - table: nodot\n   promises: default", "write schema.table, with * and ? where any will do"),
        ("tables:\n - checks:\n   - not_null: a", "line 2, tables[0]: table is missing"),
        ("checks:\n - not_null: a", "line 2, checks[0].not_null: not_null needs a table"),
        ("a: 1", "'a' is not known here; allowed are version, source, description, tables, checks, promises"),
        ("promises: all", "promises are `default`, or a mapping with completeness, accuracy, freshness"),
        ("promises: {speed: 1}", "'speed' is not known here; allowed are completeness, accuracy, freshness"),
        ("promises: {freshness: {column: a}}", "columns belong to a table's promises"),
        ("promises: {accuracy: 7}", "accuracy must be a share from 0 to 1"),
        ("checks: &a\n - *a", "nested too deep"),
        ("a: [", "this is no YAML"),
        ("promises: default\npromises: default", "promises stands here twice"),
    ],
)
def test_a_wrong_file_says_where_and_why(text, said):
    found = mistakes(text)
    assert any(said in mistake for mistake in found), found


def test_all_mistakes_are_told_at_once_and_refusing_them_names_each():
    text = HEAD + "      - bogus: 1\n      - regex: {column: a}\n      - row_count: {min: x}\n"
    assert len(mistakes(text)) == 3
    with pytest.raises(InvalidRequest) as caught:
        rules_of(text, "x.yaml")
    assert all(word in caught.value.why for word in ("bogus", "pattern", "min"))


def test_words_that_old_yaml_takes_for_something_else_stay_words():
    rules = rules_of(HEAD + "      - accepted_values: {column: country, values: [NO, yes, 2024-01-10, 1e3]}\n", "x")
    assert rules.rules[0].check.values == ["NO", "yes", "2024-01-10", 1000.0]


def test_expectations_hold_at_their_ends_as_they_say():
    assert Expectation(upper=1).holds(1)
    assert not Expectation(upper=1, upper_is_exclusive=True).holds(1)
    assert Expectation(lower=1, upper=2, is_outside=True).holds(3)
    assert not Expectation(lower=1, upper=2, is_outside=True).holds(2)
    assert not Expectation(unequal=0).holds(0)


def test_a_contract_is_told_from_a_rules_file_and_its_entries_become_rules():
    rules, wrong = check_text(CONTRACT, "c.yaml")
    assert (wrong, rules.form) == ([], "odcs")
    found = {rule.id: rule for rule in rules.rules}
    assert found["nulls"].expect == Expectation(unit="percent", upper=5, upper_is_exclusive=True)
    assert found["nulls"].dimension == "completeness"
    assert found["codes"].dimension == "validity"
    skipped = {rule.id: rule.check.reason for rule in rules.rules if type(rule.check).__name__ == "Unjudged"}
    assert set(skipped) == {"free", "soda", "two", "odd unit", "nested", "sla:retention:orders.placed#2", "sla:latency:nowhere.at#3"}
    assert all(skipped.values())
    assert [(promise.objective, promise.level, promise.column) for promise in rules.promises] == [("freshness", 4 * 86400.0, "placed")]


def test_a_contract_of_another_version_is_refused():
    assert "contracts of v3.0 and v3.1 are read" in mistakes("kind: DataContract\napiVersion: v2.2.2\n")[0]


def test_every_example_of_the_standard_loads_with_all_its_quality_entries(test_data):
    folder = test_data.parent / "standards" / "bitol" / "examples"
    if not folder.is_dir():
        pytest.skip("left out: they need the standard's examples, which are not beside the sample databases")
    counts = {}
    for path in sorted(folder.glob("*.odcs.yaml")):
        rules, wrong = check_text(path.read_text(), path.name)
        assert (wrong, rules.form) == ([], "odcs"), path
        counts[path.stem.removesuffix(".odcs")] = len(rules.rules) + len(rules.promises)
    known = {"column-accuracy": 1, "column-completeness": 1, "column-custom": 2, "column-validity": 1, "full-example": 10}
    assert {name: count for name, count in counts.items() if count} == known
