"""A quality run in the foreground: with a bar, ended properly by Ctrl-C, and what it has to say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from factbook.cli.exit_codes import ExitCode
from factbook.cli.interrupting import terminated_is_interrupted
from factbook.cli.progress import progress
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, printable, say, seconds

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.jobs import Progress
    from factbook.quality.job import QualityOutcome
    from factbook.quality.model import Noted, NotedPromise, QualityRun

_SHOWN = 100
_FAILING = {"failed": ("failed",), "warned": ("failed", "warned"), "skipped": ("failed", "warned", "skipped")}


def run(
    factbook: Factbook,
    source: str | None,
    rules: Path | None,
    *,
    tables: Sequence[str] | None,
    only_rules: Sequence[str] | None,
    tags: Sequence[str] | None,
    budget: str | None,
    quiet: bool,
) -> QualityOutcome:
    """Judge and return what came out of it; raises what ended it."""
    from factbook.quality.job import Rulebook
    from factbook.quality.rules import read_text

    book = None if rules is None else Rulebook(rules.name, read_text(rules))
    with terminated_is_interrupted(), progress("Judging", "tables", quiet=quiet) as move:

        def on_progress(seen: Progress) -> None:
            move(seen.done, seen.total, seen.text)

        return factbook.own.run_quality(
            source,
            rules=book,
            tables=tables or (),
            only_rules=only_rules or (),
            tags=tags or (),
            budget_seconds=None if budget is None else _budget(budget),
            on_progress=on_progress,
        )


def _budget(text: str) -> float:
    from factbook.durations import seconds_of
    from factbook.errors import InvalidRequest

    seconds_given = seconds_of(text, bare_unit="s")
    if not seconds_given:
        raise InvalidRequest(
            f"{text!r} is no budget", why="it is how long to measure", fix="Write for example 30s, 2m or 1h", field="budget_seconds"
        )
    return seconds_given


def code_of(outcome: QualityOutcome, fail_on: str) -> ExitCode:
    """Return how the command ends: what does not hold goes before what nobody knows."""
    found = outcome.result
    if found is None:
        return ExitCode.SOME_FAILED
    missed = any(noted.promise.outcome == "missed" for noted in found.promises)
    if missed or any(found.outcomes.get(name) for name in _FAILING[str(fail_on)]):
        return ExitCode.NOT_PASSED
    return ExitCode.SOME_FAILED if found.outcomes.get("error") else ExitCode.OK


def document(outcome: QualityOutcome, results: Sequence[Noted], fail_on: str) -> dict[str, Any]:
    """Return the answer for programs: whether it passed, the job with its result, and every rule's result."""
    return {"passed": code_of(outcome, fail_on) is ExitCode.OK, "job": outcome.job, "results": list(results)}


def show(outcome: QualityOutcome, *, quiet: bool) -> None:
    """Print the answer for people: how many rules hold, then every one that does not."""
    found = outcome.result
    if found is None:
        say(f"{outcome.job.job_id}: {outcome.job.state.value}")
        return
    say(_headline(found), style="bold")
    _show_noted(found)
    _show_promises(found.promises)
    if not quiet:
        note(f"job {outcome.job.job_id}  |  next: factbook quality show {found.source_id} --explain", style="dim")


def _show_noted(found: QualityRun) -> None:
    shown = found.noted[:_SHOWN]
    if not shown:
        return
    show_table(
        ("table", "rule", "outcome", "observed", "expected", "checked", "why"),
        [
            (
                f"{one.schema}.{one.table}" if one.table else "(source)",
                one.result.rule,
                "not judged" if one.result.outcome == "error" else one.result.outcome,
                observed(one),
                one.result.expected,
                one.result.rows_checked,
                one.result.reason,
            )
            for one in shown
        ],
        right=("observed", "checked"),
    )
    if len(found.noted) > len(shown):
        say(f"and {len(found.noted) - len(shown):,} more; --json lists them all")


def _headline(found: QualityRun) -> str:
    names = {"passed": "passed", "warned": "warned", "failed": "failed", "error": "could not be judged", "skipped": "skipped"}
    told = ", ".join(f"{found.outcomes[key]:,} {name}" for key, name in names.items() if found.outcomes.get(key)) or "no rules"
    score = f" Score {found.score:g}." if found.score is not None else f" No score: {found.score_reason}." if found.score_reason else ""
    marks = f" {count(found.anomalies, 'new anomaly', 'new anomalies')}." if found.anomalies else ""
    unread = "" if found.histories_are_complete else " Not all measurements could be read: anomalies may be missing."
    took = f"{seconds(found.duration_seconds)}, {count(found.statements, 'statement')}"
    return f"{count(found.rules, 'rule')} on {count(found.tables, 'table')} of {found.source_id} ({took}): {told}.{score}{marks}{unread}"


def observed(one: Noted) -> str:
    """Return what a rule saw, with its unit."""
    found = one.result
    if found.observed is None:
        return ""
    if found.unit == "seconds":
        return seconds(found.observed)
    if found.unit in ("share", "percent"):
        return f"{found.observed * (100 if found.unit == 'share' else 1):.4g} %"
    return f"{found.observed:,.0f}" if float(found.observed).is_integer() else f"{found.observed:g}"


def _show_promises(promises: Sequence[NotedPromise]) -> None:
    if promises:
        show_table(
            ("promise", "of", "kept", "observed", "promised"),
            [
                (
                    one.promise.name,
                    f"{one.schema}.{one.table}" if one.table else "(source)",
                    one.promise.outcome,
                    level(one.promise.observed, one.promise.unit),
                    level(one.promise.expected, one.promise.unit),
                )
                for one in promises[:_SHOWN]
            ],
            right=("observed", "promised"),
        )


def level(value: float | None, unit: str | None) -> str:
    """Return a promised or observed level as people read it."""
    if value is None:
        return "-"
    return seconds(value) if unit == "seconds" else f"{value * 100:.4g} %"


def write_junit(path: Path, outcome: QualityOutcome, results: Sequence[Noted]) -> None:
    """Write the results as JUnit XML: a suite a table, a case a rule."""
    suites = ElementTree.Element("testsuites", name=f"quality of {outcome.job.source_id}")
    tables = sorted({(one.schema or "", one.table or "") for one in results})
    for schema, table in tables:
        own = [one for one in results if (one.schema or "", one.table or "") == (schema, table)]
        name = f"{schema}.{table}" if table else outcome.job.source_id
        numbers = {"failures": ("failed", "warned"), "errors": ("error",), "skipped": ("skipped",)}
        counts = {key: str(sum(one.result.outcome in kinds for one in own)) for key, kinds in numbers.items()}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": _xml(name), "tests": str(len(own)), **counts})
        for one in own:
            taken = f"{one.result.duration_seconds or 0:.6f}"
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(name), name=_xml(one.result.rule), time=taken)
            element = {"failed": "failure", "warned": "failure", "error": "error", "skipped": "skipped"}.get(one.result.outcome)
            if element is not None:
                why = one.result.reason or f"observed {observed(one)}; expected {one.result.expected}"
                ElementTree.SubElement(case, element, message=_xml(why))
    ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def _xml(text: str) -> str:
    """Return a text that XML can carry: control characters have no place in it, not even escaped."""
    return printable(text)
