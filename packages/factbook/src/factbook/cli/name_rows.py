"""Names of other tools as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factbook.cli.alert_rows import logged_in
from factbook.cli.tables import show_table
from factbook.cli.terminal import note, say

if TYPE_CHECKING:
    from factbook.names import Binding, BindingPage, UnresolvedName, UnresolvedPage

__all__ = ["logged_in", "show_bindings", "show_forgotten", "show_settled", "show_unresolved"]


def show_unresolved(page: UnresolvedPage) -> None:
    """Print names that nobody knows as a table."""
    if not page.items:
        note("Every name is known.")
        return
    rows = [_row(item) for item in page.items]
    headings = ("namespace", "name", "times", "last seen", "said by", "reason", "may be")
    show_table(headings, rows, right=("times",), whole=("namespace", "name", "times", "last seen"))
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")
    note("Say what one means: factbook names settle NAMESPACE NAME --as SOURCE.SCHEMA.TABLE", style="dim")


def show_bindings(page: BindingPage) -> None:
    """Print what is settled as a table."""
    if not page.items:
        note("Nothing is settled.")
        return
    rows = [(item.namespace, item.name, _meaning(item), item.settled_by, item.settled_at, item.reason) for item in page.items]
    show_table(("namespace", "name", "means", "settled by", "settled at", "reason"), rows, whole=("namespace", "name", "means"))
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_settled(binding: Binding) -> None:
    """Say what a name means now."""
    say(f"{' '.join(part for part in (binding.namespace, binding.name) if part)} {_verb(binding)}")


def show_forgotten(namespace: str, name: str | None) -> None:
    """Say that nothing is settled any more."""
    say(f"{' '.join(part for part in (namespace, name) if part)} is no longer settled")


def _row(item: UnresolvedName) -> tuple[object, ...]:
    said_by = _producers(item.producers, item.producer_count)
    return item.namespace, item.name, item.times, item.last_seen, said_by, item.reason, " or ".join(item.suggestions)


def _verb(binding: Binding) -> str:
    return "is ignored" if binding.ignored else f"means {_meaning(binding)}"


def _meaning(binding: Binding) -> str:
    if binding.ignored:
        return "(ignored)"
    return ".".join(part for part in (binding.source_id, binding.schema, binding.table) if part is not None)


def _producers(shown: list[str], count: int) -> str:
    """Name one producer: the names of several would make the table wider than any screen."""
    more = f" and {count - 1} more" if count > 1 else ""
    return "".join(shown[:1]) + more
