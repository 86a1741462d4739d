"""``factbook profile``: measure the data of tables, and show what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import AskPassword, AsOf, Cursor, Json, Quiet


class _RunsByDefault(TyperGroup):
    """Takes what is no word of its own for the source to measure."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_RunsByDefault, help="Measure the data of tables: `factbook profile SOURCE` is `factbook profile run SOURCE`.")


@app.command()
def run(
    source: Annotated[
        str | None,
        typer.Argument(metavar="URL|SOURCE_ID", help="What to measure; left out: SOURCE_DB_URL, or the demo database.", show_default=False),
    ] = None,
    source_id: Annotated[
        str | None, typer.Option("--source-id", metavar="ID", help="Name of a source given by URL; default: its database's name.")
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table", "-t", metavar="PATTERN", help="Only these: `table` or `schema.table`, with * and ?. A view only by its name."
        ),
    ] = None,
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="N|P%", help="Read so many rows of each table, or such a share.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="The same seed chooses the same rows.")] = 1,
    budget: Annotated[
        list[str] | None, typer.Option("--budget", metavar="N(s|rows|GB)", help="What the run may cost at most: 30s, 1000000rows, 1GB.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read every row of large tables, too, so that every figure is exact.")] = False,
    engine_stats: Annotated[
        str, typer.Option("--engine-stats", metavar="auto|only|never", help="When the engine's own statistics are taken.")
    ] = "auto",
    exclude_column: Annotated[
        list[str] | None,
        typer.Option("--exclude-column", metavar="PATTERN", help="Leave out: `column`, `table.column` or `schema.table.column`."),
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", metavar="FILE", help="Measure the numbers that this YAML file defines in SQL, too.")
    ] = None,
    resume: Annotated[str | None, typer.Option("--resume", metavar="JOB_ID", help="Go on where this job stopped.")] = None,
    ask_password: AskPassword = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure tables that were scanned, and say what it cost.

    A table of up to ten million values is read whole. Of a larger one the engine counts what it counts in one pass, and the distribution
    comes from a sample. Columns classified as sensitive are counted only.
    """
    from factbook.cli import profile_rows
    from factbook.cli.documents import show_json
    from factbook.cli.running_profile import read_options, run_profile

    options = read_options(
        tables=table, sample=sample, seed=seed, budget=budget, full=full, engine_statistics=engine_stats, exclude_columns=exclude_column
    )
    with opened() as factbook:
        outcome, measured = run_profile(
            factbook,
            source,
            source_id=source_id,
            options=options,
            resume=resume,
            metrics=metrics,
            ask_password=ask_password,
            quiet=quiet or as_json,
        )
    if as_json:
        show_json(profile_rows.document(outcome, measured))
    else:
        profile_rows.show(outcome, measured, quiet=quiet)
    if profile_rows.has_failures(outcome):
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command()
def show(
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source's name here.", show_default=False)],
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="`table` or `schema.table`; left out: all of them.", show_default=False)
    ] = None,
    as_of: AsOf = None,
    history: Annotated[bool, typer.Option("--history", help="The table's measurements, newest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Tables, or measurements, at most.")] = 100,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Show what was measured last of a source's tables, or of one."""
    from factbook.cli import profile_rows

    with opened() as factbook:
        profiles = factbook.profiles
        if table is None:
            profile_rows.show_page(profiles.page(source_id, as_of=as_of, limit=limit, cursor=cursor), as_json=as_json)
        elif history:
            found = profiles.history(source_id, profiles.find(source_id, table), limit=limit, cursor=cursor)
            profile_rows.show_page(found, as_json=as_json)
        else:
            profile_rows.show_one(profiles.latest(source_id, profiles.find(source_id, table), as_of=as_of), as_json=as_json)
