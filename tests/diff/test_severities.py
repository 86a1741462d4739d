"""A source's owner decides how bad a change is, in a file that is read strictly."""

from __future__ import annotations

from datetime import date

import pytest
from tests.diff.verdicts import HOSTILE, column, found, of_column, said, table

from factbook.diff.severities import DEFAULT, Override, Severities, load_severities
from factbook.diff.verdict import RULES, judge
from factbook.errors import ConfigurationError

NAMES = [rule.name for rule in RULES]
REMOVED = of_column(column("total"), None)


@pytest.fixture
def load(tmp_path):
    def read(text, source="shop", today=date(2026, 6, 1)):
        file = tmp_path / "verdict-rules.yaml"
        file.write_text(text, encoding="utf-8")
        return load_severities(file, source, NAMES, today=today)

    return read


def test_an_entry_changes_the_severity_and_the_verdict_says_so(load):
    severities = load("sources: {shop: [{rule: column_removed, on: public.orders, severity: compatible, reason: rebuilt each night}]}")
    verdict = judge(REMOVED, severities)
    assert (verdict.severity, verdict.breaks) == ("compatible", ("readers", "writers"))
    assert verdict.reason.endswith("(set by verdict-rules.yaml, breaking by default: rebuilt each night)")


def test_what_is_ignored_is_cosmetic_and_says_until_when_and_why(load):
    severities = load("sources: {shop: [{on: public.orders, ignore: true, reason: moving, until: 2026-06-01}]}")
    verdict = judge(REMOVED, severities)
    assert verdict.severity == "cosmetic"
    assert "ignored until 2026-06-01 by verdict-rules.yaml, breaking by default: moving" in verdict.reason


def test_what_was_ignored_until_yesterday_counts_again_and_is_named(load):
    severities = load("sources: {shop: [{on: public.orders, ignore: true, reason: moving, until: 2026-05-31}]}")
    assert judge(REMOVED, severities) == judge(REMOVED)
    assert [entry.reason for entry in severities.expired] == ["moving"]


@pytest.mark.parametrize(
    ("on", "fits"),
    [
        ("public", True),
        ("public.orders", True),
        ("public.orders.total", True),
        ("public.orders.t*", True),
        ("public.o?ders", True),
        ("*", True),
        ("public.orders.id", False),
        ("public.order", False),
        ("Public.orders", False),
    ],
)
def test_a_pattern_speaks_of_a_place_and_all_that_is_in_it(load, on, fits):
    severities = load(f"sources: {{shop: [{{on: '{on}', severity: risky}}]}}")
    assert (said(REMOVED, severities=severities)[1] == "risky") is fits


def test_the_first_entry_that_fits_decides(load):
    text = "sources: {shop: [{rule: column_removed, severity: risky}, {severity: cosmetic}], '*': [{severity: compatible}]}"
    assert said(REMOVED, severities=load(text))[1] == "risky"
    assert said(found(table(column()), None), severities=load(text))[1] == "cosmetic"
    assert said(REMOVED, severities=load(text, source="other"))[1] == "compatible"
    assert load(text.replace("'*'", "'x*'"), source="other") == Severities(origin="verdict-rules.yaml")


def test_a_name_with_signs_of_patterns_is_written_in_brackets():
    override = Override(on="public.a[*]b", severity="risky")
    assert [override.fits("x", ("public", name)) for name in ("a*b", "axb")] == [True, False]


def test_hostile_names_are_only_names():
    assert not Override(on="public.orders", severity="risky").fits("x", ("public", HOSTILE))
    assert Override(on="public.*", severity="risky").fits("x", ("public", HOSTILE, HOSTILE))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sources: {shop: [{rule: column_removd, severity: risky}]}", "no rule is called 'column_removd'"),
        ("sources: {shop: [{severity: bad}]}", "Invalid enum value 'bad'"),
        ("sources: {shop: [{severity: risky, flavour: 1}]}", "unknown field `flavour`"),
        ("sources: {shop: [{on: public.x}]}", "either a severity or ignore"),
        ("sources: {shop: [{severity: risky, ignore: true, reason: x}]}", "either a severity or ignore"),
        ("sources: {shop: [{ignore: true}]}", "gives no reason"),
        ("sources: {shop: [{ignore: true, reason: x, until: soon}]}", "Invalid RFC3339"),
        ("sources: {shop: {severity: risky}}", "Expected `array`"),
        ("- 1", "Expected `object`"),
        ("", "Expected `object`"),
        ("sources: {shop: [}", "expected"),
        ("sources: {}\nsources: {}", "duplicate key"),
        ("sources: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: &a [*a]\nsources: *a", "unknown field"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_what_is_wrong(load, text, why):
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert why in caught.value.why


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("absent", "binary", "."):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_severities(tmp_path / name, "shop", NAMES)


def test_by_default_rules_speak_for_themselves():
    assert DEFAULT.ruling("column_removed", "breaking", ("public", "t")).severity == "breaking"
