"""What lies upstream or downstream of a node: pages of a walk, nearest first."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from factbook.lineage.cursors import Place, format_cursor, parse_cursor
from factbook.lineage.finding import Found, columns_named, nodes_named, page_of_level
from factbook.lineage.model import Closure, Node, Reached
from factbook.lineage.origins import sayings
from factbook.lineage.statements import Following
from factbook.lineage.tables import columns
from factbook.lineage.walking import MAX_REACHED, Best, Walk, walk, weigh


class Page(msgspec.Struct, frozen=True):
    """What of a closure is shown: nodes of these sorts, so many from a place on, and how far it goes."""

    depth: int
    kinds: tuple[str, ...]
    limit: int
    cursor: str | None


def closure_of(connection: Connection, found: Found, following: Following, wanted: Page, *, as_of: datetime | None) -> Closure:
    """Return a page of what is reached. Each page walks anew, so what a page shows is so when it is asked for."""
    after = parse_cursor(wanted.cursor) if wanted.cursor is not None else None
    limit = wanted.limit
    starts = _starts(connection, found, following)
    if not starts:
        return Closure(found.node, following.direction, [], 0, False, None, as_of=as_of)
    walked = walk(connection, starts, following, depth=wanted.depth)
    page = _page(connection, walked, following, wanted.kinds, after, limit + 1)
    best = weigh(starts, walked.steps)
    items = _reached(connection, dict(list(page.items())[:limit]), best, walked, following)
    following_cursor = None
    if len(page) > limit:
        number = list(page)[limit - 1]
        following_cursor = format_cursor((walked.distances[number], page[number].name, number))
    total = len(walked.distances) - len(starts)
    return Closure(found.node, following.direction, items, total, walked.truncated, following_cursor, as_of=as_of)


def _starts(connection: Connection, found: Found, following: Following) -> list[int]:
    """Return where to begin: at a table, at a column, or at all columns of a table."""
    if following.level == "table" or found.column is not None:
        start = found.node_id if following.level == "table" else found.column_id
        return [] if start is None else [start]
    mine = select(columns.c.column_id).where(columns.c.node_id == found.node_id).order_by(columns.c.column_id)
    return list(connection.scalars(mine.limit(MAX_REACHED)))


def _page(
    connection: Connection, walked: Walk, following: Following, kinds: tuple[str, ...], after: Place | None, limit: int
) -> dict[int, Node]:
    """Return the nodes of a page in their order; names are read of the levels alone that the page lies in."""
    page: dict[int, Node] = {}
    for distance, level in walked.levels():
        if after is not None and distance < after[0]:
            continue
        behind = after[1:] if after is not None and distance == after[0] else None
        is_columns = following.level == "column"
        page |= page_of_level(connection, level, is_columns=is_columns, kinds=kinds, after=behind, limit=limit - len(page))
        if len(page) >= limit:
            break
    return page


def _reached(connection: Connection, page: dict[int, Node], best: dict[int, Best], walked: Walk, following: Following) -> list[Reached]:
    steps = {number: best[number].last for number in page}
    last = {number: step for number, step in steps.items() if step is not None}
    said = sayings(connection, [(step.fact, step.place) for step in last.values()])
    starts = [step.start for step in last.values()]
    via = columns_named(connection, starts) if following.level == "column" else nodes_named(connection, starts)
    found = []
    for number, step in last.items():
        saying = said[step.fact, step.place]
        found.append(
            Reached(
                page[number],
                walked.distances[number],
                round(best[number].confidence, 6),
                via[step.start].name,
                saying.lineage_type,
                saying.origin,
                saying.producer_id,
                saying.job,
                saying.transformation,
                not best[number].is_fresh,
            )
        )
    return found
