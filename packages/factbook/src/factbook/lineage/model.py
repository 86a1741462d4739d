"""What questions about lineage are answered with."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from factbook.lineage.statements import Direction

LineageType = Literal["direct", "derived", "aggregated"]
LineageOrigin = Literal["openlineage", "dbt", "sql", "view", "foreign_key", "manual", "inferred"]
NodeKind = Literal["table", "dataset", "product"]


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table, a dataset of another tool, a data product, or a column of one. ``name`` is what to ask for it by."""

    name: str
    kind: NodeKind
    source_id: str
    table: str
    schema: str | None = None
    column: str | None = None


class LineageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One edge: ``target`` is made from ``source``. ``timestamp`` is since when it holds so; ``stale``: nobody confirmed it for long.

    ``evidence`` is where its producer read it; ``columns`` says how many column edges are known.
    """

    source: str
    target: str
    transformation: str | None = None
    lineage_type: LineageType
    confidence: float
    metadata: dict[str, Any] = {}
    timestamp: datetime
    origin: LineageOrigin
    producer_id: str
    job: str | None = None
    evidence: dict[str, Any] | None = None
    first_seen: datetime
    last_seen: datetime
    stale: bool = False
    columns: int = 0


class LineageEntryPage(msgspec.Struct, frozen=True):
    """Entries in the order in which they were learnt. ``next_cursor`` continues; ``None`` says there is no more."""

    items: list[LineageEntry]
    next_cursor: str | None


class Reached(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is reached: how many steps away, how sure (the best path's confidences multiplied), and the last step on that path: ``via`` whom
    and by what. ``stale``: something on that path is."""

    node: Node
    distance: int
    confidence: float
    via: str
    lineage_type: LineageType
    origin: LineageOrigin
    producer_id: str
    job: str | None = None
    transformation: str | None = None
    stale: bool = False


class Closure(msgspec.Struct, frozen=True):
    """All that is reached from a node, nearest first, then by name. ``total`` counts it; ``truncated``: there is more than is followed.

    ``known`` is true of every node that is answered for, one without any edge among them.
    """

    node: Node
    direction: Direction
    items: list[Reached]
    total: int
    truncated: bool
    next_cursor: str | None
    known: bool = True
    as_of: datetime | None = None


class PathStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edge of a path: ``target`` is made from ``source``."""

    source: str
    target: str
    lineage_type: LineageType
    confidence: float
    origin: LineageOrigin
    producer_id: str
    job: str | None = None
    transformation: str | None = None
    stale: bool = False


class LineagePath(msgspec.Struct, frozen=True):
    """A way from one node to the other; ``confidence`` is that of its steps multiplied."""

    confidence: float
    stale: bool
    steps: list[PathStep]


class Paths(msgspec.Struct, frozen=True):
    """Ways by which data gets from ``source`` to ``target``, surest first, then shortest. ``nodes`` are those on the ways, by name.
    ``truncated``: there may be more."""

    source: Node
    target: Node
    items: list[LineagePath]
    truncated: bool
    nodes: list[Node] = []


class Broken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table or product that what goes is used for. ``columns`` are those that surely depend on it; where ``columns_known`` is false
    some step on the way did not say which columns it takes, and any of them may. ``way`` is a shortest way to it, beginning with what goes;
    ``job`` and ``origin`` tell of the last step on the surest one."""

    node: Node
    distance: int
    confidence: float
    via: str
    origin: LineageOrigin
    columns: list[str] = []
    columns_known: bool = True
    stale: bool = False
    way: list[str] = []
    job: str | None = None


class Breaks(msgspec.Struct, frozen=True):
    """What breaks if a table or a column goes, nearest first, then by name. The totals are of all, also of what a page leaves out;
    ``kinds`` counts the sorts of nodes, ``jobs`` what moves the data on the surest ways, by how many nodes each writes."""

    node: Node
    items: list[Broken]
    total: int
    kinds: dict[str, int]
    jobs: dict[str, int]
    columns_total: int
    products: list[str]
    truncated: bool
    next_cursor: str | None
    as_of: datetime | None = None


class GraphEdge(msgspec.Struct, frozen=True):
    """An edge of a drawing."""

    source: str
    target: str
    confidence: float
    stale: bool


class Neighbourhood(msgspec.Struct, frozen=True):
    """A node with what lies around it both ways, for drawing. ``truncated``: there is more than is shown."""

    node: Node
    nodes: list[Node]
    edges: list[GraphEdge]
    truncated: bool


class Explored(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node of an exploration. ``key`` names it in an address; ``upstream`` and ``downstream`` say how many steps away it is that way,
    0 for where one began. ``more_upstream`` and ``more_downstream`` count the neighbours that are not shown; a node is asked the ways
    alone in which it was reached."""

    key: str
    node: Node
    upstream: int | None = None
    downstream: int | None = None
    is_expanded: bool = False
    more_upstream: int = 0
    more_downstream: int = 0


class ExploredEdge(msgspec.Struct, frozen=True, omit_defaults=True):
    """One edge between two nodes by their keys, as one producer tells it: ``target`` is made from ``source``. ``columns`` are pairs of
    the source's column and the target's, the first of ``columns_total``."""

    source: str
    target: str
    lineage_type: LineageType
    origin: LineageOrigin
    producer_id: str
    confidence: float
    last_seen: datetime
    job: str | None = None
    transformation: str | None = None
    stale: bool = False
    columns: list[tuple[str, str]] = []
    columns_total: int = 0


class Exploration(msgspec.Struct, frozen=True):
    """One step around a node, and one more around each that was expanded. ``items`` are what is shown, nearest first, then by name, and
    ``edges`` all there are between them; ``left_out`` is a page of what was reached and is not shown.

    ``truncated``: there is more than is followed, or more edges than are shown; ``is_counted``: all neighbours at the rim are counted.
    ``focus`` holds the keys of where one began, none where no lineage is known; several are the columns of one table.
    """

    node: Node
    focus: list[str]
    items: list[Explored]
    edges: list[ExploredEdge]
    left_out: list[Explored]
    left_out_total: int
    truncated: bool
    is_counted: bool
    next_cursor: str | None


class Connected(msgspec.Struct, frozen=True):
    """A node and how many edges lead to it and from it."""

    name: str
    upstream: int
    downstream: int


class LineageStats(msgspec.Struct, frozen=True):
    """Lineage in numbers, of the edges that are shown. ``sources_without_lineage`` were scanned, and no edge names their tables."""

    edges: int
    column_edges: int
    nodes: int
    by_type: dict[str, int]
    by_origin: dict[str, int]
    average_confidence: float | None
    stale: int
    gone: int
    manual_entries: int
    most_connected: list[Connected]
    sources_without_lineage: list[str]
    as_of: datetime | None = None
