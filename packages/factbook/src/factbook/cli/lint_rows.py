"""A lint as a table with its summary, as annotations for GitHub Actions, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from factbook.cli.documents import show_json
from factbook.cli.github import command
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say, utc
from factbook.lint import Coverage
from factbook.lint.model import Documented, LintPage

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def show(page: LintPage, failures: Sequence[str], *, form: str, as_json: bool) -> None:
    """Print the page, then on stderr why it does not pass and how to see more."""
    if as_json:
        show_json(page)
    elif form == "github":
        for finding in page.items:
            # It belongs to no file, so its title says where.
            print(command(_COMMANDS[finding.severity], f"{finding.rule} {finding.place}", finding.message))
    else:
        _show_for_people(page)
    if page.next_cursor and not as_json:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")
    for failure in failures:
        note(f"Not passed: {failure}", style="bold red")


def _show_for_people(page: LintPage) -> None:
    show_table(
        ("severity", "rule", "where", "what to do"),
        [(item.severity, item.rule, item.place, item.message) for item in page.items],
    )
    if page.items:
        say("")
    show_table(
        ("documented", "share", "tables", "columns", "owners"),
        [_coverage_row(page, item) for item in page.coverage],
        right=("share", "tables", "columns", "owners"),
    )
    say("")
    found = ", ".join(count(page.counts[severity], severity) for severity in ("error", "warning")) + f", {page.counts['info']:,} info"
    say(f"{found}{_trend(page)}", style="bold")
    for entry in page.ignored:
        if entry.count == 0:
            note(f"An exception excuses nothing any more: {entry.reason}", style="yellow")


def _coverage_row(page: LintPage, item: Coverage) -> tuple[str, str, str, str, str]:
    name = page.source_id if item.schema is None else f"  {item.schema}"
    return name, f"{item.share:.1%}", _of(item.tables), _of(item.columns), _of(item.owners)


def _of(item: Documented) -> str:
    return f"{item.documented:,} of {item.total:,}"


def _trend(page: LintPage) -> str:
    if page.since_coverage is None:
        return ""
    if page.since_coverage.tables.total == 0:
        return f"; nothing was known of it at {utc(page.since)}"
    points = (page.share - page.since_coverage.share) * 100
    return f"; {points:+.1f} points documented since {utc(page.since)} ({page.since_coverage.share:.1%})"
