"""``factbook openlineage``: events of other tools from files, and back into files."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import Json, JsonLines, Quiet, Since, Until

app = typer.Typer(help="Take in events of OpenLineage from files, and write them and our own lineage out.", no_args_is_help=True)


class What(StrEnum):
    """What is written."""

    EVENTS = "events"
    LINEAGE = "lineage"


@app.command()
def ingest(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A JSON object, a JSON list or NDJSON; - is stdin.")] = "-",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Store events with what they tell. Storing them again changes nothing; one that is not understood is named."""
    from factbook.cli import openlineage_files
    from factbook.cli.documents import show_json

    with opened() as factbook:
        report = openlineage_files.ingest(factbook, file, quiet=quiet or as_json)
    show_json(report) if as_json else openlineage_files.show(report)
    if report.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command()
def export(
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to write NDJSON; - is stdout.")] = "-",
    what: Annotated[
        What, typer.Option("--what", help="The events as they came, or what else is known of lineage, as job events.")
    ] = What.EVENTS,
    job: Annotated[str | None, typer.Option("--job", metavar="NAMESPACE/NAME", help="Only events of this job.")] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Only events of this run.")] = None,
    since: Since = None,
    until: Until = None,
    quiet: Quiet = False,
    as_json: JsonLines = False,
) -> None:
    """Write events, one a line. A file is replaced when the new one is whole."""
    from factbook.cli import openlineage_files
    from factbook.errors import InvalidRequest

    if what is What.LINEAGE and (job or run or since or until):
        raise InvalidRequest("--what lineage writes what holds now", fix="Leave out --job, --run, --since and --until")
    with opened() as factbook:
        events = (
            factbook.own.openlineage_exports.lineage()
            if what is What.LINEAGE
            else openlineage_files.all_events(factbook, job=job, run=run, since=since, until=until)
        )
        openlineage_files.write(events, output, quiet=quiet or as_json)
