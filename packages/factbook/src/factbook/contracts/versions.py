"""Which of two versions is the later, and what differs between two documents. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factbook.documents import Path, place

_VERSION = re.compile(r"[vV]?(\d+(?:\.\d+)*)(?:[-.]?([A-Za-z][0-9A-Za-z.-]*))?(?:\+.*)?")
_MAX_SHOWN = 60


def is_lower(version: str, than: str) -> bool:
    """Return whether one version comes before another, by semantic versioning; a version that is no number comes before nothing."""
    one, other = _parts(version), _parts(than)
    return one is not None and other is not None and one < other


def _parts(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]] | None:
    match = _VERSION.fullmatch(version.strip())
    if match is None or len(version) > 200:
        return None
    numbers = [int(part) for part in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    early = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"[.-]", match[2] or ""))
    # What is marked as an early one comes before the version itself.
    return tuple(numbers), match[2] is None, early


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[str]:
    """Yield a line for each place in which two documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            where = place((*path, key))
            if key not in new:
                yield f"{where} is gone"
            elif key not in old:
                yield f"{where} is new"
            else:
                yield from differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, (*path, index))
    elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
        yield f"{place(path)} is {_shown(new)} and was {_shown(old)}"


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
