"""What a scan has to say: counts, completeness, what changed, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say, seconds

if TYPE_CHECKING:
    from factbook.scan.job import ScanOutcome
    from factbook.scan.model import ScanResult

_MAX_NAMES = 20
_MAX_FAILURES = 20


def document(outcome: ScanOutcome) -> dict[str, Any]:
    """Return the answer for programs: whether anything changed, and the job with its result."""
    return {"unchanged": outcome.result is not None and outcome.result.is_unchanged, "job": outcome.job}


def has_failures(outcome: ScanOutcome) -> bool:
    """Return whether some tables could not be read."""
    return outcome.result is not None and outcome.result.counts.failed > 0


def show(outcome: ScanOutcome, *, quiet: bool = False) -> None:
    """Print the answer for people."""
    result = outcome.result
    if result is None:
        say(f"{outcome.job.job_id}: {outcome.job.state.value}")
        return
    say(_headline(result), style="bold green" if result.is_unchanged else "bold")
    _show_counts(result)
    _show_names(result)
    _show_incomplete(result)
    _show_failures(result)
    if not quiet:
        note(f"job {outcome.job.job_id}  |  next: factbook dictionary {result.source_id}", style="dim")


def _headline(result: ScanResult) -> str:
    what = f"{count(result.counts.tables, 'table')} of {result.source_id}"
    # Engines add where they were built and by whom; the job's result keeps the whole version.
    took = f"in {seconds(result.duration_seconds)} ({result.engine} {result.engine_version.split(' ')[0]})"
    return f"Unchanged: {what}, all as they were, read {took}." if result.is_unchanged else f"Scanned {what} {took}."


def _show_counts(result: ScanResult) -> None:
    counts = result.counts
    names = ("read", "added", "changed", "unchanged", "removed", "failed")
    # Zeros are shown: that nothing was removed is part of the answer.
    row = (counts.tables - counts.failed, counts.added, counts.changed, counts.unchanged, counts.removed, counts.failed)
    show_table(names, [row], right=names)


def _show_names(result: ScanResult) -> None:
    counts = result.counts
    for title, names, total in (
        ("added", result.added, counts.added),
        ("changed", result.changed, counts.changed),
        ("removed", result.removed, counts.removed),
    ):
        if names:
            more = f" and {total - _MAX_NAMES:,} more" if total > _MAX_NAMES else ""
            say(f"{title}: {', '.join(names[:_MAX_NAMES])}{more}")


def _show_incomplete(result: ScanResult) -> None:
    incomplete = [(name, reading.reason or "") for name, reading in sorted(result.schemas.items()) if not reading.complete]
    if incomplete:
        say("Not read completely, so nothing missing there was recorded as removed:", style="yellow")
        show_table(("schema", "why"), incomplete)
    if not result.schemas_complete:
        say("The list of schemas was not visible in full, so no schema was recorded as removed.", style="yellow")


def _show_failures(result: ScanResult) -> None:
    if result.failures:
        say("These keep their last known state:", style="red")
        show_table(
            ("failed", "why"), [(f"{failure.schema}.{failure.table}", failure.reason) for failure in result.failures[:_MAX_FAILURES]]
        )
        if result.counts.failed > _MAX_FAILURES:
            say(f"and {result.counts.failed - _MAX_FAILURES:,} more; --json lists up to 1,000")
