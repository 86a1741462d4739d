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

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.TextColumn("{task.fields[counted]}", markup=False),
        bars.TextColumn("{task.fields[latest]}", style="dim", markup=False),
    )
    with bars.Progress(*columns, console=err(), transient=True) as shown:
        task = shown.add_task(printable(title), total=None, counted="", latest="")

        def move(done: int, total: int | None, text: str) -> None:
            elapsed = shown.tasks[0].elapsed or 0.0
            counted = f"{done:,}/{total:,} {unit}" if total else f"{done:,} {unit}"
            rate = f", {done / elapsed:,.0f}/s" if elapsed > 0.5 else ""
            shown.update(task, completed=done, total=total, counted=counted + rate, latest=printable(text))

        yield move
