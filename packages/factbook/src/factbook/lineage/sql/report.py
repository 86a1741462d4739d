"""What a look for lineage answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from factbook_sdk.facts.kinds.lineage import LineageInput, Origin, Unresolved
from factbook_sdk.facts.kinds.lineage_run import LineageRun, NotUnderstood, UnknownName
from factbook_sdk.facts.parts import TableRef

MAX_LISTED = 100
"""Failures and names that an answer and a fact list; the counts are of all."""

MAX_FLOWS = 1_000
"""Targets that an answer lists."""

EXCERPT = 120

_SHOWN = 5


class TargetLineage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one table is made from, by one producer. Without ``target`` it is a bare query. ``outcome`` says what became of the fact:
    ``stored``, ``unchanged``, ``kept`` (it was not read again), or nothing where none was to be stored."""

    target: TableRef | None
    at: str
    inputs: list[LineageInput]
    unresolved: list[Unresolved] = []
    outcome: str | None = None


class SqlLineageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was read and what came of it. ``statements`` counts those that may have lineage; ``ended`` those facts that hold no more.

    ``flows`` are one per target and producer; lists are cut where they are long, and ``truncated`` says so.
    """

    source_id: str
    origin: Origin
    dialect: str
    statements: int
    edges: int
    column_edges: int
    failed: int
    unresolved: int
    flows: list[TargetLineage]
    failures: list[NotUnderstood]
    unknown: list[UnknownName]
    warnings: list[str]
    stored: dict[str, int] | None = None
    ended: int = 0
    truncated: bool = False


class Tally:
    """Counts while statements are read."""

    def __init__(self) -> None:
        self.statements = 0
        self.failed = 0
        self.edges = 0
        self.column_edges = 0
        self.failures: list[NotUnderstood] = []
        self.flows: list[TargetLineage] = []
        self.n_flows = 0
        self.notes: Counter[str] = Counter()
        self.names: Counter[tuple[str, str]] = Counter()
        self.strays: Counter[str] = Counter()

    def fail(self, at: str, reason: str, statement: str | None = None) -> None:
        """Note a statement that was not understood; without ``statement`` nothing of it is shown."""
        self.failed += 1
        if len(self.failures) < MAX_LISTED:
            excerpt = None if statement is None else " ".join(statement[: 2 * EXCERPT].split())[:EXCERPT]
            self.failures.append(NotUnderstood(at, reason, excerpt or None))

    def found(self, flow: TargetLineage) -> None:
        """Note what a target is made from."""
        self.n_flows += 1
        if flow.target is not None:
            self.edges += len(flow.inputs)
            self.column_edges += sum(len(item.columns) for item in flow.inputs)
        self.names.update((item.name, item.reason) for item in flow.unresolved)
        if len(self.flows) < MAX_FLOWS:
            self.flows.append(flow)

    def warnings(self) -> list[str]:
        """Return what whoever asked should know: above all that nothing was found where something should be."""
        found = [f"{number:,} of the statements: {note}" for note, number in sorted(self.notes.items())]
        if self.strays:
            shown = ", ".join(sorted(self.strays)[:_SHOWN]) + (" …" if len(self.strays) > _SHOWN else "")
            found.append(f"{len(self.strays):,} columns belong to no known table: {shown}")
        if self.statements and not self.edges:
            bare = sum(flow.target is None for flow in self.flows)
            why = f"; {bare:,} of them fill no table" if bare else ""
            found.insert(0, f"0 edges from {self.statements:,} statement{'' if self.statements == 1 else 's'}{why}")
        return found

    def report(self, source_id: str, origin: Origin, dialect: str, **stored: Any) -> SqlLineageReport:
        """Return the answer."""
        return SqlLineageReport(
            source_id=source_id,
            origin=origin,
            dialect=dialect,
            statements=self.statements,
            edges=self.edges,
            column_edges=self.column_edges,
            failed=self.failed,
            unresolved=len(self.names),
            flows=self.flows,
            failures=self.failures,
            unknown=[UnknownName(name, reason, times=times) for (name, reason), times in self.names.most_common(MAX_LISTED)],
            warnings=self.warnings(),
            truncated=self.failed > len(self.failures) or self.n_flows > len(self.flows) or len(self.names) > MAX_LISTED,
            **stored,
        )


def run_of(report: SqlLineageReport, *, confirms: list[str]) -> LineageRun:
    """Return the fact that says of a report what was found."""
    return LineageRun(
        origin=report.origin,
        statements=report.statements,
        edges=report.edges,
        column_edges=report.column_edges,
        failed=report.failed,
        unresolved=report.unresolved,
        failures=report.failures,
        unknown=report.unknown,
        confirms=confirms,
        ended=report.ended,
        warnings=report.warnings,
        truncated=report.truncated,
    )
