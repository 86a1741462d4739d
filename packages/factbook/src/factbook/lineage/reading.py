"""Read lineage: what is made from what, now or at a moment. Every answer is bounded."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from factbook.errors import InvalidRequest
from factbook.lineage.ageing import Ages, Sight
from factbook.lineage.breaks import breaks_of
from factbook.lineage.closures import Page, closure_of
from factbook.lineage.entries import Wanted, entries_of
from factbook.lineage.exploring import MAX_EXPANDED, Explorer
from factbook.lineage.finding import Found, columns_named, find, nodes_named
from factbook.lineage.looking_up import columns_of, learnt_last, nodes_with
from factbook.lineage.model import Breaks, Closure, Exploration, GraphEdge, LineageEntryPage, LineageStats, Neighbourhood, Node, Paths
from factbook.lineage.paths import MAX_PATHS, paths_between
from factbook.lineage.statements import Direction, Following, Level, reach
from factbook.lineage.stats import stats_of
from factbook.lineage.tables import KINDS
from factbook.lineage.view import NOW, View, check_one_of
from factbook.lineage.walking import MAX_DEPTH, walk
from factbook.repository.sql import SqlRepository
from factbook_sdk.repository.contract import check_limit

DEFAULT_DEPTH = 20
DEFAULT_PATHS = 10
MAX_NEIGHBOURS = 200
"""Nodes of one neighbourhood, each way."""


class LineageReader:
    """The lineage of one tenant. Nodes are named as :func:`~factbook.lineage.finding.find` says; one that is not known raises
    :class:`NotFound`. ``view`` says what to look at; lists are paged by ``limit`` and ``cursor``."""

    def __init__(self, repository: SqlRepository, *, tenant: str, ages: Ages = Ages()) -> None:  # noqa: B008 - frozen
        self._repository = repository
        self._tenant = tenant
        self._ages = ages

    def closure(
        self,
        name: str,
        direction: Direction,
        *,
        depth: int = DEFAULT_DEPTH,
        columns: bool = False,
        kinds: Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
        view: View = NOW,
    ) -> Closure:
        """Return what lies upstream or downstream, nearest first, then by name. Of a column that is columns; with
        ``columns`` so it is of a table, from all the columns that it has."""
        check_limit(limit)
        for kind in kinds:
            check_one_of(kind, KINDS, "kind")
        with self._repository.reading_beside() as connection:
            found = self._find(connection, name)
            level = _level(found, columns=columns)
            following = self._following(view, direction, level)
            page = Page(_check_depth(depth), tuple(kinds), limit, cursor)
            return closure_of(connection, found, following, page, as_of=view.as_of)

    def neighbours(self, name: str, depth: int = 1, *, view: View = NOW) -> Neighbourhood:
        """Return a node with what lies around it both ways and the edges between, for drawing."""
        with self._repository.reading_beside() as connection:
            found = self._find(connection, name)
            level = _level(found)
            start = found.node_id if level == "table" else found.column_id
            if start is None:
                return Neighbourhood(found.node, [found.node], [], False)
            steps: set[tuple[int, int, float, bool]] = set()
            truncated, reached = False, {start}
            for direction in ("upstream", "downstream"):
                following = self._following(view, direction, level)
                walked = walk(connection, [start], following, depth=_check_depth(depth), max_reached=MAX_NEIGHBOURS)
                truncated = truncated or walked.truncated
                reached.update(walked.distances)
                for step in (step for found_steps in walked.steps.values() for step in found_steps.values()):
                    source, target = (step.start, step.end) if direction == "downstream" else (step.end, step.start)
                    steps.add((source, target, step.confidence, step.is_stale))
            named = nodes_named(connection, reached) if level == "table" else columns_named(connection, reached)
        edges = [GraphEdge(named[source].name, named[target].name, confidence, stale) for source, target, confidence, stale in steps]
        edges.sort(key=lambda edge: (edge.source, edge.target, edge.confidence))
        return Neighbourhood(found.node, sorted(named.values(), key=lambda node: node.name), edges, truncated)

    def paths(self, source: str, target: str, *, depth: int = DEFAULT_DEPTH, limit: int = DEFAULT_PATHS, view: View = NOW) -> Paths:
        """Return the ways by which data gets from source to target, the surest first. Both are tables, or both columns."""
        if not 1 <= limit <= MAX_PATHS:
            raise InvalidRequest(f"limit is {limit}", why=f"it must lie between 1 and {MAX_PATHS}", field="limit")
        with self._repository.reading_beside() as connection:
            ends = self._find(connection, source), self._find(connection, target)
            levels = {_level(found) for found in ends}
            if len(levels) > 1:
                raise InvalidRequest("One end is a table and the other a column", fix="Name two tables, or two columns", field="target")
            following = self._following(view, "downstream", levels.pop())
            return paths_between(connection, *ends, following, depth=_check_depth(depth), limit=limit)

    def explore(
        self,
        name: str,
        directions: Sequence[Direction] = ("upstream", "downstream"),
        *,
        expanded: Sequence[str] = (),
        columns: bool = False,
        limit: int = 100,
        cursor: str | None = None,
        view: View = NOW,
    ) -> Exploration:
        """Return what lies one step around a node, and one more around each of those whose keys are ``expanded``, in the ways in which they
        are reached; keys of what is not reached do nothing. ``limit`` and ``cursor`` page what is reached and not shown. Of a column that
        is columns; with ``columns`` so it is of a table."""
        check_limit(limit)
        if len(expanded) > MAX_EXPANDED:
            raise InvalidRequest(
                f"{len(expanded)} are to be expanded", why=f"at most {MAX_EXPANDED} are", fix="Begin at another node", field="expand"
            )
        with self._repository.reading_beside() as connection:
            found = self._find(connection, name)
            following = self._following(view, "downstream", _level(found, columns=columns))
            return Explorer(connection, following, expanded).explore(found, directions, limit=limit, cursor=cursor)

    def search(self, words: str, *, limit: int = 20) -> list[Node]:
        """Return nodes whose names hold all the words, whatever their case, shortest names first: those that any edge ever named."""
        check_limit(limit)
        with self._repository.reading() as connection:
            return nodes_with(connection, self._tenant, words.split(), limit=limit)

    def learnt_last(self, *, limit: int = 10) -> list[Node]:
        """Return the nodes of which lineage was told last, the last first; none where none is known."""
        check_limit(limit)
        with self._repository.reading() as connection:
            return learnt_last(connection, self._tenant, limit=limit)

    def columns(self, name: str, *, limit: int = 1000) -> list[str]:
        """Return the columns of a table that lineage ever named, by name."""
        check_limit(limit)
        with self._repository.reading_beside() as connection:
            found = self._find(connection, name)
            return [] if found.node_id is None else columns_of(connection, found.node_id, limit=limit)

    def breaks(
        self,
        name: str,
        *,
        depth: int = DEFAULT_DEPTH,
        kinds: Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
        view: View = NOW,
    ) -> Breaks:
        """Return what breaks if a table or a column goes; the items are of these kinds, the numbers of all."""
        check_limit(limit)
        for kind in kinds:
            check_one_of(kind, KINDS, "kind")
        with self._repository.reading_beside() as connection:
            found = self._find(connection, name)
            following = self._following(view, "downstream", "table")
            wanted = {"depth": _check_depth(depth), "limit": limit}
            return breaks_of(connection, found, following, kinds=kinds, cursor=cursor, as_of=view.as_of, **wanted)

    def entries(
        self,
        *,
        source: str | None = None,
        target: str | None = None,
        producer_id: str | None = None,
        limit: int = 100,
        offset: int = 0,
        cursor: str | None = None,
        view: View = NOW,
    ) -> LineageEntryPage:
        """Return edges one by one in the order in which they were learnt; ``source`` and ``target`` are nodes."""
        check_limit(limit)
        with self._repository.reading_beside() as connection:
            ends = [None if name is None else self._find(connection, name) for name in (source, target)]
            if any(end is not None and end.node_id is None for end in ends):
                return LineageEntryPage([], None)
            numbers = [None if end is None else end.node_id for end in ends]
            wanted = Wanted(numbers[0], numbers[1], view.types, view.origins, producer_id)
            return entries_of(connection, self._tenant, wanted, self._sight(view), limit=limit, offset=offset, cursor=cursor)

    def stats(self, *, view: View = NOW) -> LineageStats:
        """Return lineage in numbers. It counts everything, which takes a moment where there is much."""
        scanned = self._repository.sources_of("catalog_scan", tenant=self._tenant)
        with self._repository.reading_beside() as connection:
            return stats_of(connection, self._tenant, self._sight(view), scanned, as_of=view.as_of)

    def find(self, name: str) -> Node:
        """Return what a name means."""
        with self._repository.reading_beside() as connection:
            return self._find(connection, name).node

    def reached(self, name: str, direction: Direction, *, depth: int | None = None, view: View = NOW) -> set[int]:
        """Return the bare numbers of all that is reached, however much it is: for counting and comparing inside the house alone."""
        with self._repository.reading_beside() as connection:
            found = self._find(connection, name)
            if found.node_id is None:
                return set()
            return reach(connection, found.node_id, self._following(view, direction, "table"), depth=depth)

    def _find(self, connection: Connection, name: str) -> Found:
        return find(connection, self._repository, name, tenant=self._tenant)

    def _sight(self, view: View) -> Sight:
        return Sight.at(view.as_of, self._ages, include_gone=view.include_gone)

    def _following(self, view: View, direction: Direction, level: Level) -> Following:
        return Following(self._tenant, self._sight(view), direction, level, view.types, view.origins)


def _level(found: Found, *, columns: bool = False) -> Level:
    return "column" if columns or found.column is not None else "table"


def _check_depth(depth: int) -> int:
    if not 1 <= depth <= MAX_DEPTH:
        raise InvalidRequest(f"depth is {depth}", why=f"it must lie between 1 and {MAX_DEPTH}", field="depth")
    return depth
