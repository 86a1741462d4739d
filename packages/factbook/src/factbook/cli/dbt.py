"""``factbook dbt``: take in what dbt wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json


def dbt(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="dbt's target folder, the project's folder, or single files.", show_default=False),
    ],
    source_id: Annotated[
        str | None, typer.Option("--source", metavar="SOURCE_ID", help="The scanned source whose tables these are, where it is not clear.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take in what dbt wrote: lineage, notes, outcomes of tests. Twice is once."""
    from factbook.cli import dbt_rows
    from factbook.cli.documents import show_json
    from factbook.dbt.reading import read_paths

    artefacts = read_paths(paths)
    with opened() as factbook:
        report = factbook.own.dbt.ingest(artefacts, source_id=source_id)
    show_json(report) if as_json else dbt_rows.show(report)
