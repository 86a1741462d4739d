"""One side of a change in words: a column, a key or an index as somebody would declare it."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

import msgspec

MAX_LENGTH = 120


def value_words(value: Any, kind: str, *, length: int = MAX_LENGTH) -> str:
    """Return a value in words, short enough for a line; ``kind`` is the type of object that it is, or is a field of."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        words = _OBJECTS[kind](value) if kind in _OBJECTS and _is_whole(value, kind) else _json(value)
    else:
        words = value if isinstance(value, str) else _json(value)
    words = " ".join(words.split()) or "''"
    return words if len(words) <= length else words[:length] + "…"


def changed_lines(before: Any, after: Any) -> list[str]:
    """Return the lines in which two texts differ, each with ``-`` or ``+`` before it."""
    old, new = (str(text or "").splitlines() for text in (before, after))
    return [line for line in unified_diff(old, new, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]


def _is_whole(value: dict[str, Any], kind: str) -> bool:
    """Return whether the value is the object itself and not one of its fields."""
    needed = {"column": "data_type", "constraint": "type", "index": "parts", "table": "object_type"}
    return needed.get(kind, "") in value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _table(value: dict[str, Any]) -> str:
    return f"{value['object_type'].replace('_', ' ')}, {value['columns']} column{'' if value['columns'] == 1 else 's'}"


def _column(value: dict[str, Any]) -> str:
    words = [value["data_type"]]
    words += ["not null"] if not value.get("nullable", True) else []
    words += [f"default {value['default']}"] if value.get("default") is not None else []
    words += [f"identity {value['identity']}"] if value.get("identity") else []
    words += [f"generated {value['generated']}"] if value.get("generated") else []
    return " ".join(words)


def _constraint(value: dict[str, Any]) -> str:
    words = [value["type"].replace("_", " ")]
    words += [f"({', '.join(value['columns'])})"] if value.get("columns") else []
    words += [value["expression"]] if value.get("expression") else []
    if references := value.get("references"):
        place = f"{references['schema']}.{references['table']}" if references.get("schema") else references["table"]
        words.append(f"references {place} ({', '.join(references.get('columns', []))})")
        words += [f"on {event} {references[key]}" for event, key in (("update", "on_update"), ("delete", "on_delete")) if key in references]
    return " ".join(words)


def _index(value: dict[str, Any]) -> str:
    parts = [f"{part.get('column') or part.get('expression') or '?'}{' desc' if part.get('descending') else ''}" for part in value["parts"]]
    words = ["unique"] if value.get("unique") else []
    words.append(f"on ({', '.join(parts)})")
    words += [f"where {value['predicate']}"] if value.get("predicate") else []
    return " ".join(words)


_OBJECTS = {"table": _table, "column": _column, "constraint": _constraint, "index": _index}
