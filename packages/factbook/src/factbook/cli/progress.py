"""A progress line for people: only on a terminal, only on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from factbook.jobs import Progress


@contextmanager
def scan_progress(*, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Give a callback that draws how far a scan is."""
    if quiet or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the catalogue", total=None)

        def draw(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, description=progress.text)

        yield draw
