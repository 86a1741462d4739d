"""What came of dbt's files, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factbook.cli.tables import show_facts
from factbook.cli.terminal import count, note

if TYPE_CHECKING:
    from factbook.dbt import DbtReport


def show(report: DbtReport) -> None:
    """Print a report, and what to do about names that nobody knows."""
    datasets = report.resolved + report.unresolved
    show_facts(
        (
            ("project", report.project),
            ("manifest", f"{report.manifest_version}, written {report.generated_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("models", f"{report.models} with {count(report.edges, 'edge')}"),
            ("datasets", f"{report.resolved} of {datasets} are tables of scanned sources"),
            ("facts", ", ".join(f"{number} {kind}" for kind, number in report.facts.items())),
            ("new", str(report.stored)),
            ("ended", str(report.ended) if report.ended else None),
        )
    )
    for warning in report.warnings:
        note(warning, style="yellow")
    if report.unresolved:
        note(f"Those that are not: factbook names unresolved --namespace dbt://{report.project}", style="dim")
