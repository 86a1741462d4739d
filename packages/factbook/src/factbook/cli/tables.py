"""Answers for people: tables that keep every name whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    table = _empty_table()
    for index in used:
        name = names[index]
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name in whole)
    for row in cells:
        table.add_row(*(row[index] for index in used))
    _print(table)


def show_facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names with their values, one a line; pairs without a value are left out."""
    shown = [(name, cell) for name, value in pairs if (cell := _cell(value))]
    table = _empty_table(headed=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in shown:
        table.add_row(name, value)
    _print(table)


def _empty_table(*, headed: bool = True) -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD if headed else None, show_header=headed, header_style="bold", pad_edge=False, show_edge=False)


def _print(table: Table) -> None:
    console = out()
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    # Cells are padded to their column; in a file that is white space at the end of every line.
    console.file.write("".join(line.rstrip() + "\n" for line in capture.get().splitlines()))


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
