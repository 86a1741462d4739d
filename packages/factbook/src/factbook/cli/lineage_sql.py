"""``factbook lineage scan`` and ``factbook lineage sql``: what views and SQL files make from what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import Json

Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Most tables to show.")]


def scan(
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source whose views to read.", show_default=False)],
    again: Annotated[bool, typer.Option("--again", help="Read all views, also those of which nothing changed.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Read the views of a scanned source and store which columns they are made from. Reads the log alone.

    Ends with 5 if some views were not understood.
    """
    from factbook.cli import lineage_sql_rows

    with opened() as factbook:
        report = factbook.own.sql_lineage.scan(source_id, again=again)
    lineage_sql_rows.show(report, limit=limit, as_json=as_json)
    if report.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def sql(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="SQL files, folders of them, query logs.", show_default=False)],
    source_id: Annotated[str, typer.Option("--source", metavar="SOURCE_ID", help="The source the tables are in.", show_default=False)],
    dialect: Annotated[str | None, typer.Option("--dialect", metavar="NAME", help="The dialect, if not the source's own.")] = None,
    schema: Annotated[
        list[str] | None, typer.Option("--schema", metavar="NAME", help="Schema of tables without one; again for more.")
    ] = None,
    queries: Annotated[
        bool | None, typer.Option("--queries/--script", help="One statement a line, or a script; else by the suffix.", show_default=False)
    ] = None,
    hide_literals: Annotated[bool, typer.Option("--hide-literals", help="Keep strings in statements out of the facts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Read SQL files or query logs and store which tables and columns they fill from which.

    A file that is read again stands for its new content. Of query logs (.ndjson, .jsonl, .log) strings are never kept. Ends with 5 if some
    statements were not understood.
    """
    from factbook.cli import lineage_sql_rows
    from factbook.lineage.sql import Options

    options = Options(dialect=dialect, search_path=tuple(schema or ()), hides_literals=hide_literals, dry_run=dry_run)
    with opened() as factbook:
        report = factbook.own.sql_lineage.read_files(source_id, files, options, logs=queries)
    lineage_sql_rows.show(report, limit=limit, as_json=as_json)
    if report.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)
