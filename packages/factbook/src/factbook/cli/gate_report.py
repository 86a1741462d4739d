"""What a gate has to say, to people and to programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from factbook.cli.documents import show_json
from factbook.cli.gate_words import MAX_SHOWN, headline, hits, renames, span, unknowns, where
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, printable, say

if TYPE_CHECKING:
    from factbook.diff.gate_model import GateResult
    from factbook.diff.impact import Impact


def show(result: GateResult, *, form: str) -> None:
    """Print the answer."""
    if form == "json":
        show_json(result)
    elif form == "github":
        from factbook.cli.gate_github import commands

        # Nothing but commands: any other line could hold a name that looks like one.
        print("\n".join(commands(result)))
    else:
        _show_for_people(result)


def write(result: GateResult, *, junit: Path | None) -> None:
    """Write the reports that are asked for: JUnit by option, a summary where GitHub names a file for it."""
    if junit is not None:
        from factbook.cli.gate_junit import report

        _put(junit, report(result), "w")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        from factbook.cli.gate_github import summary as written

        _put(Path(summary), written(result), "a")


def _put(path: Path, text: str, mode: Literal["w", "a"]) -> None:
    from factbook.errors import ConfigurationError

    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"The report {path} cannot be written", why=str(error.strerror), fix="Name a file that can") from error


def _show_for_people(result: GateResult) -> None:
    say(printable(headline(result)), style="bold green" if result.passed else "bold red")
    say(printable(f"from {span(result)}"))
    if result.changes:
        rows = [
            (change.severity, where(change), change.rule, ", ".join(change.breaks), change.reason, change.id)
            for change in result.changes[:MAX_SHOWN]
        ]
        show_table(("severity", "where", "rule", "breaks", "why", "id"), rows, whole=("id", "rule"))
        _say_more(result.failing)
        _show_impact(result.impact)
    for line in renames(result):
        say(printable(line))
    passed_over = ((result.accepted, "accepted"), (result.ignored, "ignored by rule"))
    left = [f"{count(number, 'change')} {what}" for number, what in passed_over if number]
    for line in (*left, *result.notes):
        note(printable(line), style="dim")


def _show_impact(impact: Impact) -> None:
    rows = list(hits(impact))
    if rows:
        say("Whom it hits:")
        show_table(("what", "name", "why"), rows[:MAX_SHOWN])
        _say_more(len(rows))
    for line in unknowns(impact):
        say(line)


def _say_more(total: int) -> None:
    if total > MAX_SHOWN:
        say(f"and {total - MAX_SHOWN:,} more; --json lists up to 1,000")
