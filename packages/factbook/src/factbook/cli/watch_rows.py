"""What watching did, and what there is to watch by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from factbook.cli.documents import show_json
from factbook.cli.exit_codes import ExitCode
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say

if TYPE_CHECKING:
    from factbook.relay import RelayStatus
    from factbook.watch import WatchReport
    from factbook.watch.rules import Rulebook


def show_report(report: WatchReport, *, as_json: bool) -> None:
    """Print what one run did; ends with :attr:`ExitCode.SOME_FAILED` where a channel got less than it should."""
    if as_json:
        show_json(report)
    else:
        say(f"{count(report.seen, 'record')} seen, {count(report.raised, 'alert')} raised or resolved.")
        for sent in report.channels:
            say(f"{sent.channel}: {count(sent.alerts, 'alert')} in {count(sent.messages, 'message')}")
            if sent.failure is not None:
                note(f"{sent.channel}: the rest waits: {sent.failure}", style="yellow")
    if any(sent.failure is not None for sent in report.channels):
        raise typer.Exit(ExitCode.SOME_FAILED)


def show_book(book: Rulebook, *, as_json: bool) -> None:
    """Print rules and channels, without what channels are reached by."""
    rules = [
        {"name": rule.name, "kind": rule.kind, "severity": rule.severity, "tenants": rule.tenants, "channels": rule.channels}
        for rule in book.rules
    ]
    channels = [{"name": spec.name, "type": spec.type, "tenant": spec.tenant, "severity": spec.severity} for spec in book.channels]
    if as_json:
        show_json({"rules": rules, "channels": channels})
        return
    named = [(rule.name, rule.kind, rule.severity, ", ".join(rule.channels) if rule.channels is not None else "all") for rule in book.rules]
    show_table(("rule", "kind", "severity", "channels"), named)
    say("")
    show_table(
        ("channel", "type", "tenant", "from severity"), [(spec.name, spec.type, spec.tenant, spec.severity) for spec in book.channels]
    )


def show_status(found: Sequence[RelayStatus], *, as_json: bool) -> None:
    """Print the places of the judging and of each channel."""
    if as_json:
        show_json(found)
        return
    if not found:
        note("Nobody has watched yet: factbook watch, or a server with WATCH_RULES.")
        return
    rows = [(item.name, item.position, item.lag, item.moved_at, item.served_by, item.last_error) for item in found]
    show_table(("part", "position", "lag", "moved", "served by", "last error"), rows, right=("position", "lag"))
