"""A live progress bar on stderr, and silence where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from factbook.cli.terminal import err, printable

OnProgress = Callable[[int, int | None, str], None]
"""Called with the number done, the number expected (``None`` while unknown) and what was done last."""


@contextmanager
def progress(title: str, unit: str, *, quiet: bool = False) -> Iterator[OnProgress]:
    """Show a bar while the block runs and give the function that moves it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich import progress as bars
    from rich.table import Column

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        bars.BarColumn(bar_width=24),
        bars.TextColumn("{task.fields[counted]}", markup=False, table_column=Column(no_wrap=True)),
        # What is left of the line; a name that is too long is cut here, where it passes in an instant anyway.
        bars.TextColumn(
            "{task.fields[latest]}", style="dim", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
        ),
    )
    console = err()
    # The terminal echoes "^C" behind the bar; on a full line that would break it, and the bar's last state would stay behind.
    console.width -= len("^C") + 1
    with bars.Progress(*columns, console=console, transient=True, expand=True) as shown:
        task = shown.add_task(printable(title), total=None, counted="", latest="")

        def move(done: int, total: int | None, text: str) -> None:
            elapsed = shown.tasks[0].elapsed or 0.0
            counted = f"{done:,}/{total:,} {unit}" if total else f"{done:,} {unit}"
            rate = f", {done / elapsed:,.0f}/s" if elapsed > 0.5 else ""
            shown.update(task, completed=done, total=total, counted=counted + rate, latest=printable(text))

        yield move
