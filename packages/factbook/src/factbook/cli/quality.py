"""``factbook quality``: judge rules, show how good the data is, find what does not fit its history."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import AsOf, Cursor, Json, Quiet

app = typer.Typer(help="Judge rules, show how good the data is, find what does not fit its history.", no_args_is_help=True)

Tables = Annotated[list[str] | None, typer.Option("--table", metavar="PATTERN", help="Only tables like this: `schema.table` or `table`.")]
OneTable = Annotated[str | None, typer.Option("--table", metavar="PATTERN", help="Only tables like this: `schema.table` or `table`.")]
SourceId = Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="Most lines to show.")]


class FailOn(StrEnum):
    """From which outcome on a run ends with 1; each includes those before it."""

    FAILED = "failed"
    WARNED = "warned"
    SKIPPED = "skipped"


class Method(StrEnum):
    """How the band is made."""

    ROBUST_BAND = "robust_band"
    MOVING_AVERAGE = "moving_average"


@app.command()
def run(
    source: Annotated[
        str | None,
        typer.Argument(metavar="URL|SOURCE_ID", help="What to judge; left out: the source the rules name.", show_default=False),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="Rules (YAML), or a data contract (ODCS); without: scores and anomalies alone."),
    ] = None,
    table: Tables = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="Only rules with this id, or pattern.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Only rules with one of these tags.")] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="TIME", help="Stop measuring after this long: 30s, 2m; a plain number is seconds.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="End with 1 from this outcome on.")] = FailOn.FAILED,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML, too.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Judge rules against the data and store what they say.

    Ends with 1 if a rule does not hold or a promise was missed, with 5 if all else holds and some rules could not be judged.
    """
    from factbook.cli import quality_run
    from factbook.cli.documents import show_json

    with opened() as factbook:
        outcome = quality_run.run(factbook, source, rules, tables=table, only_rules=rule, tags=tag, budget=budget, quiet=quiet or as_json)
        results = factbook.own.qualities.results(outcome.job) if as_json or junit else []
    if junit is not None:
        quality_run.write_junit(junit, outcome, results)
    if as_json:
        show_json(quality_run.document(outcome, results, fail_on))
    else:
        quality_run.show(outcome, quiet=quiet)
    code = quality_run.code_of(outcome, fail_on)
    if code is not ExitCode.OK:
        raise typer.Exit(code)


@app.command()
def show(
    source_id: SourceId,
    table: OneTable = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the formula with all its parts.")] = False,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Show scores, the last result of each rule in force, and promises."""
    from factbook.cli import quality_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        page = factbook.own.quality.page(source_id, table=table, limit=limit, cursor=cursor, as_of=as_of)
    if as_json:
        show_json(page)
    else:
        quality_rows.show_page(page, explain=explain, with_rules=table is not None)


@app.command()
def anomalies(
    source_id: SourceId,
    table: OneTable = None,
    method: Annotated[Method, typer.Option("--method", help="How the band is made.")] = Method.ROBUST_BAND,
    min_points: Annotated[int, typer.Option("--min-points", metavar="N", min=3, help="Earlier points below which nothing is said.")] = 14,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Show what was measured and does not fit its own history."""
    from factbook.cli import quality_rows
    from factbook.cli.documents import show_json
    from factbook.quality.anomalies import Options

    options = Options(method=method.value, minimum_points=min_points)
    with opened() as factbook:
        page = factbook.own.quality.anomalies(source_id, table=table, options=options, limit=limit, cursor=cursor, as_of=as_of)
    if as_json:
        show_json(page)
    else:
        quality_rows.show_anomalies(page)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A rules file, or a data contract.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Check a rules file without touching any source; every mistake is shown with its line."""
    from factbook.cli import quality_rows
    from factbook.cli.documents import show_json
    from factbook.quality.rules import check_text, read_text

    rules, mistakes = check_text(read_text(file), file.name)
    if as_json:
        show_json({"rules": rules, "mistakes": mistakes})
    else:
        quality_rows.show_rules(rules, mistakes)
    if mistakes:
        raise typer.Exit(ExitCode.NOT_PASSED)
