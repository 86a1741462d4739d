"""What the scripts of pages draw: the same as their lists and tables say."""

from __future__ import annotations

import msgspec

MAX_NODES = 400
"""Nodes of one graph; what draws it draws no more."""


class GraphNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node: a short ``label``, the sort by which it is shaped, where a click leads, and the ``note`` that hovering shows."""

    id: str
    label: str
    kind: str
    href: str | None = None
    note: str | None = None


class GraphEdge(msgspec.Struct, frozen=True, omit_defaults=True, rename={"source": "from", "target": "to"}):
    """An edge between nodes by their ids."""

    source: str
    target: str
    label: str | None = None
    kind: str | None = None


class Graph(msgspec.Struct, frozen=True):
    """A graph from left to right. ``truncated`` counts the nodes that are not drawn."""

    focus: str | None
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    truncated: int = 0


def distinct(labels: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return a label for each id from its short and its long name: the short one where no other node has it."""
    shorts = [short for short, _ in labels.values()]
    return {id_: short if shorts.count(short) == 1 else long for id_, (short, long) in labels.items()}
