"""The parameters of a request, read by the fields of what is served: nothing else names a column, and every value has its type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from factbook.errors import InvalidParameter
from factbook.serving.model import FORMS, Dataset, Field
from factbook.serving.values import is_with_zone, moment, parse

Op = Literal["eq", "ne", "gte", "lte", "gt", "lt", "in", "like", "is_null"]

_EQUALITY: tuple[Op, ...] = ("eq", "ne", "in", "is_null")
_ORDER: tuple[Op, ...] = ("gte", "lte", "gt", "lt")
OPS: dict[str, tuple[Op, ...]] = {
    "boolean": _EQUALITY,
    "date": (*_EQUALITY, *_ORDER),
    "decimal": (*_EQUALITY, *_ORDER),
    "float": (*_EQUALITY, *_ORDER),
    "integer": (*_EQUALITY, *_ORDER),
    "text": (*_EQUALITY, *_ORDER, "like"),
    "time": (*_EQUALITY, *_ORDER),
    "timestamp": (*_EQUALITY, *_ORDER),
    "uuid": _EQUALITY,
}
"""How each family can be filtered; others by ``is_null`` alone."""

ORDERED = frozenset(OPS)
RESERVED = ("limit", "cursor", "fields", "order", "format", "start_date", "end_date", "active_only", "tenant")
"""What means the request and no column; a column of such a name is filtered by ``limit__eq``."""

MAX_CONDITIONS = 50
MAX_VALUES = 1_000
_ACTIVE = ("active", "is_active", "enabled", "is_enabled")
_STATUS = ("status", "state")


class Condition(msgspec.Struct, frozen=True):
    """One condition: ``values`` has one, several for ``in``, and a flag for ``is_null``."""

    field: Field
    op: Op
    values: tuple[Any, ...]


class Question(msgspec.Struct, frozen=True):
    """What is asked: ``order`` names fields, with ``True`` for falling ones. ``fingerprint`` binds cursors to it."""

    fields: tuple[Field, ...]
    conditions: tuple[Condition, ...]
    order: tuple[tuple[Field, bool], ...]
    limit: int
    cursor: str | None
    fingerprint: str


def read_question(dataset: Dataset, parameters: Sequence[tuple[str, str]], *, max_rows: int) -> Question:
    """Read parameters as they came; raises :class:`InvalidParameter` naming the one that is wrong and what is allowed."""
    given = dict(parameters)
    for name, count in Counter(name for name, _ in parameters).items():
        if count > 1:
            raise InvalidParameter(f"{_shown(name)} is given twice", fix="Several values go into FIELD__in=a,b", field=_shown(name))
    if len(given) > MAX_CONDITIONS + len(RESERVED):
        raise InvalidParameter("There are too many parameters", why=f"at most {MAX_CONDITIONS} conditions are taken", field=None)
    filters = [(name, text) for name, text in parameters if name not in RESERVED]
    conditions = (*(_condition(dataset, name, text) for name, text in filters), *_between(dataset, given), *_active(dataset, given))
    order = _order(dataset, given.get("order"))
    said = sorted((name, text) for name, text in given.items() if name not in ("limit", "cursor", "fields", "format", "tenant"))
    place = msgspec.json.encode([dataset.domain, dataset.dataset, dataset.version, dataset.key, said])
    return Question(
        fields=_fields(dataset, given.get("fields")),
        conditions=conditions,
        order=order,
        limit=_limit(given.get("limit"), max_rows),
        cursor=given.get("cursor"),
        fingerprint=blake2b(place, digest_size=8).hexdigest(),
    )


def _condition(dataset: Dataset, name: str, text: str) -> Condition:
    if name in dataset.fields:
        field, op = dataset.fields[name], "eq"
    else:
        column, _, op = name.rpartition("__")
        if column not in dataset.fields:
            raise _unknown(dataset, column or name, name)
        field = dataset.fields[column]
    allowed = OPS.get(field.family, ("is_null",))
    if op not in allowed:
        raise InvalidParameter(
            f"{_shown(name)} is no filter",
            why=f"{field.name} holds {field.family}, which takes {', '.join(allowed)}",
            fix=f"Write for example {field.name}__{allowed[0]}=VALUE",
            field=_shown(name),
        )
    return Condition(field, op, _values(field, op, text, name))


def _values(field: Field, op: str, text: str, name: str) -> tuple[Any, ...]:
    if op == "is_null":
        return (_flag(text, name),)
    if op == "in":
        texts = text.split(",")
        if len(texts) > MAX_VALUES:
            raise InvalidParameter(f"{name} names {len(texts):,} values", why=f"at most {MAX_VALUES:,} are taken", field=name)
        return tuple(parse(field, one, name) for one in texts)
    if op == "like":
        # A pattern need not be one of the labels.
        field = msgspec.structs.replace(field, column=msgspec.structs.replace(field.column, enum_values=[]))
    return (parse(field, text, name),)


def _between(dataset: Dataset, given: dict[str, str]) -> Iterator[Condition]:
    for name, op in (("start_date", "gte"), ("end_date", "lte")):
        if name in given:
            yield _bound(_date_field(dataset, name), op, given[name], name)


def _bound(field: Field, op: Any, text: str, name: str) -> Condition:
    """Return the condition of a bound; a day alone ends with the day."""
    try:
        is_day = len(text) == len("2023-07-01")
        if field.family == "date":
            return Condition(field, op, (date.fromisoformat(text) if is_day else moment(field, text).date(),))
        if not is_day:
            return Condition(field, op, (moment(field, text),))
        day = datetime.combine(date.fromisoformat(text), time())
        if is_with_zone(field):
            day = moment(field, day.isoformat())
        return Condition(field, "gte", (day,)) if op == "gte" else Condition(field, "lt", (day + timedelta(days=1),))
    except (ValueError, OverflowError) as error:
        raise InvalidParameter(
            f"{name} is wrong", why=f"{_shown(text)!r} is no date", fix=f"Write {name}=2023-07-01", field=name
        ) from error


def _date_field(dataset: Dataset, parameter: str) -> Field:
    dated = [field for field in dataset.fields.values() if field.family in ("date", "timestamp")]
    chosen = [field for field in dated if field.role == "date"] or dated
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(field.name for field in chosen)
    raise InvalidParameter(
        f"{parameter} fits no column",
        why=f"several hold dates: {names}" if chosen else "no column holds dates",
        fix=f"Filter one, as {chosen[0].name}__gte=…, or declare one with role: date" if chosen else "Leave it out",
        field=parameter,
    )


def _active(dataset: Dataset, given: dict[str, str]) -> Iterator[Condition]:
    text = given.get("active_only")
    if text is None or not _flag(text, "active_only"):
        return
    fields = list(dataset.fields.values())
    named = {field.name.casefold(): field for field in fields}
    declared = [field for field in fields if field.role == "active"]
    flags = declared or [named[name] for name in _ACTIVE if name in named and named[name].family in ("boolean", "integer")]
    flags = flags or [field for field in fields if field.family == "boolean"]
    statuses = declared or [named[name] for name in _STATUS if name in named and named[name].family == "text"]
    if len(flags) >= 1 and flags[0].family in ("boolean", "integer") and (len(flags) == 1 or flags[0].name.casefold() in _ACTIVE):
        yield Condition(flags[0], "eq", (True if flags[0].family == "boolean" else 1,))
    elif statuses and statuses[0].family == "text":
        labels = [label for label in statuses[0].column.enum_values if label.casefold() == "active"]
        yield Condition(statuses[0], "in", tuple(labels or ("active", "Active", "ACTIVE")))
    else:
        raise InvalidParameter(
            "active_only fits no column",
            why=f"none is called {', '.join((*_ACTIVE, *_STATUS))} with a fitting type, or declared with role: active",
            fix="Filter the column that says so",
            field="active_only",
        )


def _order(dataset: Dataset, text: str | None) -> tuple[tuple[Field, bool], ...]:
    """Return the fields to order by, the key behind them, so that no two rows stand in one place."""
    order: dict[str, tuple[Field, bool]] = {}
    for part in text.split(",") if text else ():
        name = part.removeprefix("-")
        field = dataset.fields.get(name)
        if field is None:
            raise _unknown(dataset, name, "order")
        if field.family not in ORDERED:
            raise InvalidParameter(f"order cannot be by {name}", why=f"it holds {field.family}", field="order")
        if name in order:
            raise InvalidParameter(f"order names {name} twice", fix="Name it once", field="order")
        order[name] = field, part.startswith("-")
    for name in dataset.key:
        order.setdefault(name, (dataset.fields[name], False))
    return tuple(order.values())


def _fields(dataset: Dataset, text: str | None) -> tuple[Field, ...]:
    if text is None:
        return tuple(dataset.fields.values())
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in dataset.fields:
            raise _unknown(dataset, name, "fields")
    return tuple(dataset.fields[name] for name in names)


def _limit(text: str | None, max_rows: int) -> int:
    if text is None:
        return min(100, max_rows)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= max_rows):
        raise InvalidParameter("limit is wrong", why=f"{_shown(text)!r} does not lie between 1 and {max_rows:,}", field="limit")
    return int(text)


def read_form(text: str) -> Any:
    """Return the form that ``format`` names; raises :class:`InvalidParameter`."""
    if text not in FORMS:
        raise InvalidParameter("format is wrong", why=f"{_shown(text)!r} is none of {', '.join(FORMS)}", field="format")
    return text


def _flag(text: str, name: str) -> bool:
    flags = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in flags:
        raise InvalidParameter(f"{_shown(name)} is wrong", why=f"{_shown(text)!r} is not true or false", field=_shown(name))
    return flags[text.lower()]


def _unknown(dataset: Dataset, name: str, parameter: str) -> InvalidParameter:
    """Say which fields there are. One that is sensitive is as unknown as one that never was."""
    names = list(dataset.fields)
    shown = ", ".join(names[:50]) + (" …" if len(names) > 50 else "")
    return InvalidParameter(
        f"{_shown(parameter)} fits no field", why=f"there is no {_shown(name)!r}; there are {shown}", field=_shown(parameter)
    )


def _shown(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"
