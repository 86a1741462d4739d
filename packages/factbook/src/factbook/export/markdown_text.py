"""Text as GitHub's Markdown shows it unchanged, whatever it holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
_FIRST = re.compile(r"\d{0,9}[-+#=:.)]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_PLAIN_CODE = re.compile(r"[^\s`|](?:[^`|\r\n]*[^\s`|])?\Z")


def text(value: str) -> str:
    """Return words as one line in which nothing is markup: fit for a paragraph, a list item and a table's cell."""
    lines = [_SPECIAL.sub(r"\\\g<0>", _printable(line.strip()).translate(_ENTITIES)) for line in value.splitlines()]
    lines = [line for line in lines if line]
    if lines and (begins := _FIRST.match(lines[0])):
        lines[0] = f"{lines[0][: begins.end() - 1]}\\{lines[0][begins.end() - 1 :]}"
    return "<br>".join(lines)


def code(value: str) -> str:
    """Return a name, type or expression in the type of code; empty for nothing."""
    shown = _printable(" ".join(value.splitlines()))
    if not shown:
        return ""
    if _PLAIN_CODE.match(shown):
        return f"`{shown}`"
    return (
        "<code>" + "".join(char if char.isalnum() or char == " " or not char.isascii() else f"&#{ord(char)};" for char in shown) + "</code>"
    )


def link(label: str, path: str) -> str:
    """Return a link to a file; ``label`` is Markdown, ``path`` of the characters of our file names and ``/``."""
    return f"[{label}]({path.replace(' ', '%20')})"


def fence(body: str, language: str) -> str:
    """Return a block of code that its own content cannot end."""
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    mark = "`" * (longest + 1)
    return f"{mark}{language}\n{body.rstrip()}\n{mark}\n"


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown cells. A column that is empty in every row is left out; without rows there is none."""
    body = [list(row) for row in rows]
    used = [index for index in range(len(names)) if any(row[index] for row in body)]
    lines = [[names[index] for index in used], ["---"] * len(used), *([row[index] for index in used] for row in body)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) if body else ""


def _printable(value: str) -> str:
    if value.isprintable():
        return value
    return "".join(char if char.isprintable() else " " if char == "\t" else f"\\u{ord(char):04x}" for char in value)
