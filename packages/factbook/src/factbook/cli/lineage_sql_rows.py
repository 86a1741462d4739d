"""What SQL was found to fill from what, as a table, and what was not understood."""

from __future__ import annotations

from collections.abc import Iterator

from factbook.cli.documents import show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say
from factbook.lineage.sql import SqlLineageReport, TargetLineage
from factbook_sdk.facts.parts import TableRef


def show(report: SqlLineageReport, *, limit: int, as_json: bool) -> None:
    """Print a report, then on stderr what was not understood and what to mind."""
    if as_json:
        show_json(report)
        return
    shown = report.flows[:limit]
    if shown:
        show_table(("table", "made from", "type", "columns", ""), [row for flow in shown for row in _rows(flow)], right=("columns",))
        say("")
    say(_summary(report), style="bold")
    if len(report.flows) > len(shown):
        note(f"{len(report.flows) - len(shown):,} more: --limit {len(report.flows)}", style="dim")
    for failure in report.failures[:limit]:
        note(f"Not understood: {failure.at}: {failure.reason}", style="red")
    for unknown in report.unknown[:limit]:
        note(f"Not known: {unknown.name}: {unknown.reason}", style="yellow")
    for warning in report.warnings:
        note(f"Warning: {warning}", style="yellow")


def _rows(flow: TargetLineage) -> Iterator[tuple[str, str, str, int | None, str]]:
    name = f"({flow.at})" if flow.target is None else _name(flow.target)
    if not flow.inputs:
        yield name, "nothing", "", None, flow.outcome or ""
    for place, item in enumerate(flow.inputs):
        columns = sum(edge.type == "direct" for edge in item.columns)
        yield "" if place else name, _name(item.table), item.type, columns or None, "" if place else flow.outcome or ""


def _name(table: TableRef) -> str:
    return ".".join(part for part in (table.schema, table.table) if part)


def _summary(report: SqlLineageReport) -> str:
    noun = "view" if report.origin == "view" else "statement"
    parts = [
        count(report.statements, noun),
        count(report.edges, "edge") + " between tables",
        f"{report.column_edges:,} between columns",
    ]
    if report.stored is None:
        parts.append("nothing stored")
    else:
        parts += [f"{number:,} {outcome}" for outcome, number in report.stored.items() if number and outcome != "duplicate"]
    if report.ended:
        parts.append(f"{report.ended:,} ended")
    return ", ".join(parts)
