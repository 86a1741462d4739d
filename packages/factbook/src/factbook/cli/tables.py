"""Answers for people: tables that keep every name whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from factbook.cli.terminal import out, printable, utc

if TYPE_CHECKING:
    from rich.table import Table


def show_table(names: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = (), whole: Sequence[str] = ()) -> None:
    """Print a table. A column in which no row has anything is left out; columns named in ``right`` are aligned right, and where the
    terminal is narrow, those in ``whole`` are folded last."""
    cells = [[_cell(value) for value in row] for row in rows]
    used = [index for index in range(len(names)) if any(row[index] for row in cells)]
    shown = [names[index] for index in used]
    body = [[row[index] for index in used] for row in cells]
    console = out()
    if console.is_terminal:
        console.print(_table(shown, body, right, whole))
    else:
        _write_plain([shown, *body], [name in right for name in shown], ruled=True)


def show_facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names with their values, one a line; pairs without a value are left out."""
    shown = [[name, cell] for name, value in pairs if (cell := _cell(value))]
    console = out()
    if console.is_terminal:
        console.print(_grid(shown))
    else:
        _write_plain(shown, [False, False], gap=2)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str], whole: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name in whole)
    for row in rows:
        table.add_row(*row)
    return table


def _grid(rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def _write_plain(rows: Sequence[Sequence[str]], right: Sequence[bool], *, gap: int = 3, ruled: bool = False) -> None:
    """Write a table as wide as it needs to be, without the white space that would pad its lines.

    Not by Rich: it measures every cell several times, and 10,000 rows for a pipe would take half a minute.
    """
    from rich.cells import cell_len

    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(right))]
    lines = [_line(row, widths, right, gap, cell_len) for row in rows]
    if ruled:
        lines.insert(1, "─" * (sum(widths) + gap * (len(widths) - 1)))
    sys.stdout.writelines(line + "\n" for line in lines)
    # Now, so that a reader who went away is noticed before anything else is said.
    sys.stdout.flush()


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool], gap: int, cell_len: Callable[[str], int]) -> str:
    padded = (
        " " * (width - cell_len(cell)) + cell if to_the_right else cell + " " * (width - cell_len(cell))
        for cell, width, to_the_right in zip(row, widths, right, strict=True)
    )
    return (" " * gap).join(padded).rstrip()


def _cell(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))
