"""``factbook doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.output import print_json, print_table, verb
from factbook.cli.session import Json, opened


def register(app: typer.Typer) -> None:
    app.command(name="doctor")(doctor)


@verb
def doctor(
    sources: Annotated[bool, typer.Option(help="Connect to every registered source, too.")] = False,
    as_json: Json = False,
) -> None:
    """Check the installation: libraries, folder, disk, store, key, sources; say what to do about each."""
    from factbook.health import examine

    with opened() as factbook:
        checks = examine(factbook, test_sources=sources)
    if as_json:
        print_json(checks)
    else:
        print_table(["", "check", "found", "do"], [[check.verdict, check.name, check.found, check.fix] for check in checks])
    if any(check.verdict == "fail" for check in checks):
        raise typer.Exit(3)
