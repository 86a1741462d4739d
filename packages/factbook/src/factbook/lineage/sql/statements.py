"""What one statement does, said as queries: whatever fills a table is turned into SELECTs whose outputs are the table's columns.

Reads sqlglot's trees; runs in the process that reads SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from factbook.lineage.sql.model import Parts

_PLAIN = re.compile(r"[A-Za-z_]\w*")
_NO_DATA = re.compile(r"\bWITH\s+(NO\s+)?DATA\s*;?\s*$", re.I)
_REPLACE_INTO = re.compile(r"^\s*REPLACE\s+(?:(?:LOW_PRIORITY|DELAYED)\s+)?(?=INTO\b)", re.I)
_COMMANDS = """
alter analyze analyse attach begin call checkpoint close cluster comment commit copy deallocate declare delete desc describe detach
discard drop end exec execute explain fetch flush grant kill listen load lock notify optimize pragma prepare print put refresh reindex
release rename reset revoke rollback savepoint security set show start truncate unlisten unlock use vacuum warm
"""

_WITHOUT_LINEAGE = frozenset(_COMMANDS.upper().split())
"""First words of statements that fill no table from others."""

_ROUTINES = re.compile(
    r"^\s*(CREATE\s+(OR\s+(REPLACE|ALTER)\s+)?(DEFINER\s*=\s*\S+\s+)?(FUNCTION|PROCEDURE|TRIGGER|EVENT|PACKAGE|RULE)|DO)\b", re.I
)


class Query(msgspec.Struct, frozen=True):
    """A query and the names of the columns its outputs fill; ``None`` where they are called as the outputs are."""

    select: exp.Query
    columns: list[str] | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement does; see :class:`~factbook.lineage.sql.model.Parsed`."""

    does: str
    target: exp.Table | None = None
    is_temporary: bool = False
    is_view: bool = False
    columns: list[str] | None = None
    by_position: bool = False
    queries: list[Query] = []
    note: str | None = None


NOTHING = Statement(does="nothing")


class NotRead(ValueError):
    """A statement that cannot be read, and why."""


def prepared(sql: str, dialect: str) -> str:
    """Return a statement without what sqlglot does not take and lineage does not need."""
    if dialect in ("mysql", "sqlite"):
        sql = _REPLACE_INTO.sub("INSERT ", sql)
    return _NO_DATA.sub("", sql)


def statement_of(tree: exp.Expr, sql: str) -> Statement:
    """Return what a parsed statement does; raises :class:`NotRead` for one that may have lineage and is not understood."""
    for cte in list(tree.find_all(exp.CTE)):
        _read_returning(cte)
    if isinstance(tree, exp.Create):
        return _create(tree, sql)
    if isinstance(tree, exp.Insert):
        return _insert(tree)
    if isinstance(tree, exp.Update):
        return _update(tree)
    if isinstance(tree, exp.Merge):
        return _merge(tree)
    if isinstance(tree, exp.Drop):
        tables = tree.args.get("tables") or ([tree.this] if isinstance(tree.this, exp.Table) else [])
        return Statement(does="drops", target=tables[0]) if len(tables) == 1 and tree.args.get("kind") in ("TABLE", "VIEW") else NOTHING
    if isinstance(tree, exp.Query):
        return _query(tree)
    if isinstance(tree, exp.Command):
        return _command(tree, sql)
    if isinstance(tree, exp.Condition | exp.Alias | exp.Tuple):
        raise NotRead("it is no statement of SQL")
    return NOTHING


def parts_of(table: exp.Table, dialect: Dialect) -> Parts:
    """Return a table's identifiers, in double quotes those that would mean something else without them."""

    def written(part: exp.Identifier) -> str:
        plain = dialect.normalize_identifier(exp.to_identifier(part.name, quoted=False)).name
        needs_quotes = part.args.get("quoted") and (plain != part.name or not _PLAIN.fullmatch(plain))
        return f'"{part.name}"' if needs_quotes else part.name

    return tuple(written(part) for part in table.parts if isinstance(part, exp.Identifier))


