"""How the engine would run a statement, in its own words."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement

_HOW = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}


class QueryPlan(msgspec.Struct, frozen=True):
    """How a query is run. ``index`` is the path whose index picks the candidates, ``null`` where records are read in order and tested
    one by one; ``reason`` says why; ``plan`` is the engine's own, a line a step."""

    index: str | None
    reason: str
    engine: str
    plan: list[str]


class _Explanation(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explanation)
def _compile(element: _Explanation, compiler: Any, **options: Any) -> str:
    return _HOW[compiler.dialect.name] + str(compiler.process(element.statement, **options))


def explain(connection: Connection, statement: Select[Any]) -> list[str]:
    """Return the engine's plan for a statement without running it."""
    return [str(row[-1]) for row in connection.execute(_Explanation(statement))]
