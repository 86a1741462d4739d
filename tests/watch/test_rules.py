"""Rules files, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from factbook.errors import ConfigurationError
from factbook.watch.defaults import DEFAULTS
from factbook.watch.reading import load, read

GOOD = """
max_age: 2d
group_wait: 5s
rules:
  - name: loads.errors
    kind: ingestion_runtime
    source: shop
    table: ["orders*", items]
    where: ["payload.outcome in succeeded,failed"]
    when: ["payload.outcome = failed"]
    window: {length: 5m, measure: share, above: 0.01, at_least: 20}
    severity: critical
    title: "{target}: {value} of {count} loads failed"
    channels: [ops]
  - name: catalog_diff.risky
    kind: catalog_diff
    when: ["payload.counts.risky > 5"]
channels:
  - {name: ops, type: webhook, url: "https://hooks.example/x", options: {secret: "${S}"}}
  - {name: log, type: log, severity: error, tenant: other, states: [firing]}
"""


def test_a_file_adds_to_the_rules_that_are_there_and_replaces_those_of_its_names() -> None:
    book = read(GOOD, tenant="acme")
    names = [rule.name for rule in book.rules]
    assert len(names) == len(set(names)) == len(DEFAULTS) + 1
    assert next(rule for rule in book.rules if rule.name == "catalog_diff.risky").when == ["payload.counts.risky > 5"]
    assert [rule.name for rule in book.by_kind["ingestion_runtime"]] == ["loads.errors"]


def test_rules_and_channels_are_the_own_tenants_and_the_given_rules_everybodys() -> None:
    book = read(GOOD, tenant="acme*")
    tenants = {rule.name: rule.tenants for rule in book.rules}
    assert (tenants["loads.errors"], tenants["recon_result.repeated"]) == (["acme[*]"], ["*"])
    assert [(spec.name, spec.tenant) for spec in book.channels] == [("ops", "acme*"), ("log", "other")]


def test_a_rule_reaches_the_channels_it_names_and_one_that_names_none_all() -> None:
    book = read(GOOD, tenant="acme")
    assert [book.reaches("loads.errors", name) for name in ("ops", "log")] == [True, False]
    assert [book.reaches(rule, "log") for rule in ("recon_result.repeated", "somebody.elses")] == [True, True]


def test_without_a_word_there_are_the_given_rules_and_the_log() -> None:
    book = read("", tenant="default")
    assert [rule.name for rule in book.rules] == [rule.name for rule in DEFAULTS]
    assert [spec.type for spec in book.channels] == ["log"]


def test_the_given_rules_pass_the_checks_of_a_file() -> None:
    from factbook.watch import reading

    for rule in DEFAULTS:
        reading._check_rule(rule, set(), rule.name, "defaults")


def test_yaml_is_of_version_1_2() -> None:
    book = read("rules:\n  - {name: no, kind: k, when: [payload.country = NO]}", tenant="default")
    assert book.rules[-1].name == "no"


def rule(more: str) -> str:
    return f"rules:\n  - {{name: mine, kind: recon_result, {more}}}"


WHEN = "when: [payload.outcome = failed]"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [", "rules.yaml is wrong at line 1, column 9: it is no YAML (ParserError). Correct it there"),
        ("a: 1\na: 2", "rules.yaml is wrong at line 2, column 1: it is no YAML (DuplicateKeyError). Correct it there"),
        ("- 1", "rules.yaml is wrong: Expected `object`, got `array`."),
        ("rule: []", "rules.yaml is wrong: Object contains unknown field `rule`."),
        ("max_age: soon", "rules.yaml is wrong at max_age: 'soon' is no duration; write for example 30s, 5m, 1h or 7d."),
        ("max_age: 7", "rules.yaml is wrong at max_age: Expected `str`, got `int`."),
        (rule("whenn: []"), "rules.yaml is wrong at rules[0]: Object contains unknown field `whenn`."),
        (rule("severity: bad, " + WHEN), "rules.yaml is wrong at rules[0].severity: Invalid enum value 'bad'."),
        (rule("in_a_row: 0, " + WHEN), "rules.yaml is wrong at rules[0].in_a_row: it lies between 1 and 1,000."),
        (rule("for: 10, " + WHEN), "rules.yaml is wrong at rules[0].for: Expected `str`, got `int`."),
        (rule("when: [outcome = failed]"), "rules.yaml is wrong at rules[0].when[0]: 'outcome' is no path into a record"),
        (
            rule("when: [payload.outcome is failed]"),
            "rules.yaml is wrong at rules[0].when[0]: 'payload.outcome is failed' is no condition.",
        ),
        (rule("per: [check], " + WHEN), "rules.yaml is wrong at rules[0].per[0]: 'check' is no path into a record"),
        (rule("at_least: {payload.severity: bad}"), "rules.yaml is wrong at rules[0].at_least: 'bad' is no severity."),
        (rule("severity: info"), "rules.yaml is wrong at rules[0].when: nothing says which facts are bad."),
        (rule("title: '{target[0]}', " + WHEN), "rules.yaml is wrong at rules[0].title: a field is a name in braces and nothing else"),
        (rule("title: '{nobody}', " + WHEN), "rules.yaml is wrong at rules[0].title: {nobody} is no field; there are changes, count"),
        (rule("title: '{target!r}', " + WHEN), "rules.yaml is wrong at rules[0].title: a field is a name in braces and nothing else"),
        (rule("title: '{target:>99999999}', " + WHEN), "rules.yaml is wrong at rules[0].title: a field is a name in braces"),
        (rule("title: '{', " + WHEN), "rules.yaml is wrong at rules[0].title: "),
        (rule("channels: [ops], " + WHEN), "rules.yaml is wrong at rules[0].channels: there is no channel 'ops'. There are log"),
        (rule("each: true, in_a_row: 2, " + WHEN), "rules.yaml is wrong at rules[0].each: what tells each fact counts none."),
        (rule("resolve: never, resolve_when: [payload.a = 1], " + WHEN), "rules.yaml is wrong at rules[0].resolve: resolve_when says when"),
        (
            rule("in_a_row: 2, window: {length: 5m, above: 1}, " + WHEN),
            "rules.yaml is wrong at rules[0].window: a window counts by itself.",
        ),
        (rule("window: {length: 0s, above: 1}"), "rules.yaml is wrong at rules[0].window.length: it is zero."),
        (rule("window: {length: 5m}"), "rules.yaml is wrong at rules[0].window: it takes either above or below."),
        (
            rule("window: {length: 5m, measure: mean, above: 1}"),
            "rules.yaml is wrong at rules[0].window.path: mean, max and min need a path",
        ),
        (rule("window: {length: 5m, above: 1, at_least: 0}"), "rules.yaml is wrong at rules[0].window.at_least: it lies between 1 and"),
        ("rules:\n  - {name: watch.x, kind: k}", "rules.yaml is wrong at rules[0].name: a rule's name has"),
        ("rules:\n  - {name: a, kind: alert}", "rules.yaml is wrong at rules[0].kind: an alert about alerts would be about itself."),
        (
            f"rules:\n  - {{name: a, kind: k, {WHEN}}}\n  - {{name: a, kind: k, {WHEN}}}",
            "rules.yaml is wrong at rules[1].name: there are two",
        ),
        ("channels: [{name: 'a b', type: log}]", "rules.yaml is wrong at channels[0].name: a channel's name has"),
        ("channels: [{name: a}]", "rules.yaml is wrong at channels[0]: Object missing required field `type`."),
        ("channels: [{name: a, type: log, give_up_after: x}]", "rules.yaml is wrong at channels[0].give_up_after: 'x' is no duration"),
        (
            "channels: [{name: a, type: log}, {name: a, type: log}]",
            "rules.yaml is wrong at channels[1].name: there are two of the name 'a'.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(file, tenant="default")
    assert str(caught.value).startswith(told), str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.yaml cannot be read: No such file or directory"):
        load(tmp_path / "missing.yaml", tenant="default")
    (tmp_path / "rules.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="no text in UTF-8"):
        load(tmp_path / "rules.yaml", tenant="default")


def test_a_yaml_mistake_beside_a_secret_does_not_quote_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("channels:\n  - {name: ops, type: webhook, url: https://h.example/s3cretT0ken, : [", tenant="default")
    assert "s3cret" not in str(caught.value)
