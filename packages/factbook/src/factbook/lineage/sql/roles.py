"""What the parts of a query are to its outputs: whether a value comes through, and how, or whether it only decides about others.

Pure functions over sqlglot's trees; runs in the process that reads SQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from factbook.lineage.sql.model import is_direct, stronger, through

Leaf = tuple[int, str]
"""A mentioned table's number, and its column."""

Ways = dict[Leaf, dict[str, exp.Expr | None]]
"""By column: in which ways it takes part, each with the expression that it goes through, outermost first."""


def merge(into: Ways, ways: Ways) -> None:
    """Add ways to others. Of direct ones the strongest stands, so that a column is never said to be both a copy and a sum."""
    for leaf, found in ways.items():
        known = into.setdefault(leaf, {})
        for subtype, by in found.items():
            direct = next((item for item in known if is_direct(item)), None) if is_direct(subtype) else None
            if direct is None:
                known.setdefault(subtype, by)
            elif stronger(direct, subtype) != direct:
                del known[direct]
                known[subtype] = by


def composed(outer: str, by: exp.Expr, inner: Ways) -> Ways:
    """Return what ways become when what they lead to is used, in the expression ``by``, as ``outer`` says."""
    if outer == "IDENTITY":
        return inner
    return {
        leaf: {through(outer, subtype): by if is_direct(subtype) or not is_direct(outer) else before for subtype, before in found.items()}
        for leaf, found in inner.items()
    }


def parts(node: exp.Expr, role: str) -> Iterator[tuple[exp.Expr, str]]:
    """Yield the parts of an expression, and what each is to whoever uses the whole."""
    inner = _inside(node, role)
    for key, value in node.args.items():
        part_role = role if not is_direct(role) else _ROLES.get((type(node), key), inner)
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, exp.Expr):
                yield part, part_role


def _inside(node: exp.Expr, role: str) -> str:
    if not is_direct(role) or isinstance(node, exp.Alias | exp.Paren):
        return role
    if isinstance(node, exp.AggFunc | exp.WithinGroup):
        return "AGGREGATION"
    return stronger(role, "TRANSFORMATION")


_ROLES: dict[tuple[type[exp.Expr], str], str] = {
    (exp.Case, "this"): "CONDITIONAL",
    (exp.If, "this"): "CONDITIONAL",
    (exp.Filter, "expression"): "CONDITIONAL",
    (exp.Window, "partition_by"): "WINDOW",
    (exp.Window, "order"): "WINDOW",
    (exp.ArrayAgg, "order"): "SORT",
}
"""What a part of an expression is, where it is no value of it."""


def clauses(scope: Scope) -> Iterator[tuple[exp.Expr, str]]:
    """Yield what of a query decides about rows, condition by condition, and how."""
    query = scope.expression
    args = query.args
    for key in ("where", "having", "qualify"):
        if isinstance(args.get(key), exp.Expr):
            yield from ((condition, "FILTER") for condition in _conditions(args[key].this))
    for key, subtype in (("group", "GROUP_BY"), ("order", "SORT")):
        if isinstance(args.get(key), exp.Expr):
            yield from ((part, subtype) for part, _ in parts(args[key], subtype))
    distinct = args.get("distinct")
    if isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None:
        yield distinct.args["on"], "GROUP_BY"
    for window in args.get("windows") or []:
        yield window, "WINDOW"
    if isinstance(query, exp.Select):
        for join in scope.find_all(exp.Join):
            on = join.args.get("on")
            if isinstance(on, exp.Expr):
                yield from ((condition, "JOIN") for condition in _conditions(on))


def _conditions(expression: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions that all must hold."""
    inner = expression.unnest()
    if isinstance(inner, exp.And):
        yield from inner.flatten()
    else:
        yield inner
