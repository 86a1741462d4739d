"""Lineage as pages show it: a graph and the list of the same, whose links go one step further."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Query
from starlette.requests import Request

from factbook.api.parameters import Cursor
from factbook.api.routes.lineage import Gone, Origins, Types
from factbook.dictionary import ObjectState
from factbook.lineage.model import Explored, ExploredEdge, LineageOrigin, LineageType, Node
from factbook.lineage.statements import Direction
from factbook.lineage.view import View
from factbook.rooms import Rooms
from factbook.web.drawings import MAX_NODES, Graph, GraphEdge, GraphNode, distinct
from factbook.web.parameters import AsOf
from factbook.web.rendering import Links, May

LEFT_OUT = 100
"""Nodes that are not drawn, on one page of their list."""

WAYS: dict[str, tuple[Direction, ...]] = {"both": ("upstream", "downstream"), "upstream": ("upstream",), "downstream": ("downstream",)}
KNOWN_BY: dict[LineageOrigin, str] = {
    "view": "definition of a view",
    "dbt": "dbt",
    "openlineage": "OpenLineage",
    "sql": "SQL",
    "foreign_key": "foreign key",
    "manual": "by hand",
    "inferred": "inferred",
}
"""How an edge is known, in words."""


class Asked(msgspec.Struct, frozen=True):
    """How lineage is looked at: the state of its pages, all of which stands in their addresses."""

    direction: Literal["both", "upstream", "downstream"] = "both"
    level: Literal["table", "column"] = "table"
    column: str | None = None
    lineage_type: list[LineageType] = []
    origin: list[LineageOrigin] = []
    include_gone: bool = False
    expand: list[str] = []
    cursor: str | None = None
    as_of: datetime | None = None

    @property
    def view(self) -> View:
        return View(as_of=self.as_of, include_gone=self.include_gone, types=self.lineage_type, origins=self.origin)

    def params(self, **other: Any) -> dict[str, Any]:
        """Return the parameters of an address that shows the same, but for ``other``; what is as it is by default is left out."""
        state = {
            "direction": self.direction if self.direction != "both" else None,
            "level": self.level if self.level != "table" else None,
            "column": self.column,
            "lineage_type": self.lineage_type or None,
            "origin": self.origin or None,
            "include_gone": "true" if self.include_gone else None,
            "expand": ".".join(self.expand) or None,
        }
        return state | other


async def _asked(
    direction: Literal["both", "upstream", "downstream"] = "both",
    level: Literal["table", "column"] = "table",
    column: Annotated[str | None, Query(max_length=1024, pattern=r"^[^\x00]*$", description="Only this column.")] = None,
    lineage_type: Types = None,
    origin: Origins = None,
    include_gone: Gone = False,
    expand: Annotated[str, Query(max_length=4096, description="Keys of nodes that are expanded, with points between them.")] = "",
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Asked:
    keys = list(dict.fromkeys(key for key in expand.split(".") if key))
    return Asked(direction, level, column, lineage_type or [], origin or [], include_gone, keys, cursor, as_of)


Asking = Annotated[Asked, Depends(_asked)]


class Line(msgspec.Struct, frozen=True):
    """An edge of a row. ``other`` is the node at its other end; ``is_read``: the row's node is made from it."""

    other: str
    is_read: bool
    known_by: str
    edge: ExploredEdge


class Row(msgspec.Struct, frozen=True):
    """A node in the list, with the edges that lead to it. ``href`` shows it, ``centre`` begins at it, ``toggle`` expands or collapses it;
    ``also`` says that it is reached the other way, too."""

    item: Explored
    label: str
    kind: str
    is_gone: bool
    href: str
    centre: str
    toggle: str | None
    also: str | None
    lines: list[Line]


class Steps(msgspec.Struct, frozen=True):
    """The nodes that are so many steps away."""

    label: str
    rows: list[Row]


class Shown(msgspec.Struct, frozen=True):
    """What is shown around a node. ``is_known`` is false where no lineage of it is; ``columns`` are those to choose from; ``left_out`` is a
    page of what was reached and is not drawn."""

    node: Node
    is_known: bool
    steps: list[Steps]
    columns: list[str]
    left_out: list[Row]
    left_out_total: int
    truncated: bool
    is_counted: bool
    next_href: str | None
    graph: Graph


