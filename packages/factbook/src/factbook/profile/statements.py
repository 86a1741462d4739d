"""Where a statement of SQL ends: at a semicolon that stands in no text, no quoted name and no comment."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    (?P<skipped> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<kept> '(?:[^'\\]|\\.|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | `(?:[^`]|``)*(?:`|\Z) | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z) )
    | (?P<end> ; )
    | (?P<other> [^'"`$;/-]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)


def parts_of(sql: str) -> list[str]:
    """Return the statements of a text without comments and empty ones; a semicolon at the end is none of the statement."""
    parts = [""]
    for token in _TOKEN.finditer(sql):
        if token["end"]:
            parts.append("")
        else:
            parts[-1] += " " if token["skipped"] else token[0]
    return [part.strip() for part in parts if part.strip()]
