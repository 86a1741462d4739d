"""``factbook export``: the dictionary, facts and differences in the formats of others."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.interrupting import terminated_is_interrupted
from factbook.cli.opened import opened
from factbook.cli.options import AsOf, Json, Quiet


def export(
    format_name: Annotated[
        str | None, typer.Argument(metavar="FORMAT", help="What to write; --list shows what there is.", show_default=False)
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="PATH|URL", help="A file, a folder, s3://…, postgresql://…, or - for stdout.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", metavar="SOURCE_ID", help="Only this source; may be repeated.")] = None,
    as_of: AsOf = None,
    what: Annotated[
        str | None, typer.Option("--what", metavar="WHAT", help="dictionary, facts or diffs, as far as the format carries them.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the format; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder, or write to a schema, that is no export of ours.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the formats with their options, and export nothing.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the data dictionary, facts or differences in another format.

    A file is replaced when the new one is whole; what breaks off leaves the old one. A password in a URL is better written ${NAME} and put
    into the environment.
    """
    from factbook.cli import export_report
    from factbook.cli.progress import progress
    from factbook.export.service import ExportWish, formats, parse_options

    if listed:
        export_report.show_formats(formats(), as_json=as_json)
        return
    name, where = export_report.wanted(format_name, output, as_json=as_json)
    options = parse_options(option or ()) | ({"what": what} if what is not None else {})
    wish = ExportWish(format=name, source_ids=source or (), as_of=as_of, options=options)
    unit = what if what in ("facts", "diffs") else "tables"
    export_report.warn_of_visible_password(where)
    with opened() as factbook, terminated_is_interrupted(), progress(f"Exporting {name}", unit, quiet=quiet or as_json) as move:
        report = factbook.own.exports.write(wish, where, force=force, on_progress=move)
    export_report.show(report, where, quiet=quiet, as_json=as_json)
