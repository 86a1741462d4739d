"""Run a scan in the foreground: with a bar, with the password asked for, and ended properly by Ctrl-C or a termination signal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from factbook.cli.interrupting import terminated_is_interrupted
from factbook.cli.passwords import hint_if_visible, with_asked_password
from factbook.cli.progress import progress

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.jobs import Progress
    from factbook.scan.job import ScanOutcome


def run_scan(
    factbook: Factbook,
    source: str | None,
    *,
    source_id: str | None = None,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    accept_removals: bool = False,
    ask_password: bool = False,
    quiet: bool = False,
) -> ScanOutcome:
    """Scan and return what came out of it; raises what ended it."""
    from factbook.sources.contract import ScanScope
    from factbook.sources.urls import default_source_id, is_url

    if source is not None and not quiet:
        hint_if_visible(source)
    if source is not None and ask_password:
        source, named = with_asked_password(factbook, source)
        source_id = source_id or named
    name = source_id or (default_source_id(source) if source and is_url(source) else source or "the configured source")
    scope = ScanScope(include=list(include or ()), exclude=list(exclude or ()))
    with terminated_is_interrupted(), progress(f"Scanning {name}", "tables", quiet=quiet) as move:

        def on_progress(seen: Progress) -> None:
            move(seen.done, seen.total, seen.text)

        return factbook.run_scan(source, source_id=source_id, scope=scope, accept_removals=accept_removals, on_progress=on_progress)
