"""The statement of a question: names from the snapshot, quoted by the session; values from the request, bound by the driver."""

from __future__ import annotations

from typing import Any, Literal

from factbook.serving.cursors import Place
from factbook.serving.model import Dataset, Field
from factbook.serving.question import Condition, Question
from factbook.serving.values import adapt
from factbook.sources.session import Session

_COMPARISONS = {"eq": "=", "ne": "<>", "gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
_KEYABLE = frozenset({"integer", "decimal", "text", "date", "timestamp", "uuid"})
"""Families whose values come back from a cursor as they were. A float does not, on every engine."""

_LIMITING = frozenset({"postgresql", "mysql", "sqlite", "duckdb"})
"""Engines whose LIMIT we know; of others only as many rows are fetched."""


def paging_of(dataset: Dataset, question: Question) -> Literal["key", "offset"]:
    """Return how pages go on: by key where the table has one that is served and every field of the order can stand in a cursor."""
    is_keyed = bool(dataset.key) and all(field.family in _KEYABLE for field, _ in question.order)
    return "key" if is_keyed else "offset"


class Statement:
    """One statement under way. ``fields`` are selected first, then what the order goes by; one row more than asked for says whether there
    is more."""

    def __init__(self, session: Session, dataset: Dataset, question: Question, place: Place) -> None:
        self._session = session
        self.parameters: list[Any] = []
        self._is_sqlite = session.engine == "sqlite"
        fields = [*question.fields, *(field for field, _ in question.order)]
        conditions = [self._condition(condition) for condition in question.conditions]
        if place.values is not None:
            conditions.append(self._behind(question.order, place.values))
        parts = [f"SELECT {', '.join(map(self._name, fields))} FROM {self._escaped(session.table(dataset.table))}"]
        if conditions:
            parts.append(f"WHERE {' AND '.join(conditions)}")
        if question.order:
            parts.append(f"ORDER BY {', '.join(self._orders(question.order))}")
        if session.engine in _LIMITING:
            parts.append(f"LIMIT {self._bound(question.limit + 1)}")
            if place.offset:
                parts.append(f"OFFSET {self._bound(place.offset)}")
        text = " ".join(parts)
        self.text = text if self.parameters or session.placeholder != "%s" else text.replace("%%", "%")

    @property
    def skips(self) -> bool:
        """Whether the reader has to pass over the rows of an offset itself."""
        return self._session.engine not in _LIMITING

    def _bound(self, value: Any) -> str:
        self.parameters.append(adapt(value, self._session.engine))
        return self._session.placeholder

    def _name(self, field: Field) -> str:
        return self._escaped(self._session.quote(field.column.name))

    def _escaped(self, text: str) -> str:
        return text.replace("%", "%%") if self._session.placeholder == "%s" else text

    def _condition(self, condition: Condition) -> str:
        name = self._name(condition.field)
        if condition.op == "is_null":
            return f"{name} IS NULL" if condition.values[0] else f"{name} IS NOT NULL"
        compared = self._compared(name, condition.field)
        if condition.op == "in":
            return f"{compared} IN ({', '.join(map(self._bound, condition.values))})"
        if condition.op == "like":
            return f"{name} LIKE {self._bound(_pattern(condition.values[0]))} ESCAPE '!'"
        return f"{compared} {_COMPARISONS[condition.op]} {self._bound(condition.values[0])}"

    def _compared(self, name: str, field: Field) -> str:
        """Return a column as a value of its family is held against it. SQLite keeps moments as texts of several forms."""
        if not self._is_sqlite or field.family not in ("date", "timestamp"):
            return name
        return f"date({name})" if field.family == "date" else f"strftime('%Y-%m-%d %H:%M:%f', {name})"

    def _orders(self, order: tuple[tuple[Field, bool], ...]) -> list[str]:
        parts: list[str] = []
        for field, falls in order:
            if field.column.nullable:
                # Engines differ in where they put what is null; here it stands last.
                parts.append(f"CASE WHEN {self._name(field)} IS NULL THEN 1 ELSE 0 END")
            parts.append(f"{self._name(field)} DESC" if falls else self._name(field))
        return parts

    def _behind(self, order: tuple[tuple[Field, bool], ...], values: tuple[Any, ...]) -> str:
        """Return the condition that a row stands behind the one with these values: equal in some fields, and further in the next."""
        choices: list[str] = []
        for index, (field, falls) in enumerate(order):
            if values[index] is None:
                continue  # nothing stands behind what is null, and is null last
            equal = [self._same(earlier, values[place]) for place, (earlier, _) in enumerate(order[:index])]
            name = self._name(field)
            further = f"{name} {'<' if falls else '>'} {self._raw(values[index])}"
            if field.column.nullable:
                further = f"({further} OR {name} IS NULL)"
            choices.append(f"({' AND '.join([*equal, further])})")
        return f"({' OR '.join(choices)})" if choices else "1 = 0"

    def _same(self, field: Field, value: Any) -> str:
        return f"{self._name(field)} IS NULL" if value is None else f"{self._name(field)} = {self._raw(value)}"

    def _raw(self, value: Any) -> str:
        return self._bound(value)


def _pattern(text: str) -> str:
    """Return a pattern (``%`` and ``_``, either behind a backslash for itself) with an escape that all engines read alike."""
    parts: list[str] = []
    characters = iter(text)
    for character in characters:
        if character == "\\":
            literal = next(characters, "\\")
            parts.append(f"!{literal}" if literal in "%_!" else literal)
        else:
            parts.append("!!" if character == "!" else character)
    return "".join(parts)
