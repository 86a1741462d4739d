"""One difference within a table while it is being compared, and the comparison of two objects field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from factbook.diff.model import Aspect, ObjectType
from factbook.diff.paths import join_path


class Found(NamedTuple):
    """As :class:`factbook.diff.model.Difference`, without what all differences of a table share."""

    change: Literal["added", "removed", "changed"]
    object: ObjectType
    path: str = ""
    aspect: Aspect = "structure"
    before: Any = None
    after: Any = None


def fields(object_type: ObjectType, path: tuple[str, ...], before: Any, after: Any, aspects: Mapping[str, Aspect]) -> Iterator[Found]:
    """Yield the fields of two structs that differ, each in its aspect."""
    for name, aspect in aspects.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Found("changed", object_type, join_path(*path, name), aspect, msgspec.to_builtins(old), msgspec.to_builtins(new))
