"""``factbook scan``: read a database's catalogue into facts."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import AskPassword, Json, Quiet

Patterns = Annotated[
    list[str] | None, typer.Option("--schema", metavar="PATTERN", help="Only these: `schema` or `schema.table`, with * and ?.")
]
Excluded = Annotated[list[str] | None, typer.Option("--exclude", metavar="PATTERN", help="Not these; patterns as for --schema.")]


def scan(
    source: Annotated[
        str | None,
        typer.Argument(metavar="URL|SOURCE_ID", help="What to scan; left out: SOURCE_DB_URL, or the demo database.", show_default=False),
    ] = None,
    source_id: Annotated[
        str | None, typer.Option("--source-id", metavar="ID", help="Name for a source given by URL; default: its database's name.")
    ] = None,
    schema: Patterns = None,
    exclude: Excluded = None,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="Record removals even if they are a large share of what is known.")
    ] = False,
    ask_password: AskPassword = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Scan a source and say what changed.

    Scanning again stores nothing unless something changed. The password comes from the environment (FACTBOOK_PASSWORD_<ID>,
    FACTBOOK_SOURCE_PASSWORD, or ${NAME} in the URL), from --ask-password, or from the source registry.
    """
    from factbook.cli import scan_summary
    from factbook.cli.documents import show_json
    from factbook.cli.running_scan import run_scan

    with opened() as factbook:
        outcome = run_scan(
            factbook,
            source,
            source_id=source_id,
            include=schema,
            exclude=exclude,
            accept_removals=accept_removals,
            ask_password=ask_password,
            quiet=quiet or as_json,
        )
    if as_json:
        show_json(scan_summary.document(outcome))
    else:
        scan_summary.show(outcome, quiet=quiet)
    if scan_summary.has_failures(outcome):
        raise typer.Exit(ExitCode.SOME_FAILED)