class Desk:
    """Makes what is shown of lineage, for one page: ``where`` is its path, ``fixed`` what its address holds beside what is asked."""

    def __init__(self, request: Request, rooms: Rooms, asked: Asked, *, where: tuple[str, ...] = ("lineage",), **fixed: Any) -> None:
        self._rooms = rooms
        self._asked = asked
        self._where = where
        self._fixed = fixed
        self._link = Links(asked.as_of)
        self._shows_tables = May(request)("TableReader")
        self._shows_products = May(request)("ProductReader")
        self._products: set[str] = set()

    def show(self, node: Node) -> Shown:
        """Return what lies around a node, as it is asked."""
        asked = self._asked
        is_column = asked.level == "column"
        name = f"{node.name}.{asked.column}" if is_column and asked.column else node.name
        found = self._rooms.lineage.explore(
            name,
            WAYS[asked.direction],
            expanded=asked.expand,
            columns=is_column,
            limit=LEFT_OUT,
            cursor=asked.cursor,
            view=asked.view,
        )
        there = [*found.items, *found.left_out]
        labels = distinct({item.key: (short_name(item.node), item.node.name) for item in there})
        states = self.states([item.node for item in there])
        lines = self._lines(found.items, found.edges, labels)
        expanded = [key for key in asked.expand if any(item.key == key for item in there)]

        drawn = {item.key for item in found.items}

        def row(item: Explored) -> Row:
            can_grow = item.key not in drawn or bool(not item.is_expanded and (item.more_upstream or item.more_downstream))
            is_toggled = (can_grow or item.key in expanded) and item.key not in found.focus
            toggle = self._toggle(item.key, expanded) if is_toggled else None
            return self._row(item, labels[item.key], self.state(item.node, states), states, toggle, lines.get(item.key, []))

        rows = [row(item) for item in found.items]
        return Shown(
            node=node,
            is_known=bool(found.edges or found.left_out_total),
            steps=_steps(rows),
            columns=self._rooms.lineage.columns(node.name) if is_column else [],
            left_out=[row(item) for item in found.left_out],
            left_out_total=found.left_out_total,
            truncated=found.truncated,
            is_counted=found.is_counted,
            next_href=self._here(cursor=found.next_cursor) if found.next_cursor else None,
            graph=self._graph(rows, found.focus, found.edges, found.left_out_total),
        )

    def empty(self, node: Node) -> Shown:
        """Return what is shown of a node that no lineage names."""
        return Shown(node, False, [], [], [], 0, False, True, None, Graph(None, [], []))

    def states(self, nodes: Sequence[Node]) -> dict[tuple[str, str, str], ObjectState]:
        """Return what the tables among nodes are, as far as a scan saw them, and note which of the products are registered."""
        named = sorted({node.table for node in nodes if node.kind == "product"})
        if named and self._shows_products:
            self._products |= {product.name for product in self._rooms.products.named(named, as_of=self._asked.as_of)}
        return self._rooms.dictionary.states(list({_place(node) for node in nodes if node.kind == "table"}))

    def state(self, node: Node, states: dict[tuple[str, str, str], ObjectState]) -> ObjectState | None:
        """Return what a node is, of a table that is known."""
        return states.get(_place(node)) if node.kind == "table" else None

    def href(self, node: Node, states: dict[tuple[str, str, str], ObjectState]) -> str:
        """Return where a node is shown: the page of a table or a product that is known, else the explorer."""
        if node.kind == "product" and node.table in self._products:
            return self._link("product", node.table)
        if self._shows_tables and _place(node) in states:
            return self._link("table", *_place(node), "lineage")
        return self.centre(node)

    def centre(self, node: Node) -> str:
        """Return the explorer's page that begins at a node."""
        return self._link("lineage", at=table_name(node), **self._asked.params(expand=None, column=node.column))

    def _here(self, **other: Any) -> str:
        return self._link(*self._where, **self._fixed, **self._asked.params(**other))

    def _toggle(self, key: str, expanded: list[str]) -> str:
        """Return the address that expands a node, or collapses it."""
        others = [other for other in expanded if other != key]
        return self._here(expand=".".join(others if key in expanded else [*others, key]) or None)

    def _row(
        self,
        item: Explored,
        label: str,
        state: ObjectState | None,
        states: dict[tuple[str, str, str], ObjectState],
        toggle: str | None,
        lines: list[Line],
    ) -> Row:
        return Row(
            item=item,
            label=label,
            kind=kind_of(item.node, state),
            is_gone=state is not None and state.is_gone(self._asked.as_of),
            href=self.href(item.node, states),
            centre=self.centre(item.node),
            toggle=toggle,
            also=_also(item),
            lines=lines,
        )

    def _lines(self, items: Sequence[Explored], edges: Sequence[ExploredEdge], labels: dict[str, str]) -> dict[str, list[Line]]:
        """Return each edge once, with the node that it leads to as seen from where one began."""
        by_key = {item.key: item for item in items}
        found: defaultdict[str, list[Line]] = defaultdict(list)
        for edge in edges:
            is_read = bool(by_key[edge.target].downstream)
            owner, other = (edge.target, edge.source) if is_read else (edge.source, edge.target)
            found[owner].append(Line(labels[other], is_read, KNOWN_BY[edge.origin], edge))
        return found

    def _graph(self, rows: Sequence[Row], focus: Sequence[str], edges: Sequence[ExploredEdge], left_out: int) -> Graph:
        nodes = [GraphNode(row.item.key, row.label, row.kind, row.href, _note(row)) for row in rows]
        drawn = [
            GraphEdge(edge.source, edge.target, _label(edge), "stale" if edge.stale else edge.lineage_type)
            for edge in {(edge.source, edge.target): edge for edge in reversed(edges)}.values()
        ]
        for row in rows:
            counts = ((row.item.more_upstream, "up"), (row.item.more_downstream, "down"))
            for count, way in counts if row.toggle and not row.item.is_expanded else ():
                if count and len(nodes) < MAX_NODES:
                    more = f"{row.item.key}.{way}"
                    nodes.append(GraphNode(more, f"+{count}", "more", row.toggle, f"Expand {row.label}: {count} more"))
                    ends = (more, row.item.key) if way == "up" else (row.item.key, more)
                    drawn.append(GraphEdge(*ends, None, "more"))
        return Graph(focus[0] if len(focus) == 1 else None, nodes, drawn, left_out)


