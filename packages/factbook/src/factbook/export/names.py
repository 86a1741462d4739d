"""Qualified names that two things never share. Pure."""

from __future__ import annotations

from functools import lru_cache


def joined(*parts: str, separator: str, reserved: str = "") -> str:
    """Join parts to one name. A part that holds the separator, a reserved character or a quote, or is empty, stands in double quotes, with
    quotes inside doubled: ``shop."odd.schema".orders``."""
    special = f'{separator}"{reserved}'
    return separator.join([_part(part, special) for part in parts])


@lru_cache(maxsize=16_384)
def _part(part: str, special: str) -> str:
    """Return one part. Tables of one database share most of their columns' names."""
    if part and not any(char in part for char in special):
        return part
    doubled = part.replace('"', '""')
    return f'"{doubled}"'
