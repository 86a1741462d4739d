"""A gate's answer as JUnit, as GitHub annotations and as Markdown: readable by machines whatever things are called."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.diff import junit_schema

from factbook.cli.gate_github import command, commands, summary
from factbook.cli.gate_junit import could_not_judge, report
from factbook.cli.terminal import printable
from factbook.diff.gate_model import GateChange, GateResult
from factbook.diff.impact import HitOwner, Impact
from factbook_sdk.facts.kinds.catalog_diff import State

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
NASTY = 'a"<b>&\x00\x1b[31m\r\n::error::x%0A|`]]>\ufffe,:ä漢'


def result(*changes: GateChange, source_id: str = "shop", **more) -> GateResult:
    settings = {"passed": not changes, "reasons": ["1 breaking change"] if changes else [], "failing": len(changes)} | more
    sides = {"before": State(MOMENT, "run-1"), "after": State(MOMENT)}
    return GateResult(source_id=source_id, fail_on="breaking", breaks="any", counts={}, changes=list(changes), **sides, **settings)


def change(name: str = "orders", **more) -> GateChange:
    settings = {
        "severity": "breaking",
        "schema": "public",
        "path": "columns.total",
        "rule": "column_removed",
        "reason": "it is gone",
    } | more
    return GateChange("removed", table=name, breaks=["readers"], id="abc123", **settings)


def test_a_report_has_a_failure_for_each_change_that_counts():
    suite = junit_schema.read(report(result(change(), change("people"))))
    cases = suite.findall("testcase")
    assert [case.attrib["classname"] for case in cases] == ["shop.public.orders", "shop.public.people"]
    failure = cases[0].find("failure")
    assert (failure.attrib["type"], failure.attrib["message"]) == ("column_removed", "it is gone")
    assert {item.attrib["name"] for item in suite.iter("property")} >= {"from", "to", "fail_on", "failing"}


def test_a_report_of_a_pass_has_a_test_that_passed():
    suite = junit_schema.read(report(result()))
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("1", "0")


def test_a_report_of_what_could_not_be_judged_has_an_error():
    suite = junit_schema.read(could_not_judge("shop", f"too old {NASTY}"))
    assert (suite.attrib["errors"], suite.attrib["failures"]) == ("1", "0")


texts = st.text(min_size=1, max_size=20) | st.just(NASTY)


@given(texts, texts, texts)
def test_whatever_things_are_called_a_report_is_well_formed(name, reason, source):
    impact = Impact(owners=[HitOwner(name, "owner", reason)])
    junit_schema.read(report(result(change(name, reason=reason, path=name), source_id=source, impact=impact, notes=[reason])))


COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def unescaped(text: str) -> str:
    """Read a value back as the runner does."""
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_what_github_reads_as_its_own_signs_is_escaped():
    assert command("error", "a:b,c%", "x%0A\ny:z,") == "::error title=a%3Ab%2Cc%25::x%250A%0Ay:z,"


@given(texts, texts)
def test_no_name_makes_a_second_command_or_ends_a_title(title, message):
    match = COMMAND.fullmatch(command("error", title, message))
    assert match is not None
    assert (unescaped(match[2]), unescaped(match[3])) == (printable(title, keep_lines=True), printable(message, keep_lines=True))


@given(texts, texts)
def test_every_line_for_github_is_one_command(name, source):
    impact = Impact(owners=[HitOwner(name, "owner", name)])
    lines = list(commands(result(change(name, reason=name), source_id=source, impact=impact)))
    assert [COMMAND.fullmatch(line)[1] for line in lines] == ["error", "warning", "notice", "error"]


def test_a_pass_is_a_notice():
    assert list(commands(result())) == ["::notice title=factbook gate shop::shop passes: nothing breaking."]


@given(texts)
def test_no_name_breaks_the_table_of_the_summary(name):
    lines = summary(result(change(name, path=name, reason=name))).splitlines()
    rows = [line for line in lines if line.startswith("| ") and "abc123" in line]
    assert [len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows] == [7]
    assert not any("<b>" in line for line in lines)


@pytest.mark.parametrize("write", [report, summary])
def test_a_long_list_is_cut_where_people_read_and_whole_in_the_report(write):
    text = write(result(*(change(f"t{place}") for place in range(300))))
    assert text.count("column\\_removed" if write is summary else "<failure") == (50 if write is summary else 300)
