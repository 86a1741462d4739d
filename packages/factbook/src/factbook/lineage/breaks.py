"""What breaks if a table or a column goes: the tables and products it is used for, nearest first, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from factbook.lineage.cursors import Place, format_cursor, parse_cursor
from factbook.lineage.finding import Found, nodes_named
from factbook.lineage.model import Breaks, Broken, Node
from factbook.lineage.origins import Saying, sayings
from factbook.lineage.spreading import Spread
from factbook.lineage.statements import Following
from factbook.lineage.walking import Best, weigh


def breaks_of(
    connection: Connection,
    found: Found,
    following: Following,
    *,
    depth: int,
    kinds: Collection[str],
    limit: int,
    cursor: str | None,
    as_of: datetime | None,
) -> Breaks:
    """Return a page of the tables that are hit, of these kinds, with their columns where those are known."""
    after = parse_cursor(cursor) if cursor is not None else None
    if found.node_id is None:
        return Breaks(found.node, [], 0, {}, {}, 0, [], False, None, as_of=as_of)
    spread = Spread(connection, following, found.node_id, found.column_id, every_column=found.column is None)
    spread.run(depth)
    named = nodes_named(connection, spread.tables)
    places = sorted((distance, named[node].name, node) for node, distance in spread.tables.items() if distance)
    behind = [place for place in places if (after is None or place > after) and (not kinds or named[place[2]].kind in kinds)]
    best = weigh([found.node_id], spread.steps)
    told = _told(connection, [node for _, _, node in places], best)
    ways = _ways(spread, [node for _, _, node in behind[:limit]], named)
    items = [_broken(place, spread, best, named, told, ways) for place in behind[:limit]]
    jobs = Counter(saying.job for saying in told.values() if saying.job is not None)
    return Breaks(
        found.node,
        items,
        len(places),
        dict(Counter(named[node].kind for _, _, node in places).most_common()),
        dict(jobs.most_common()),
        sum(map(len, spread.columns.values())),
        sorted(named[node].name for _, _, node in places if named[node].kind == "product"),
        spread.truncated,
        format_cursor(behind[limit - 1]) if len(behind) > limit else None,
        as_of=as_of,
    )


def _ways(spread: Spread, ends: Collection[int], named: Mapping[int, Node]) -> dict[int, list[str]]:
    """Return a shortest way to each of these nodes, of those the first by name."""
    before: dict[int, int] = {}
    for start, steps in spread.steps.items():
        for end in steps:
            if spread.tables[start] < spread.tables[end] and _nearer(spread, named, start, before.get(end)):
                before[end] = start
    ways = {}
    for end in ends:
        way = [end]
        while way[-1] in before:
            way.append(before[way[-1]])
        ways[end] = [named[node].name for node in reversed(way)]
    return ways


def _nearer(spread: Spread, named: Mapping[int, Node], start: int, known: int | None) -> bool:
    return known is None or (spread.tables[start], named[start].name, start) < (spread.tables[known], named[known].name, known)


def _told(connection: Connection, nodes: Collection[int], best: Mapping[int, Best]) -> dict[int, Saying]:
    """Return who said the last step of the surest way to each of these nodes."""
    last = {node: (step.fact, step.place) for node in nodes if (step := best[node].last) is not None}
    said = sayings(connection, last.values())
    return {node: said[place] for node, place in last.items()}


def _broken(
    place: Place,
    spread: Spread,
    best: Mapping[int, Best],
    named: Mapping[int, Node],
    told: Mapping[int, Saying],
    ways: Mapping[int, list[str]],
) -> Broken:
    distance, _, node = place
    reached = best[node]
    return Broken(
        node=named[node],
        distance=distance,
        confidence=round(reached.confidence, 6),
        via=named[reached.last.start].name if reached.last is not None else "",
        origin=told[node].origin,
        columns=sorted(spread.columns.get(node, ())),
        columns_known=node not in spread.whole,
        stale=not reached.is_fresh,
        way=ways[node],
        job=told[node].job,
    )
