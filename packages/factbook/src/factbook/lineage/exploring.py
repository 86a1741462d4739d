"""Lineage step by step: one step around a table or column, and one more wherever somebody asked for it. Every picture is bounded.

What is shown is chosen so that a wide fan hides nothing that was asked for: what is expanded first, then of each fan its first members,
fan after fan. What is left out is counted, and listed page by page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from factbook.lineage.ageing import Sightings
from factbook.lineage.cursors import format_cursor, parse_cursor
from factbook.lineage.finding import Found, columns_named, nodes_named
from factbook.lineage.model import Exploration, Explored, ExploredEdge, Node
from factbook.lineage.numbers import in_parts
from factbook.lineage.origins import sayings
from factbook.lineage.statements import Direction, Following, edges_between, edges_of
from factbook.lineage.tables import columns, inputs
from factbook.lineage.walking import MAX_EDGES, MAX_REACHED, shown_steps
from factbook.repository.rows import moment

MAX_SHOWN = 400
"""Nodes of one picture."""

MAX_FAN = 50
"""Neighbours that one node shows each way, beside those that are expanded themselves."""

MAX_EXPANDED = 100
"""Nodes that one picture expands."""

MAX_COLUMNS = 20
"""Pairs of columns that an edge names."""


class _Way(msgspec.Struct):
    """What was reached one way: the distance of each node, its place in the fan that it was found in, and the neighbours of those that
    were left. ``unexpanded`` are the others."""

    distances: dict[int, int]
    ranks: dict[int, int]
    neighbours: dict[int, set[int]]
    unexpanded: list[int]


class Explorer:
    """One exploration: what it looks at, and what it learns on the way."""

    def __init__(self, connection: Connection, following: Following, expanded: Collection[str]) -> None:
        self._connection = connection
        self._following = following
        self._expanded = frozenset(expanded)
        self._sightings = Sightings(connection, following.sight)
        self._named: dict[int, Node] = {}
        self._keys: dict[int, str] = {}
        self._truncated = False

    def explore(self, found: Found, directions: Sequence[Direction], *, limit: int, cursor: str | None) -> Exploration:
        """Return what is shown around a node, and a page of what is reached and not shown."""
        after = parse_cursor(cursor) if cursor is not None else None
        starts = self._starts(found)
        self._learn(starts)
        ways = {direction: self._walk(starts, direction) for direction in directions}
        shown = self._chosen(starts, ways)
        left_out = sorted(
            (min(way.distances[number] for way in ways.values() if number in way.distances), self._named[number].name, number)
            for number in {number for way in ways.values() for number in way.distances} - set(shown)
        )
        behind = [place for place in left_out if after is None or place > after]
        hidden, is_counted = self._hidden(ways, set(shown))
        return Exploration(
            node=found.node,
            focus=[self._keys[number] for number in starts],
            items=self._items(shown, ways, hidden),
            edges=self._edges(shown),
            left_out=self._items([number for _, _, number in behind[:limit]], ways, {}),
            left_out_total=len(left_out),
            truncated=self._truncated,
            is_counted=is_counted,
            next_cursor=format_cursor(behind[limit - 1]) if len(behind) > limit else None,
        )

    def _starts(self, found: Found) -> list[int]:
        """Return where to begin: at a table, at a column, or at the columns of a table, as many as are shown."""
        if self._following.level == "table" or found.column is not None:
            start = found.node_id if self._following.level == "table" else found.column_id
            return [] if start is None else [start]
        mine = select(columns.c.column_id).where(columns.c.node_id == found.node_id)
        return list(self._connection.scalars(mine.order_by(columns.c.column_id).limit(MAX_SHOWN // 2)))

    def _learn(self, numbers: Iterable[int]) -> None:
        new = [number for number in numbers if number not in self._named]
        named = columns_named(self._connection, new) if self._following.level == "column" else nodes_named(self._connection, new)
        self._named |= named
        self._keys |= {number: key_of(node) for number, node in named.items()}

    def _neighbours(self, numbers: Sequence[int], direction: Direction) -> tuple[dict[int, set[int]], bool]:
        """Return the neighbours of nodes one way, and whether that is all of them."""
        rows = edges_of(self._connection, numbers, self._towards(direction), limit=MAX_EDGES + 1)
        found: defaultdict[int, set[int]] = defaultdict(set)
        for step in shown_steps(rows[:MAX_EDGES], self._sightings, is_downstream=direction == "downstream"):
            if step.start != step.end:
                found[step.start].add(step.end)
        return found, len(rows) <= MAX_EDGES

    def _towards(self, direction: Direction) -> Following:
        return msgspec.structs.replace(self._following, direction=direction)

    def _walk(self, starts: Sequence[int], direction: Direction) -> _Way:
        """Go one step from the starts, and from then on one from each node that is expanded. Each node is left once."""
        way = _Way(dict.fromkeys(starts, 0), dict.fromkeys(starts, 0), {}, [])
        leaving, distance = list(starts), 0
        while leaving:
            distance += 1
            found, is_all = self._neighbours(leaving, direction)
            self._truncated = self._truncated or not is_all
            fresh = sorted({end for ends in found.values() for end in ends} - way.distances.keys())
            room = MAX_REACHED - len(way.distances)
            self._truncated = self._truncated or len(fresh) > room
            fresh = fresh[:room]
            self._learn(fresh)
            way.distances |= dict.fromkeys(fresh, distance)
            way.neighbours |= {number: found.get(number, set()) for number in leaving}
            self._rank(way, leaving, fresh)
            leaving = [number for number in fresh if self._keys[number] in self._expanded]
            way.unexpanded += [number for number in fresh if self._keys[number] not in self._expanded]
        return way

    def _rank(self, way: _Way, leaving: Sequence[int], fresh: Sequence[int]) -> None:
        """Give each new node its place in the first fan that holds it, by name."""
        waiting = set(fresh)
        for number in leaving:
            fan = sorted(way.neighbours[number] & waiting, key=lambda end: (self._named[end].name, end))
            way.ranks |= {end: rank for rank, end in enumerate(fan)}
            waiting -= set(fan)

    def _chosen(self, starts: Sequence[int], ways: Mapping[Direction, _Way]) -> list[int]:
        """Return what is shown: starts, what is expanded, then the first of each fan, the second, and so on, as long as there is room."""
        places: dict[int, tuple[bool, int, int, str, int]] = {}
        for way in ways.values():
            for number, distance in way.distances.items():
                is_expanded = self._keys[number] in self._expanded
                if is_expanded or way.ranks[number] < MAX_FAN:
                    place = (not is_expanded, way.ranks[number], distance, self._named[number].name, number)
                    places[number] = min(place, places.get(number, place))
        others = sorted(places.keys() - set(starts), key=places.__getitem__)
        return [*starts, *others][:MAX_SHOWN]

    def _hidden(self, ways: Mapping[Direction, _Way], shown: set[int]) -> tuple[dict[tuple[Direction, int], int], bool]:
        """Return how many neighbours of what is shown are not, each way; and whether those at the rim could all be counted."""
        hidden: dict[tuple[Direction, int], int] = {}
        is_counted = True
        for direction, way in ways.items():
            at_rim, is_all = self._neighbours([number for number in way.unexpanded if number in shown], direction)
            is_counted = is_counted and is_all
            for number, ends in [*way.neighbours.items(), *at_rim.items()]:
                if number in shown and ends - shown:
                    hidden[direction, number] = len(ends - shown)
        return hidden, is_counted

    def _items(self, numbers: Sequence[int], ways: Mapping[Direction, _Way], hidden: Mapping[tuple[Direction, int], int]) -> list[Explored]:
        found = []
        for number in numbers:
            up, down = (ways[way].distances.get(number) if way in ways else None for way in ("upstream", "downstream"))
            more_up, more_down = (hidden.get((way, number), 0) for way in ("upstream", "downstream"))
            is_expanded = self._keys[number] in self._expanded or up == 0 or down == 0
            found.append(Explored(self._keys[number], self._named[number], up, down, is_expanded, more_up, more_down))
        return sorted(found, key=_step_and_name)

    def _edges(self, shown: Sequence[int]) -> list[ExploredEdge]:
        """Return all edges between what is shown, also those that were not walked."""
        rows = edges_between(self._connection, shown, self._towards("downstream"), limit=MAX_EDGES + 1)
        self._truncated = self._truncated or len(rows) > MAX_EDGES
        steps = shown_steps(rows[:MAX_EDGES], self._sightings, is_downstream=True)
        places = [(step.fact, step.place) for step in steps]
        ages = {(row[6], row[7]): self._sightings.last_seen(row[3], row[4]) for row in rows}
        said = sayings(self._connection, places)
        pairs = self._pairs(places) if self._following.level == "table" else {}
        edges = [
            ExploredEdge(
                source=self._keys[step.start],
                target=self._keys[step.end],
                lineage_type=said[step.fact, step.place].lineage_type,
                origin=said[step.fact, step.place].origin,
                producer_id=said[step.fact, step.place].producer_id,
                job=said[step.fact, step.place].job,
                transformation=said[step.fact, step.place].transformation,
                confidence=step.confidence,
                stale=step.is_stale,
                last_seen=moment(ages[step.fact, step.place]),
                columns=pairs.get((step.fact, step.place), [])[:MAX_COLUMNS],
                columns_total=len(pairs.get((step.fact, step.place), [])),
            )
            for step in steps
        ]
        return sorted(edges, key=lambda edge: (edge.source, edge.target, -edge.confidence, edge.producer_id))

    def _pairs(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[tuple[str, str]]]:
        """Return which columns of its input an edge takes for which of its output."""
        wanted = set(places)
        found: dict[tuple[int, int], list[tuple[str, str]]] = {}
        for part in in_parts(sorted({fact for fact, _ in wanted})):
            chosen = select(inputs.c.fact, inputs.c.place, inputs.c.columns).where(inputs.c.fact.in_(part), inputs.c.columns.is_not(None))
            for fact, place, text in self._connection.execute(chosen):
                if (fact, place) in wanted:
                    told: list[dict[str, Any]] = msgspec.json.decode(text)
                    found[fact, place] = list(dict.fromkeys((one["input"], one["output"]) for one in told))
        return found


def key_of(node: Node) -> str:
    """Return the short key by which an address names a node: the same in every store, and too long for two nodes to share it by chance."""
    return blake2b(msgspec.json.encode([node.source_id, node.schema, node.table, node.column]), digest_size=6).hexdigest()


def _step_and_name(item: Explored) -> tuple[int, bool, str, str]:
    steps = [step for step in (item.upstream, item.downstream) if step is not None]
    return min(steps), item.upstream is None, item.node.name, item.key
