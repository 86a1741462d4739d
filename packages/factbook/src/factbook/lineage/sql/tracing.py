"""From the outputs of a query down to the columns of tables, through common table expressions, unions, subqueries and laterals.

Works on a query that sqlglot has qualified once, and on its scopes. Every column of every scope is followed once and remembered, so that
the cost follows the size of the query and not the number of ways through it; sqlglot's own ``lineage`` does the same for direct
columns, and knows nothing of those that filter, join, group or sort.

Runs in the process that reads SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from factbook.lineage.sql.model import Edge, Output, Unknown
from factbook.lineage.sql.roles import Ways, clauses, composed, merge, parts

MARK = "_factbook_"
"""What the tables of a query are called while it is traced: this and their number."""

MAX_EDGES = 50_000
"""Column edges of one statement."""

MAX_TRANSFORMATION = 300
"""Characters of an expression that are kept."""

_MAX_PASSES = 8

_PSEUDO_COLUMNS = frozenset({"_rowid_", "cmax", "cmin", "ctid", "oid", "rowid", "rownum", "tableoid", "xmax", "xmin"})
"""What engines let one ask of any row; no data comes from it."""


class TooMuch(ValueError):
    """A query that would make more edges than anybody reads."""


class Tracer:
    """The ways through one qualified query.

    ``names`` has for each mentioned table its columns, as they are compared and as the source writes them; none where they are not known.
    """

    def __init__(self, root: Scope, dialect: str, names: Sequence[Mapping[str, str]]) -> None:
        self._root = root
        self._dialect = dialect
        self._names = names
        self._scopes = {id(scope.expression): scope for scope in root.traverse()}
        self._columns: dict[object, Ways] = {}
        self._rows: dict[object, Ways] = {}
        self._places: dict[int, dict[str, int]] = {}
        self._under_way: set[object] = set()
        self._before: dict[object, Ways] = {}
        self._came_back = False
        self._texts: dict[int, str] = {}
        self.stars: set[int] = set()
        self.unknown: dict[str, str] = {}

    def trace(self) -> tuple[list[Output], list[Edge]]:
        """Return the outputs in order, and the columns that decide about rows.

        Where a recursive query comes back to itself, the whole is traced again with what is known by then, until nothing is added.
        """
        for _ in range(_MAX_PASSES):
            self._columns, self._rows, self._came_back = {}, {}, False
            outputs = list(self._outputs())
            rows = self._rows_of(self._root)
            known = dict(self._columns) | {("rows", key): ways for key, ways in self._rows.items()}
            if not self._came_back or known == self._before:
                break
            self._before = known
        if sum(len(ways) for _, ways in outputs) + len(rows) > MAX_EDGES:
            raise TooMuch(f"it makes more than {MAX_EDGES:,} column edges")
        return [Output(name or "?", self._edges(ways)) for name, ways in outputs], self._edges(rows)

    def _outputs(self) -> Iterator[tuple[str, Ways]]:
        """Yield the columns of the whole query; for a ``*`` that nobody could expand, those of the tables that are known."""
        for place, select in enumerate(self._selects(self._root)):
            if select.is_star and isinstance(self._root.expression, exp.Select):
                yield from self._star(self._root, select.table if isinstance(select, exp.Column) else None)
            elif not select.is_star:
                yield select.alias_or_name, self._output(self._root, place)

    def _edges(self, ways: Ways) -> list[Edge]:
        return [
            Edge(mention, self._names[mention].get(column, column), subtype, self._text(by))
            for (mention, column), found in sorted(ways.items(), key=lambda item: item[0])
            for subtype, by in sorted(found.items())
        ]

    def _text(self, by: exp.Expr | None) -> str | None:
        if by is None:
            return None
        text = self._texts.get(id(by))
        if text is None:
            text = by.sql(dialect=self._dialect, comments=False, copy=False)
            text = text if len(text) <= MAX_TRANSFORMATION else text[: MAX_TRANSFORMATION - 1] + "…"
            self._texts[id(by)] = text
        return text

    def _selects(self, scope: Scope) -> list[exp.Expr]:
        query = scope.expression
        if isinstance(query, exp.Subquery):
            query = query.unnest()
        return list(query.selects) if isinstance(query, exp.Query) else []

    def _place(self, scope: Scope, name: str) -> int | None:
        places = self._places.get(id(scope.expression))
        if places is None:
            places = {}
            for place, select in enumerate(self._selects(scope)):
                places.setdefault(select.alias_or_name, place)
            self._places[id(scope.expression)] = places
        return places.get(name)

    def _known(self, scope: Scope) -> Scope:
        """Return the scope as it was traversed: of a recursive query sqlglot hands out a second one that knows no sources."""
        return self._scopes.get(id(scope.expression), scope)

    def _output(self, scope: Scope, place: int) -> Ways:
        key = (id(scope.expression), place)
        return self._remembered(key, key, self._columns, lambda: self._output_anew(scope, place))

    def _rows_of(self, scope: Scope) -> Ways:
        key = id(scope.expression)
        return self._remembered(("rows", key), key, self._rows, lambda: self._rows_anew(scope))

    def _remembered(self, name: object, key: object, memory: dict[object, Ways], find: Callable[[], Ways]) -> Ways:
        if key in memory:
            return memory[key]
        if name in self._under_way:
            self._came_back = True
            return self._before.get(name, {})
        self._under_way.add(name)
        try:
            memory[key] = found = find()
        finally:
            self._under_way.discard(name)
        return found

    def _output_anew(self, scope: Scope, place: int) -> Ways:
        query = scope.expression
        if isinstance(query, exp.Subquery):
            return self._output(self._inner(scope, query), place)
        ways: Ways = {}
        if isinstance(query, exp.SetOperation):
            for branch in scope.set_operation_scopes:
                merge(ways, self._output(self._known(branch), place))
            return ways
        if isinstance(query, exp.Select) and place < len(query.selects):
            self._walk(scope, query.selects[place], "IDENTITY", ways)
        return ways

    def _inner(self, scope: Scope, query: exp.Expr) -> Scope:
        return self._scopes.get(id(query.unnest()), scope) if isinstance(query, exp.Subquery) else self._known(scope)

    def _rows_anew(self, scope: Scope) -> Ways:
        ways: Ways = {}
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            for branch in scope.set_operation_scopes:
                merge(ways, self._rows_of(self._known(branch)))
        elif isinstance(query, exp.Subquery):
            inner = self._inner(scope, query)
            if inner is not scope:
                merge(ways, self._rows_of(inner))
        for clause, subtype in clauses(scope):
            self._walk(scope, clause, subtype, ways)
        if isinstance(query, exp.Select):
            for _, source in scope.selected_sources.values():
                if isinstance(source, Scope):
                    merge(ways, self._rows_of(self._known(source)))
        elif isinstance(query, exp.Lateral) and isinstance(query.this, exp.Subquery):
            merge(ways, self._rows_of(self._inner(scope, query.this)))
        return ways

    def _walk(self, scope: Scope, root: exp.Expr, subtype: str, ways: Ways) -> None:
        """Add what an expression is made from, ``subtype`` being what it is to whoever asked."""
        by = root.this if isinstance(root, exp.Alias) else root
        steps: list[tuple[exp.Expr, str]] = [(root, subtype)]
        while steps:
            node, role = steps.pop()
            if isinstance(node, exp.Column):
                if not isinstance(node.this, exp.Star):
                    merge(ways, composed(role, by, self._column(scope, node)))
                elif not isinstance(node.parent, exp.Count):
                    for _, inner in self._star(scope, node.table):
                        merge(ways, composed(role, by, inner))
            elif isinstance(node, exp.Star | exp.TableColumn):
                if not isinstance(node.parent, exp.Count):
                    for _, inner in self._star(scope, node.name if isinstance(node, exp.TableColumn) else None):
                        merge(ways, composed(role, by, inner))
            elif isinstance(node, exp.Query) and not isinstance(node, exp.Table | exp.Values):
                self._subquery(node, role, by, ways)
            else:
                steps.extend(parts(node, role))

    def _subquery(self, node: exp.Query, role: str, by: exp.Expr, ways: Ways) -> None:
        inner = self._scopes.get(id(node.unnest()))
        if inner is None:
            return
        if not isinstance(node.parent, exp.Exists):
            for place in range(len(self._selects(inner))):
                merge(ways, composed(role, by, self._output(inner, place)))
        merge(ways, self._rows_of(inner))

    def _column(self, scope: Scope, column: exp.Column) -> Ways:
        name = column.name
        if not column.table:
            return self._bare(scope, column)
        home, source = self._source(scope, column.table)
        if isinstance(source, exp.Table):
            return self._leaf(source, column)
        if source is None:
            return self._pivoted(scope, column)
        node = home.selected_sources.get(column.table, (None, None))[0]
        aliases = node.alias_column_names if isinstance(node, exp.Table) else []
        if name in aliases:
            # FROM a common table expression AS d (x, y).
            known = self._known(source)
            return {} if any(select.is_star for select in self._selects(known)) else self._output(known, aliases.index(name))
        return self._through(home, self._known(source), name, column)

    def _leaf(self, table: exp.Table, column: exp.Column) -> Ways:
        number = mention_of(table)
        if number is None or (self._names[number] and column.name not in self._names[number] and column.name.lower() in _PSEUDO_COLUMNS):
            return {}
        name = self._renamed(table, number, column.name)
        if name is None or (self._names[number] and name not in self._names[number]):
            self.unknown.setdefault(f"{column.table}.{column.name}", "the table is not known to have such a column")
            return {}
        return {(number, name): {"IDENTITY": None}}

    def _renamed(self, table: exp.Table, number: int, name: str) -> str | None:
        """Return what the table itself calls a column that ``FROM t AS a (x, y)`` gives another name; ``None`` where nobody knows."""
        aliases = table.alias_column_names
        if name not in aliases:
            return None if name in list(self._names[number])[: len(aliases)] else name
        place = aliases.index(name)
        return list(self._names[number])[place] if place < len(self._names[number]) else None

    def _pivoted(self, scope: Scope, column: exp.Column) -> Ways:
        """Return what a column of PIVOT or UNPIVOT is made from: what is aggregated and what is told apart by, or the column behind it."""
        pivot = next((pivot for pivot in scope.pivots if pivot.alias_or_name == column.table), None)
        if pivot is None:
            self.unknown.setdefault(column.sql(dialect=self._dialect), f"nothing in the statement is called {column.table}")
            return {}
        ways: Ways = {}
        made = {item.name for item in pivot.args.get("columns") or []}
        around = pivot.parent
        behind = around.alias_or_name if around is not None else ""
        if column.name in made or pivot.args.get("unpivot"):
            for part, subtype in (
                *((item, "AGGREGATION") for item in pivot.expressions),
                *((item, "CONDITIONAL") for item in pivot.fields),
            ):
                for inner in part.find_all(exp.Column):
                    merge(ways, composed(subtype, part, self._of_only(scope, inner, behind)))
            return ways
        return self._of_only(scope, column, behind)

    def _of_only(self, scope: Scope, column: exp.Column, table: str) -> Ways:
        """Return the ways of a column as one of the source ``table``."""
        named = exp.column(column.this.copy(), table=exp.to_identifier(table))
        _, source = self._source(scope, table)
        if isinstance(source, exp.Table):
            return self._leaf(source, named)
        return {} if source is None else self._through(scope, self._known(source), column.name, named)

    def _through(self, home: Scope, source: Scope, name: str, column: exp.Column) -> Ways:
        """Return what the column ``name`` of a source inside the statement is made from."""
        query = source.expression
        if isinstance(query, exp.UDTF):
            return self._of_function(home, source, query, name)
        place = self._place(source, name)
        if place is not None:
            return self._output(source, place)
        if any(select.is_star for select in self._selects(source)):
            return self._behind_star(source, name)
        self.unknown.setdefault(column.sql(dialect=self._dialect), f"{column.table} has no column {name}")
        return {}

    def _behind_star(self, source: Scope, name: str) -> Ways:
        """Return a column that came through a ``*`` that nobody could expand: of the only source it can be of, if there is only one."""
        open_ones = [item for _, item in source.selected_sources.values() if self._is_open(item)]
        if len(open_ones) != 1:
            self.unknown.setdefault(name, "no table of the statement is known to have such a column")
            return {}
        only = open_ones[0]
        if isinstance(only, Scope):
            return self._behind_star(self._known(only), name)
        number = mention_of(only)
        return {} if number is None else {(number, name): {"IDENTITY": None}}

    def _is_open(self, source: exp.Table | Scope) -> bool:
        """Return whether a source may have columns of which nothing is known."""
        if isinstance(source, exp.Table):
            number = mention_of(source)
            return number is not None and not self._names[number]
        return any(select.is_star for select in self._selects(self._known(source)))

    def _of_function(self, home: Scope, source: Scope, query: exp.Expr, name: str) -> Ways:
        """Return what a column of UNNEST, VALUES or LATERAL is made from."""
        if isinstance(query, exp.Lateral) and isinstance(query.this, exp.Subquery):
            inner = self._inner(source, query.this)
            names = query.alias_column_names
            place = names.index(name) if name in names else self._place(inner, name)
            return {} if place is None else self._output(inner, place)
        ways: Ways = {}
        for argument in query.args.get("expressions") or [query.this]:
            if isinstance(argument, exp.Expr):
                self._walk(self._seeing(source, home), argument, "TRANSFORMATION", ways)
        return ways

    def _seeing(self, source: Scope, home: Scope) -> Scope:
        """Return the scope in which the arguments of a table function are looked up: its neighbours' if it stands in FROM."""
        return source.parent or home

    def _star(self, scope: Scope, table: str | None) -> list[tuple[str, Ways]]:
        """Return the columns of a table or of all tables, as far as they are known; of the others it is noted that they are not."""
        found: list[tuple[str, Ways]] = []
        for name, (_, source) in scope.selected_sources.items():
            if table is not None and name != table:
                continue
            if isinstance(source, Scope):
                known = self._known(source)
                for place, item in enumerate(self._selects(known)):
                    found += self._star(known, None) if item.is_star else [(item.alias_or_name, self._output(known, place))]
                continue
            number = mention_of(source)
            if number is not None and not self._names[number]:
                self.stars.add(number)
            elif number is not None:
                found += [(column, {(number, column): {"IDENTITY": None}}) for column in self._names[number]]
        return found

    def _bare(self, scope: Scope, column: exp.Column) -> Ways:
        """Return a column without a table: a whole row, an output of the same query, or one of the only source that can have it."""
        ways: Ways = {}
        if column.name in scope.selected_sources:
            for _, inner in self._star(scope, column.name):
                merge(ways, inner)
            return ways
        place = self._place(scope, column.name)
        if place is not None and not _is_within(column, self._selects(scope)[place]):
            return self._output(scope, place)
        return self._behind_star(scope, column.name)

    def _source(self, scope: Scope, name: str) -> tuple[Scope, exp.Table | Scope | None]:
        """Return what an alias means in a scope, or in those around it."""
        around: Scope | None = scope
        while around is not None:
            source = around.sources.get(name)
            if source is not None:
                return around, source
            around = around.parent
        return scope, None


def mention_of(table: exp.Table) -> int | None:
    """Return the number of a table of the query, ``None`` for what is none: a function, or one of the engine's own."""
    name = table.name
    return int(name.removeprefix(MARK)) if name.startswith(MARK) else None


def _is_within(node: exp.Expr, tree: exp.Expr) -> bool:
    around: exp.Expr | None = node
    while around is not None:
        if around is tree:
            return True
        around = around.parent
    return False


def unknown_of(tracer: Tracer) -> list[Unknown]:
    """Return the names that a tracer could give to nothing."""
    return [Unknown(name, reason) for name, reason in sorted(tracer.unknown.items())]
