"""``factbook backfill``: history from old logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import Json, Quiet


def backfill(
    mapping: Annotated[
        Path,
        typer.Argument(metavar="MAPPING", help="TOML or JSON: which files there are, and how rows become records.", show_default=False),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report, store nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Store nothing if a single row is rejected.")] = False,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="URL", help="A Factbook service; default: the store (META_DB_URL).", show_default=False),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="FILE", help="Write every rejected row there, as JSON lines.", show_default=False)
    ] = None,
    min_runs: Annotated[
        int | None, typer.Option("--min-runs", min=1, metavar="N", help="Runs that make a baseline; default: 14, or the mapping's.")
    ] = None,
    min_days: Annotated[
        float | None, typer.Option("--min-days", min=0, metavar="N", help="Days they must span; default: 7, or the mapping's.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Store what old logs and reports tell, and say which tables have enough history.

    Running it again changes nothing. Rows that cannot be used are listed with file and line, and the rest goes on. For a service the token
    is read from SERVICE_TOKEN.
    """
    from factbook.backfill import Options
    from factbook.cli import backfill_report
    from factbook.cli.documents import show_json
    from factbook.cli.progress import progress

    options = Options(dry_run=dry_run, strict=strict, rejects=rejects, min_runs=min_runs, min_days=min_days)
    with opened() as factbook, progress(f"Backfilling {mapping.name}", "rows", quiet=quiet or as_json) as move:
        report = factbook.run_backfill(mapping, into=into, options=options, on_progress=move)
    show_json(report) if as_json else backfill_report.show(report, quiet=quiet)
    if report.has_failures:
        raise typer.Exit(ExitCode.SOME_FAILED)
