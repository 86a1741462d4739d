"""Lineage as people read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import count, note, out, printable, say

if TYPE_CHECKING:
    from rich.tree import Tree

    from factbook.lineage.model import Breaks, Closure, LineageEntry, LineageStats, Paths, Reached
    from factbook.lineage.statements import Direction

_TITLES: Mapping[str, str] = {"upstream": "is made from", "downstream": "is used for"}


def ways(*, up: bool, down: bool) -> Iterator[Direction]:
    """Yield the ways to show: both, if neither or both are asked for."""
    if up or not down:
        yield "upstream"
    if down or not up:
        yield "downstream"


def show_trees(found: Mapping[Direction, Closure]) -> None:
    """Draw a tree for each way."""
    for direction, closure in found.items():
        out().print(_tree(closure, _TITLES[direction]))
        if closure.truncated or closure.next_cursor:
            more = "more than is followed" if closure.truncated else f"{closure.total:,} in all"
            note(f"Not all is shown ({more}): --limit shows more, --depth less.", style="dim")


def _tree(closure: Closure, title: str) -> Tree:
    from rich.tree import Tree

    tree = Tree(printable(f"{closure.node.name} {title}" if closure.items else f"{closure.node.name} {title} nothing that is known"))
    behind: dict[str, list[Reached]] = defaultdict(list)
    for item in closure.items:
        behind[item.via].append(item)
    shown = {item.node.name for item in closure.items}
    roots = [via for via in behind if via not in shown]
    branches = [(tree, item) for via in roots for item in behind[via]]
    while branches:
        tree_above, item = branches.pop(0)
        branch = tree_above.add(printable(_line(item)))
        branches.extend((branch, following) for following in behind[item.node.name])
    return tree


def _line(item: Reached) -> str:
    told: list[str] = [item.lineage_type, item.origin]
    told += [f"{item.confidence:.0%} sure"] if item.confidence < 1 else []
    told += [item.transformation] if item.transformation else []
    told += ["stale"] if item.stale else []
    return f"{item.node.name}  ({', '.join(told)})"


def show_paths(found: Paths) -> None:
    """Print paths, each on a line of its own."""
    if not found.items:
        note(f"No way leads from {found.source.name} to {found.target.name}.")
        return
    for path in found.items:
        names = [path.steps[0].source, *(step.target for step in path.steps)]
        stale = ", stale" if path.stale else ""
        say(f"{' → '.join(names)}  ({path.confidence:.0%} sure{stale})")
    if found.truncated:
        note("There may be more: --limit shows more.", style="dim")


def show_breaks(found: Breaks) -> None:
    """Print what is hit as a table."""
    if not found.items:
        note(f"Nothing that is known breaks if {found.node.name} goes.")
        return
    rows = [
        (
            item.node.name,
            item.node.kind,
            item.distance,
            ", ".join(item.columns) if item.columns_known else "any",
            _share(item.confidence),
            item.via,
        )
        for item in found.items
    ]
    show_table(("breaks", "kind", "steps", "columns", "sure", "via"), rows, right=("steps", "sure"), whole=("breaks",))
    hit = f"Hit: {count(found.total, 'table or product', 'tables and products')}"
    columns = f", of them {count(found.columns_total, 'column')}" if found.columns_total else ""
    products = f"; products: {', '.join(found.products)}" if found.products else ""
    note(f"{hit}{columns}{products}")
    if found.next_cursor:
        note(f"There is more: --cursor {found.next_cursor}", style="dim")


def show_entry(entry: LineageEntry) -> None:
    """Say what is registered now."""
    say(f"{entry.target} is made from {entry.source} ({entry.lineage_type}, {_share(entry.confidence)} sure).")


def show_stats(found: LineageStats) -> None:
    """Print the numbers, then the most connected nodes."""
    show_facts(
        (
            ("edges", found.edges),
            ("column edges", found.column_edges),
            ("tables, datasets, products", found.nodes),
            ("by type", _counted(found.by_type)),
            ("by origin", _counted(found.by_origin)),
            ("average confidence", None if found.average_confidence is None else _share(found.average_confidence)),
            ("stale", found.stale or None),
            ("gone", found.gone or None),
            ("by hand", found.manual_entries or None),
            ("sources without lineage", ", ".join(found.sources_without_lineage)),
        )
    )
    if found.most_connected:
        rows = [(one.name, one.upstream, one.downstream) for one in found.most_connected]
        show_table(("most connected", "upstream", "downstream"), rows, right=("upstream", "downstream"), whole=("most connected",))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _share(share: float) -> str:
    return f"{share:.0%}"