def table_name(node: Node) -> str:
    """Return the name of the table that a column belongs to, or of the node itself."""
    return node.name if node.column is None else node.name.removesuffix(f".{node.column}")


def short_name(node: Node) -> str:
    """Return what a node is called where the place is clear: a table's own name, the last part of a dataset's, a column with its table."""
    short = node.table
    if node.kind == "dataset":
        short = short.rstrip("/").rpartition("/")[2] or short
        # A file has one point before its ending; a name with more is that of a table with its database and schema.
        short = short.rpartition(".")[2] if short == node.table and short.count(".") > 1 and not short.endswith(".") else short
    return short if node.column is None else f"{short}.{node.column}"


def kind_of(node: Node, state: ObjectState | None) -> str:
    """Return the sort of a node as people call it."""
    if node.column is not None:
        return "column"
    return state.object_type.replace("_", " ") if state is not None else node.kind


def _place(node: Node) -> tuple[str, str, str]:
    return node.source_id, node.schema or "", node.table


def _also(item: Explored) -> str | None:
    """Return how far a node of a circle is the other way than the one it is listed under."""
    if not (item.upstream and item.downstream):
        return None
    return _step_label(1, item.upstream) if item.downstream < item.upstream else _step_label(2, item.downstream)


def _note(row: Row) -> str:
    return f"{row.item.node.name} ({row.kind}{', gone' if row.is_gone else ''})"


def _label(edge: ExploredEdge) -> str | None:
    if edge.columns_total:
        return f"{edge.columns_total} column{'s' if edge.columns_total > 1 else ''}"
    return None


def _steps(rows: Sequence[Row]) -> list[Steps]:
    """Return rows by their distance: where one began, then upstream, then downstream."""
    groups: defaultdict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        up, down = row.item.upstream, row.item.downstream
        if not (up or down):
            groups[0, 0].append(row)
        elif up is not None and (down is None or up <= down):
            groups[1, up].append(row)
        else:
            groups[2, down or 0].append(row)
    return [Steps(_step_label(*place), found) for place, found in sorted(groups.items())]


def _step_label(way: int, steps: int) -> str:
    if way == 0:
        return "Here"
    direction = "upstream" if way == 1 else "downstream"
    return f"{steps} step{'s' if steps > 1 else ''} {direction}"
