"""What a backfill has to say: where the rows went, what was stored, and which tables have enough history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say

if TYPE_CHECKING:
    from factbook.backfill import BackfillReport

_MAX_REJECTS = 20
_MAX_TABLES = 50
_COUNTS = ("read", "merged", "skipped", "repeats", "rejected", "records")


def show(report: BackfillReport, *, quiet: bool = False) -> None:
    """Print the report for people."""
    say(_headline(report), style="bold")
    _show_rows(report)
    _show_rejects(report)
    _show_revised(report)
    _show_tables(report)
    _show_expectations(report)
    if report.dry_run and not quiet:
        note("Leave out --dry-run to store them.", style="dim")


def _headline(report: BackfillReport) -> str:
    made = f"{count(report.rows.records, 'record')} from {count(report.rows.read, 'row')}"
    if report.stored is None:
        return f"Dry run: {made}; nothing was stored."
    return f"Backfilled {made}: " + ", ".join(f"{number:,} {name}" for name, number in report.stored.items())


def _show_rows(report: BackfillReport) -> None:
    rows = [(each.name, *(getattr(each.rows, name) for name in _COUNTS)) for each in report.inputs]
    if len(rows) > 1:
        rows.append(("all", *(getattr(report.rows, name) for name in _COUNTS)))
    # As text, so that zeros are shown: that nothing was lost is the answer.
    show_table(("input", *_COUNTS), [(name, *(f"{number:,}" for number in numbers)) for name, *numbers in rows], right=_COUNTS)
    for each in report.inputs:
        if each.unseen and each.rows.merged:
            say(f"No row of {each.name} had a value for {', '.join(each.unseen)}: are the paths right?", style="yellow")
        for file in each.files:
            if file.same_as is not None:
                note(f"{file.file} is the same as {file.same_as} and was not read again")


def _show_rejects(report: BackfillReport) -> None:
    if not report.rejects:
        return
    say("Rejected:", style="red")
    show_table(("where", "why"), [(row.place, row.reason) for row in report.rejects[:_MAX_REJECTS]])
    shown = sum(row.rows for row in report.rejects[:_MAX_REJECTS])
    if report.rows.rejected > shown:
        say(f"and {report.rows.rejected - shown:,} more; --rejects FILE lists all")


def _show_revised(report: BackfillReport) -> None:
    if report.revised_count:
        runs = ", ".join(item.run_id for item in report.revised[:_MAX_REJECTS])
        say(
            f"{count(report.revised_count, 'run')} had a record already, made of fewer or other rows; both are kept: {runs}", style="yellow"
        )


def _show_tables(report: BackfillReport) -> None:
    if not report.tables:
        return
    threshold = report.threshold
    thin = [table for table in report.tables if table.lacks]
    enough = report.table_count - report.thin_count
    say(
        f"{count(enough, 'history', 'histories')} of {report.table_count:,} long enough for a baseline "
        f"({threshold.runs} runs over {threshold.days:g} days)",
        style="yellow" if thin else None,
    )
    shown = (thin + [table for table in report.tables if not table.lacks])[:_MAX_TABLES]
    rows = [
        (
            table.target,
            table.kind,
            table.runs,
            table.records,
            table.first,
            table.last,
            table.gap_count,
            table.lacks and f"only {table.lacks}",
        )
        for table in shown
    ]
    show_table(("table", "kind", "runs", "records", "first", "last", "gaps", "lacks"), rows, right=("runs", "records", "gaps"))
    if report.table_count > len(shown):
        say(f"and {report.table_count - len(shown):,} more; --json lists up to 10,000")


def _show_expectations(report: BackfillReport) -> None:
    if report.expectations:
        rows = [
            (each.of, each.measure, _plain(each.expected), _plain(each.found), "ok" if each.agrees else "DIFFERS")
            for each in report.expectations
        ]
        show_table(("expected of", "measure", "expected", "found", ""), rows, right=("expected", "found"))


def _plain(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,}"
