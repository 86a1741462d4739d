"""How an answer is kept within a number of tokens without hiding that there is more.

Tokens are estimated at four characters each, which is what common tokenizers come to for JSON; an agent's own count may differ.
"""

from __future__ import annotations

from typing import Any

import msgspec

CHARACTERS_PER_TOKEN = 4
DEFAULT_TOKENS = 4_000
MIN_TOKENS, MAX_TOKENS = 200, 25_000

_LONG_TEXT, _LONG_LIST = 300, 20
_TEXTS = (_LONG_TEXT, 120, 40)
_LISTS = (_LONG_LIST, 5, 1)
_LISTED, _DEEP = 60, 12


def characters(tokens: int) -> int:
    """Return how many characters an answer of so many tokens may have."""
    return tokens * CHARACTERS_PER_TOKEN


def length(document: Any) -> int:
    """Return how many characters a document has as JSON."""
    return len(msgspec.json.encode(document).decode())


def shortened(document: Any, room: int) -> tuple[Any, list[str]]:
    """Return a document cut until it fits into ``room`` characters, and the paths of what was cut; uncut if it fits.

    Long texts and lists lose their ends first, gently, then harder. What is cut says how much there was.
    """
    if length(document) <= room:
        return document, []
    cut: list[str] = []
    result = document
    for text, items in zip(_TEXTS, _LISTS, strict=True):
        cut = []
        result = _cut(document, text, items, "", cut, 0)
        if length(result) <= room:
            return result, _listed(cut)
    return {"omitted": f"{length(document):,} characters, which is more than fits"}, ["/"]


def _listed(cut: list[str]) -> list[str]:
    return cut if len(cut) <= _LISTED else [*cut[:_LISTED], f"and {len(cut) - _LISTED:,} more places"]


def _cut(value: Any, text: int, items: int, path: str, cut: list[str], depth: int) -> Any:
    if isinstance(value, str) and len(value) > text:
        cut.append(path or "/")
        return f"{value[:text]}… ({len(value):,} characters)"
    if isinstance(value, list):
        if len(value) > items:
            cut.append(f"{path or '/'} ({items:,} of {len(value):,})")
        return [_cut(item, text, items, f"{path}/{index}", cut, depth + 1) for index, item in enumerate(value[:items])]
    if isinstance(value, dict):
        if depth > _DEEP:
            cut.append(path)
            return f"… ({len(value):,} fields)"
        return {name: _cut(item, text, items, f"{path}/{name}", cut, depth + 1) for name, item in value.items()}
    return value
