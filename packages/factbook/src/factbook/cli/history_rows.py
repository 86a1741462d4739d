"""Policies, plans and reports of history for people, and runs with a bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from factbook.cli.progress import progress
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, say, utc
from factbook_sdk.facts.kinds.retention_policy import RetentionPolicy

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.history import HistoryPlan, HistoryReport, KindPolicy
    from factbook.jobs import Progress


def policy(days: int | None, newest: int | None, then: Literal["archive", "drop"]) -> RetentionPolicy:
    """Return the policy that options describe; raises :class:`InvalidRequest` for one that keeps nothing."""
    from factbook.errors import InvalidRequest

    if then == "drop" and days is None and newest is None:
        raise InvalidRequest("That would drop everything", fix="Say what to keep: --days N, --count N, or both", field="then")
    return RetentionPolicy(days, newest, then)


def run(factbook: Factbook, job_type: Literal["compact", "retention"], *, quiet: bool) -> HistoryReport:
    """Run in the foreground and return the report; raises what ended it."""
    title = "Archiving" if job_type == "compact" else "Applying retention"
    with progress(title, "records", quiet=quiet) as move:

        def on_progress(seen: Progress) -> None:
            move(seen.done, seen.total, seen.text)

        return factbook.history.run(factbook.jobs, job_type, trigger="cli", on_progress=on_progress).report


def show_policies(policies: Sequence[KindPolicy]) -> None:
    rows = [(found.kind, _keeps(found.policy), _then(found), _origin(found)) for found in policies]
    show_table(("kind", "stays", "then", "set"), rows)


def show_plan(plan: HistoryPlan) -> None:
    if not plan.steps:
        say("Nothing is due.")
        return
    rows = [(step.action, step.kind, step.month, f"{step.records:,}", _size(step.body_bytes)) for step in plan.steps]
    show_table(("action", "kind", "month", "records", "size"), rows, right=("records", "size"))


def show_report(report: HistoryReport) -> None:
    if not report.archived_records and not report.dropped_records:
        say("Nothing was due.")
    if report.archived_records:
        into = f"into {count(report.archived_files, 'file')}"
        say(f"Archived {count(report.archived_records, 'record')} {into}: {_size(report.body_bytes)} became {_size(report.file_bytes)}.")
    if report.dropped_records:
        say(f"Dropped {count(report.dropped_records, 'record')}.")


def _keeps(found: RetentionPolicy) -> str:
    days = None if found.keep_days is None else count(found.keep_days, "day")
    newest = None if found.keep_count is None else f"newest {found.keep_count:,} of each stream"
    return " or ".join(part for part in (days, newest) if part) or "for ever"


def _then(found: KindPolicy) -> str:
    if found.why_kept is not None:
        return f"archive ({found.why_kept})"
    return "" if found.policy.keep_days is None and found.policy.keep_count is None else found.policy.then


def _origin(found: KindPolicy) -> str:
    return "built in" if found.set_at is None else utc(found.set_at)


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return ""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
