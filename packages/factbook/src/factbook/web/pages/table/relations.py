"""``/ui/table/…/relations``: what a table refers to, what refers to it, as a picture and a list, and what else constrains it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.dictionary.keys import ForeignKey, KeyNeighbourhood, KeyTable
from factbook.errors import InvalidRequest
from factbook.web.drawings import MAX_NODES, Graph, GraphEdge, GraphNode, distinct
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.parameters import AsOf
from factbook.web.rendering import Links
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, Index

router = Pages()

MAX_EXPANDED = 100

Expand = Annotated[str, Query(max_length=4096, description="Keys of tables that are expanded, with points between them.")]


class Beside(msgspec.Struct, frozen=True):
    """A table of the picture. ``href`` shows it where it was scanned, ``toggle`` expands or collapses it."""

    table: KeyTable
    label: str
    kind: str
    href: str | None
    toggle: str | None


class Relation(msgspec.Struct, frozen=True):
    """A foreign key with the tables at its ends."""

    key: ForeignKey
    source: Beside
    target: Beside


class Relations(msgspec.Struct, frozen=True):
    """The foreign keys of a table, those that point at it, and those of the others that are expanded; one that refers to itself is in both
    of the first. ``around`` are the tables, itself first; ``left_out`` counts those that are not shown."""

    outgoing: list[Relation]
    incoming: list[Relation]
    between: list[Relation]
    around: list[Beside]
    left_out: int
    truncated: bool
    graph: Graph
    constraints: list[Constraint]
    indexes: list[Index]


@router.page(f"{PATH}/relations")
def relations(
    request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None, expand: Expand = ""
) -> Response:
    """Show the relations of a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    expanded = list(dict.fromkeys(key for key in expand.split(".") if key))
    if len(expanded) > MAX_EXPANDED:
        why = f"at most {MAX_EXPANDED} are"
        raise InvalidRequest(f"{len(expanded)} tables are to be expanded", why=why, fix="Begin at another table", field="expand")
    found = rooms.dictionary.keys_around(source_id, schema, table, expanded=expanded, as_of=as_of)
    known = {one.key for one in found.tables}
    around = _around(found, (source_id, schema, table), [key for key in expanded if key in known], Links(as_of))
    by_key = {one.table.key: one for one in around}
    here = around[0].table.key
    relations = [Relation(key, by_key[key.source], by_key[key.target]) for key in found.keys]
    constraints = chosen.snapshot.constraints
    shown = Relations(
        outgoing=[one for one in relations if one.key.source == here],
        incoming=[one for one in relations if one.key.target == here],
        between=[one for one in relations if here not in (one.key.source, one.key.target)],
        around=around,
        left_out=found.left_out,
        truncated=found.truncated,
        graph=_graph(around, found.keys, found.left_out),
        constraints=[item for item in constraints if item.type not in ("foreign_key", "not_null")],
        indexes=chosen.snapshot.indexes,
    )
    return chosen.show("relations", shown)


def _around(found: KeyNeighbourhood, place: tuple[str, str, str], expanded: list[str], link: Links) -> list[Beside]:
    labels = distinct({one.key: (one.table, f"{one.schema}.{one.table}") for one in found.tables})

    def here(keys: list[str]) -> str:
        params: dict[str, Any] = {"expand": ".".join(keys) or None}
        return link("table", *place, "relations", **params)

    around = []
    for one in found.tables:
        others = [key for key in expanded if key != one.key]
        toggle = None
        if one.key in expanded and one.distance:
            toggle = here(others)
        elif not one.is_expanded and one.more:
            toggle = here([*others, one.key])
        href = link("table", place[0], one.schema, one.table) if one.state != "not scanned" else None
        kind = one.state if one.state != "there" else (one.object_type or "table").replace("_", " ")
        around.append(Beside(one, labels[one.key], kind, href, toggle))
    return around


def _graph(around: list[Beside], keys: list[ForeignKey], left_out: int) -> Graph:
    nodes = [
        GraphNode(one.table.key, one.label, one.kind, one.href, f"{one.table.schema}.{one.table.table} ({one.kind})") for one in around
    ]
    edges = [GraphEdge(key.source, key.target, _columns(key), "foreign key") for key in keys]
    for one in around:
        if one.toggle is not None and not one.table.is_expanded and len(nodes) < MAX_NODES:
            more = f"{one.table.key}.more"
            nodes.append(GraphNode(more, f"+{one.table.more}", "more", one.toggle, f"Expand {one.label}: {one.table.more} more"))
            is_left = any(key.source == one.table.key for key in keys)
            edges.append(GraphEdge(*((more, one.table.key) if is_left else (one.table.key, more)), None, "more"))
    return Graph(around[0].table.key, nodes, edges, left_out)


def _columns(key: ForeignKey) -> str:
    """Return the columns of a key as an edge shows them."""
    theirs = f" → {', '.join(key.to_columns)}" if key.to_columns and key.to_columns != key.columns else ""
    return f"{', '.join(key.columns)}{theirs}"
