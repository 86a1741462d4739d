"""Paths into a raw row: ``$.run.id``, ``$.tables[0]["row count"]``, ``^.run_id`` in the object around its list, ``@file.name``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

_STEP = re.compile(r"\.(?P<name>[^.\[\]\s\"]+)|\[(?P<index>\d+)\]|\[\"(?P<quoted>[^\"]*)\"\]|(?P<all>\[\*\])")
_OF_THE_FILE: dict[str, Callable[[PurePosixPath], str]] = {
    "@file.path": str,
    "@file.name": lambda path: path.name,
    "@file.stem": lambda path: path.name.partition(".")[0],
}
ALL = "[*]"
"""The step that stands for every item of a list."""

Step = str | int


class Row(msgspec.Struct, gc=False):
    """A raw row. ``around`` are the objects around the lists it lies in, the nearest first; ``line`` counts from 1: its line, or in a
    report its number among the report's rows; ``spot`` is its path in a report."""

    value: dict[str, Any]
    file: PurePosixPath
    line: int
    last_line: int
    digest: bytes
    spot: str | None = None
    around: tuple[dict[str, Any], ...] = ()


Look = Callable[[Row], Any]


def is_path(text: str) -> bool:
    """Return whether a text in a mapping is a path and not a constant."""
    return text in _OF_THE_FILE or re.match(r"(\$|\^+)(\.|\[|$)", text) is not None


def parse_steps(text: str) -> list[Step]:
    """Return the steps of what follows ``$``; raises :class:`ValueError` saying what is wrong."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f'{text[at:]!r} is no step of a path; write $.name, $.list[0] or $["a name"]')
        at = match.end()
        if match["all"]:
            steps.append(ALL)
        elif match["index"]:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] if match["name"] is not None else match["quoted"])
    return steps


def compile_path(text: str) -> Look:
    """Return the function that looks up a path in a row; what is not there, and null, are ``None``. Raises :class:`ValueError`."""
    if text in _OF_THE_FILE:
        name_of = _OF_THE_FILE[text]
        return lambda row: name_of(row.file)
    if text.startswith("@"):
        raise ValueError(f"{text} is unknown; there are {', '.join(_OF_THE_FILE)}")
    if not is_path(text):
        raise ValueError(f"{text!r} is no path; a path begins with $. (the row), ^. (the object around its list) or @file.")
    ups = len(text) - len(text.lstrip("^"))
    steps = parse_steps(text[max(ups, 1) :])
    if ALL in steps:
        raise ValueError(f"{text!r} leads to many values; [*] stands in `each` alone")
    if not ups and len(steps) == 1 and isinstance(steps[0], str):
        only = steps[0]
        return lambda row: row.value.get(only)
    if not ups:
        return lambda row: follow(row.value, steps)
    return lambda row: follow(row.around[ups - 1], steps) if len(row.around) >= ups else None


def follow(value: Any, steps: Sequence[Step]) -> Any:
    """Return what the steps lead to, ``None`` where they lead nowhere."""
    for step in steps:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
