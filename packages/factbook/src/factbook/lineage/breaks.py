"""What breaks if a table or a column goes: the tables and products it is used for, nearest first, page by page."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from factbook.lineage.cursors import Place, format_cursor, parse_cursor
from factbook.lineage.finding import Found, nodes_named
from factbook.lineage.model import Breaks, Broken, Node
from factbook.lineage.spreading import Spread
from factbook.lineage.statements import Following
from factbook.lineage.walking import Best, weigh


def breaks_of(
    connection: Connection, found: Found, following: Following, *, depth: int, limit: int, cursor: str | None, as_of: datetime | None
) -> Breaks:
    """Return a page of the tables that are hit, with their columns where those are known."""
    after = parse_cursor(cursor) if cursor is not None else None
    if found.node_id is None:
        return Breaks(found.node, [], 0, 0, [], False, None, as_of=as_of)
    spread = Spread(connection, following, found.node_id, found.column_id, every_column=found.column is None)
    spread.run(depth)
    named = nodes_named(connection, spread.tables)
    places = sorted((distance, named[node].name, node) for node, distance in spread.tables.items() if distance)
    behind = [place for place in places if after is None or place > after]
    best = weigh([found.node_id], spread.steps)
    items = [_broken(place, spread, best, named) for place in behind[:limit]]
    return Breaks(
        found.node,
        items,
        len(places),
        sum(map(len, spread.columns.values())),
        sorted(named[node].name for _, _, node in places if named[node].kind == "product"),
        spread.truncated,
        format_cursor(behind[limit - 1]) if len(behind) > limit else None,
        as_of=as_of,
    )


def _broken(place: Place, spread: Spread, best: dict[int, Best], named: dict[int, Node]) -> Broken:
    distance, _, node = place
    reached = best[node]
    via = named[reached.last.start].name if reached.last is not None else ""
    surely = sorted(spread.columns.get(node, ()))
    return Broken(named[node], distance, round(reached.confidence, 6), via, surely, node not in spread.whole, not reached.is_fresh)