def _read_returning(cte: exp.CTE) -> None:
    """Turn a common table expression that writes and gives back rows (PostgreSQL) into the query of what it gives back."""
    written = cte.this
    if isinstance(written, exp.Delete | exp.Update | exp.Insert):
        table = written.this.this if isinstance(written.this, exp.Schema) else written.this
        returning = written.args.get("returning")
        if isinstance(table, exp.Table):
            outputs = [item.copy() for item in returning.expressions] if returning is not None else [exp.Null()]
            cte.set("this", exp.Select(expressions=outputs, from_=exp.From(this=table.copy())))


def _command(tree: exp.Command, sql: str) -> Statement:
    if _ROUTINES.match(sql):
        return Statement(does="nothing", note="bodies of functions, procedures and triggers are not read")
    word = str(tree.this).upper()
    if word in _WITHOUT_LINEAGE:
        return NOTHING
    if word == "CREATE" and not re.search(r"\b(TABLE|VIEW)\b", sql[:200], re.I):
        return NOTHING
    raise NotRead(f"a statement {word} of this form is not understood")


def _query(tree: exp.Query) -> Statement:
    select = _unwrapped(tree)
    into = select.args.get("into") if isinstance(select, exp.Select) else None
    if into is None or not isinstance(into.this, exp.Table):
        return Statement(does="reads", queries=[Query(select)])
    into.pop()
    temporary = bool(into.args.get("temporary")) or _is_temporary_name(into.this)
    return Statement(does="writes", target=into.this, is_temporary=temporary, queries=[Query(select)])


def _create(tree: exp.Create, sql: str) -> Statement:
    kind, made = tree.args.get("kind"), tree.this
    if kind not in ("TABLE", "VIEW"):
        return (
            Statement(does="nothing", note="bodies of functions, procedures and triggers are not read") if _ROUTINES.match(sql) else NOTHING
        )
    target = made.this if isinstance(made, exp.Schema) else made
    if not isinstance(target, exp.Table):
        raise NotRead("what it creates has no name that is understood")
    columns = (
        [column.name for column in made.expressions if isinstance(column, exp.ColumnDef | exp.Identifier)]
        if isinstance(made, exp.Schema)
        else None
    )
    properties = tree.args.get("properties")
    temporary = _is_temporary_name(target) or any(
        isinstance(item, exp.TemporaryProperty) for item in (properties.expressions if properties else ())
    )
    query = _unwrapped(tree.expression) if isinstance(tree.expression, exp.Query) else None
    if query is None:
        return Statement(does="declares", target=target, is_temporary=temporary, columns=columns or None)
    found = [Query(_with(query, tree), columns or None)]
    return Statement(does="writes", target=target, is_temporary=temporary, is_view=kind == "VIEW", columns=columns or None, queries=found)


def _insert(tree: exp.Insert) -> Statement:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    query = tree.expression
    if not isinstance(target, exp.Table) or not isinstance(query, exp.Query) or isinstance(query, exp.Values):
        return NOTHING
    columns = [column.name for column in tree.this.expressions] if isinstance(tree.this, exp.Schema) else None
    by_position = columns is None and not tree.args.get("by_name")
    select = _with(_unwrapped(query), tree)
    return Statement(does="writes", target=target, columns=columns, by_position=by_position, queries=[Query(select, columns)])


def _update(tree: exp.Update) -> Statement:
    named, from_ = tree.this, tree.args.get("from_")
    if not isinstance(named, exp.Table):
        return NOTHING
    among = [table for place in (from_, *(named.args.get("joins") or [])) if place is not None for table in place.find_all(exp.Table)]
    target = next((table for table in among if _is_called(table, named)), named)
    sources: list[exp.Expr] = [named.copy()] if target is named else []
    if from_ is not None:
        sources.append(from_.this.copy())
    first = next((pair.this for pair in tree.expressions if isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Column)), None)
    if first is not None and first.table and first.table != target.alias_or_name:
        target = next((table for table in among if table.alias_or_name == first.table), target)
    pairs = list(_set(tree.expressions))
    if not pairs:
        return NOTHING
    select = _select([value for _, value in pairs], sources, where=tree.args.get("where"))
    return Statement(does="writes", target=target, queries=[Query(_with(select, tree), [name for name, _ in pairs])])


