"""``/ui/lineage``: where data comes from and what is made from it, step by step; whom it hits if something goes; and ways between two."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import msgspec
from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import LineageReader
from factbook.api.parameters import Search
from factbook.api.routes.lineage import AnyNode, NodeKinds
from factbook.errors import NotFound
from factbook.lineage.model import Breaks, Broken, Node, Paths
from factbook.rooms import Rooms
from factbook.web.drawings import MAX_NODES, Graph, GraphEdge, GraphNode, distinct
from factbook.web.exploring import KNOWN_BY, Asked, Asking, Desk, Shown, kind_of, short_name, table_name
from factbook.web.rendering import Crumb, May, Page, page, path
from factbook.web.routing import Pages
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.parts import TableRef

router = Pages()

HITS = 20
LATEST = 10
HIT_TABLES = 50
WAYS = 20

_End = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00]*$")] | None,
    Query(description="One end: a product, SOURCE.SCHEMA.TABLE, ….COLUMN, or a dataset as answers show it."),
]


class Choice(msgspec.Struct, frozen=True):
    """Something to begin at."""

    node: Node
    href: str


class Explorer(msgspec.Struct, frozen=True):
    """What is found by words, and what lies around the node that was chosen; where neither is asked, ``latest`` is what lineage was told of
    last (``None`` where that is not looked at). ``problem`` says why there is no such node, ``fix`` what to do."""

    at: str | None
    search: str | None
    choices: list[Choice]
    latest: list[Choice] | None
    asked: Asked
    shown: Shown | None
    problem: str | None = None
    fix: str | None = None


@router.page("/lineage")
def lineage(request: Request, rooms: LineageReader, asked: Asking, at: AnyNode = None, search: Search = None) -> Response:
    """Show what lies around a table, dataset or product; without one, what can be chosen."""
    words = (search or "").strip()
    shown, wrong = None, None
    try:
        node = rooms.lineage.find(at) if at is not None else None
        if node is not None and node.column is not None:
            asked = msgspec.structs.replace(asked, level="column", column=node.column)
            node = rooms.lineage.find(table_name(node))
        desk = Desk(request, rooms, asked, at=None if node is None else node.name)
        shown = desk.show(node) if node is not None else None
    except NotFound as error:
        wrong, words = error, words or (at or "").replace("/", ".").rstrip(".").rpartition(".")[2]
        desk = Desk(request, rooms, msgspec.structs.replace(asked, column=None, expand=[]))
    choices = [Choice(found, desk.centre(found)) for found in rooms.lineage.search(words, limit=HITS)] if words else []
    begins = not words and shown is None and asked.as_of is None
    content = Explorer(
        at=shown.node.name if shown is not None else at,
        search=words or None,
        choices=choices,
        latest=[Choice(found, desk.centre(found)) for found in rooms.lineage.learnt_last(limit=LATEST)] if begins else None,
        asked=asked,
        shown=shown,
        problem=wrong.what if wrong is not None else None,
        fix=wrong.fix if wrong is not None else None,
    )
    title = f"Lineage of {shown.node.name}" if shown is not None else "Lineage"
    return page(request, "lineage.html", Page(title, as_of=asked.as_of), content, status=404 if wrong is not None else 200)


class Hit(msgspec.Struct, frozen=True):
    """Something that breaks. ``way`` leads there from what goes; ``contracts`` stand on it."""

    broken: Broken
    kind: str
    is_gone: bool
    href: str
    known_by: str
    way: list[str]
    contracts: list[str]


class HitProduct(msgspec.Struct, frozen=True):
    """A product whose port gives out or takes in what goes or is hit."""

    name: str
    domain: str
    port: str
    table: str


class Impact(msgspec.Struct, frozen=True):
    """Everything downstream of a node: numbers of all, and a page of it. ``hidden`` names what the token does not show."""

    node: Node
    asked: Asked
    column: str | None
    kinds: list[str]
    numbers: Breaks
    contracts: list[str]
    hits: list[Hit]
    products: list[HitProduct]
    graph: Graph
    hidden: list[str]


@router.page("/lineage/impact")
def impact(request: Request, rooms: LineageReader, asked: Asking, at: AnyNode = None, kind: NodeKinds = None) -> Response:
    """Show what breaks if a table or a column goes."""
    if at is None:
        raise NotFound("Nothing is named", why="impact is that of a table, dataset or product", fix="Choose one at /ui/lineage", field="at")
    node = rooms.lineage.find(f"{at}.{asked.column}" if asked.column else at)
    found = rooms.lineage.breaks(node.name, kinds=kind or (), limit=HIT_TABLES, cursor=asked.cursor, view=asked.view)
    desk = Desk(request, rooms, asked)
    may = May(request)
    states = desk.states([hit.node for hit in found.items])
    contracts = _contracts(rooms, [node, *(hit.node for hit in found.items)], asked) if may("ContractReader") else {}
    hits = []
    for hit in found.items:
        state = desk.state(hit.node, states)
        is_gone = state is not None and state.is_gone(asked.as_of)
        on_it = contracts.get(TableRef(hit.node.source_id, hit.node.table, hit.node.schema), [])
        hits.append(Hit(hit, kind_of(hit.node, state), is_gone, desk.href(hit.node, states), KNOWN_BY[hit.origin], hit.way, on_it))
    tables = [TableRef(one.source_id, one.table, one.schema) for one in [node, *(hit.node for hit in found.items)]]
    content = Impact(
        node=rooms.lineage.find(table_name(node)),
        asked=asked,
        column=node.column,
        kinds=list(kind or ()),
        numbers=found,
        contracts=contracts.get(TableRef(node.source_id, node.table, node.schema), []),
        hits=hits,
        products=_products(rooms, tables, contracts) if may("ProductReader") and asked.as_of is None else [],
        graph=_ways_graph(node, hits),
        hidden=[name for name, needs in (("contracts", "ContractReader"), ("products", "ProductReader")) if not may(needs)],
    )
    about = Page(f"Impact of {node.name}", [Crumb("Lineage", path("lineage"))], asked.as_of)
    return page(request, "lineage_impact.html", about, content)


def _contracts(rooms: Rooms, nodes: list[Node], asked: Asked) -> dict[TableRef, list[str]]:
    """Return the contracts on tables by their ids."""
    targets = [MetadataTarget(node.source_id, node.schema, node.table) for node in nodes if node.kind == "table"]
    latest = rooms.records.latest_many(targets, "data_contract", tenant=rooms.tenant, as_of=asked.as_of) if targets else {}
    found: dict[TableRef, list[str]] = {}
    for target, stored in latest.items():
        payload = stored.record.payload
        if payload is not None and payload.get("status") != "retired" and target.table is not None:
            found.setdefault(TableRef(target.source_id, target.table, target.schema), []).append(str(payload.get("contract_id")))
    return found


def _products(rooms: Rooms, tables: list[TableRef], contracts: dict[TableRef, list[str]]) -> list[HitProduct]:
    """Return the products with ports on tables, or under contracts on them."""
    by_contract = {contract: table for table, ids in contracts.items() for contract in ids}
    known = {(table.source_id, table.schema, table.table): table for table in tables}
    found = []
    for product in rooms.products.live():
        for way, port in [*(("gives out", port) for port in product.outputs), *(("takes in", port) for port in product.inputs)]:
            table = known.get((port.table.source_id, port.table.schema, port.table.table)) or by_contract.get(port.contract_id or "")
            if table is not None and product.status != "retired":
                shown = ".".join(part for part in (table.source_id, table.schema, table.table) if part)
                found.append(HitProduct(product.name, product.domain, way, shown))
    return sorted(found, key=lambda hit: (hit.name, hit.table))


def _ways_graph(node: Node, hits: list[Hit]) -> Graph:
    """Draw the shortest ways to what is listed, as many as there is room for."""
    start = table_name(node)
    made = {start: GraphNode(start, short_name(msgspec.structs.replace(node, column=None)), node.kind, None, start)}
    listed = {hit.broken.node.name: hit for hit in hits}
    steps: dict[tuple[str, str], None] = {}
    left_out = 0
    for hit in hits:
        fresh = [name for name in hit.way if name not in made]
        if len(made) + len(fresh) > MAX_NODES:
            left_out += 1
            continue
        for name in fresh:
            known = listed.get(name)
            label, kind, href = (name, "node", None) if known is None else (short_name(known.broken.node), known.kind, known.href)
            made[name] = GraphNode(name, label, kind, href, f"{name} ({kind})" if known is not None else name)
        steps |= dict.fromkeys(pairwise(hit.way))
    labels = distinct({id_: (one.label, id_) for id_, one in made.items()})
    nodes = [msgspec.structs.replace(one, label=labels[id_]) for id_, one in made.items()]
    return Graph(start, nodes, [GraphEdge(source, target) for source, target in steps], left_out)


class Ways(msgspec.Struct, frozen=True):
    """Ways between two ends; ``problem`` says why there can be none."""

    source: str | None
    target: str | None
    asked: Asked
    found: Paths | None
    known_by: dict[str, str]
    graph: Graph | None
    problem: str | None = None
    fix: str | None = None


@router.page("/lineage/paths")
def paths(request: Request, rooms: LineageReader, asked: Asking, source: _End = None, target: _End = None) -> Response:
    """Show the ways by which data gets from one table or column to another."""
    found, wrong = None, None
    if source is not None and target is not None:
        try:
            found = rooms.lineage.paths(source, target, limit=WAYS, view=asked.view)
        except NotFound as error:
            wrong = error
    known_by: dict[Any, str] = dict(KNOWN_BY)
    content = Ways(
        source,
        target,
        asked,
        found,
        known_by,
        _paths_graph(found, Desk(request, rooms, asked)) if found is not None and found.items else None,
        wrong.what if wrong is not None else None,
        wrong.fix if wrong is not None else None,
    )
    about = Page("Ways of data", [Crumb("Lineage", path("lineage"))], asked.as_of)
    return page(request, "lineage_paths.html", about, content, status=404 if wrong is not None else 200)


def _paths_graph(found: Paths, desk: Desk) -> Graph:
    """Draw all steps of all ways; at most twenty ways of twenty steps are found, which share their ends."""
    steps = {(step.source, step.target): step for way in found.items for step in way.steps}
    states = desk.states(found.nodes)
    labels = distinct({node.name: (short_name(node), node.name) for node in found.nodes})
    nodes = [
        GraphNode(node.name, labels[node.name], kind_of(node, desk.state(node, states)), desk.href(node, states), node.name)
        for node in found.nodes
    ]
    edges = [GraphEdge(*pair, None, "stale" if step.stale else step.lineage_type) for pair, step in steps.items()]
    return Graph(found.source.name, nodes, edges)
