"""``factbook rebuild``."""

from __future__ import annotations

import typer

from factbook.cli.output import note, print_json, say, verb
from factbook.cli.session import Json, opened


def register(app: typer.Typer) -> None:
    app.command(name="rebuild")(rebuild)


@verb
def rebuild(as_json: Json = False) -> None:
    """Drop all views and replay the log into new ones. The log itself is not touched."""
    with opened() as factbook:
        offset = factbook.repository.rebuild(None if as_json else _show)
    if as_json:
        print_json({"offset": offset})
    else:
        say(f"All views were rebuilt from {offset:,} records.")


def _show(name: str, reached: int, end: int) -> None:
    note(f"{name}: {reached:,} of {end:,}")