def _merge(tree: exp.Merge) -> Statement:
    target, using, on = tree.this, tree.args["using"], tree.args["on"]
    if not isinstance(target, exp.Table):
        return NOTHING
    queries = []
    for when in tree.args["whens"].expressions:
        pairs = list(_when(when.args["then"], using))
        if pairs:
            select = _select([value for _, value in pairs], [using.copy()], where=when.args.get("condition"))
            select.append("joins", exp.Join(this=target.copy(), on=on.copy()))
            names = None if isinstance(pairs[0][1], exp.Column) and pairs[0][1].is_star else [name for name, _ in pairs]
            queries.append(Query(_with(select, tree), names))
    return Statement(does="writes", target=target, queries=queries) if queries else NOTHING


def _when(then: exp.Expr, using: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    """Yield what a branch of MERGE writes: columns with their values; ``*`` is every column of what is merged in."""
    is_star = isinstance(then, exp.Update) and any(isinstance(item, exp.Star) for item in then.expressions)
    if is_star or (isinstance(then, exp.Insert) and isinstance(then.this, exp.Star)):
        yield "*", exp.Column(this=exp.Star(), table=exp.to_identifier(using.alias_or_name))
    elif isinstance(then, exp.Update):
        yield from _set(then.expressions)
    elif isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple) and isinstance(then.expression, exp.Tuple):
        for column, value in zip(then.this.expressions, then.expression.expressions, strict=False):
            yield column.name, value


def _set(pairs: list[exp.Expr]) -> Iterator[tuple[str, exp.Expr]]:
    """Yield the columns of a SET clause with their values."""
    for pair in pairs:
        if not isinstance(pair, exp.EQ):
            continue
        columns, value = pair.this, pair.expression
        if isinstance(columns, exp.Column):
            yield columns.name, value
        elif isinstance(columns, exp.Tuple) and isinstance(value, exp.Tuple):
            yield from ((column.name, item) for column, item in zip(columns.expressions, value.expressions, strict=False))
        elif isinstance(columns, exp.Tuple) and isinstance(value, exp.Subquery):
            for place, column in enumerate(columns.expressions):
                one = value.copy()
                query = one.unnest()
                if isinstance(query, exp.Select) and place < len(query.expressions):
                    query.set("expressions", [query.expressions[place]])
                    yield column.name, one


def _select(values: list[exp.Expr], sources: list[exp.Expr], *, where: exp.Expr | None) -> exp.Select:
    outputs = [
        value.copy() if isinstance(value, exp.Column) and value.is_star else exp.alias_(value.copy(), f"_{n}")
        for n, value in enumerate(values)
    ]
    joins = [exp.Join(this=source) for source in sources[1:]]
    condition = where if where is None or isinstance(where, exp.Where) else exp.Where(this=where)
    return exp.Select(
        expressions=outputs, from_=exp.From(this=sources[0]), joins=joins, where=None if condition is None else condition.copy()
    )


def _with(query: exp.Query, statement: exp.Expr) -> exp.Query:
    """Return a query that knows the common table expressions in front of its statement."""
    outer = statement.args.get("with_")
    if outer is None:
        return query
    query = query.copy()
    inner = query.args.get("with_")
    ctes = [*(cte.copy() for cte in outer.expressions), *(inner.expressions if inner is not None else [])]
    query.set("with_", exp.With(expressions=ctes, recursive=bool(outer.recursive or (inner is not None and inner.recursive))))
    return query


def _unwrapped(query: exp.Query) -> exp.Query:
    """Return a query without the parentheses around it."""
    inner = query.unnest()
    return inner if isinstance(inner, exp.Query) else query


def _is_called(table: exp.Table, named: exp.Table) -> bool:
    return not named.args.get("db") and not named.alias and table.alias_or_name.lower() == named.name.lower()


def _is_temporary_name(table: exp.Table) -> bool:
    return isinstance(table.this, exp.Identifier) and (bool(table.this.args.get("temporary")) or table.name.startswith("#"))
