"""``factbook kinds``: what kinds of facts there are, and their JSON Schemas."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json

app = typer.Typer(help="Look up the kinds of facts and their JSON Schemas.", no_args_is_help=True)


@app.command("list")
def list_kinds(as_json: Json = False) -> None:
    """List the registered kinds."""
    from factbook.cli.documents import show_json
    from factbook.cli.tables import show_table

    with opened() as factbook:
        kinds = list(factbook.kinds)
    if as_json:
        names = ("name", "category", "versions", "description")
        show_json([dict(zip(names, (kind.name, kind.category, sorted(kind.schemas), kind.description), strict=True)) for kind in kinds])
    else:
        rows = [(kind.name, kind.category.value, ", ".join(map(str, sorted(kind.schemas))), kind.description) for kind in kinds]
        show_table(("kind", "category", "versions", "description"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="KIND", show_default=False)],
    version: Annotated[int | None, typer.Option("--version", metavar="N", help="Default: the newest.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show a kind with the JSON Schema of its payload."""
    from factbook.cli.documents import show_json
    from factbook.cli.tables import show_facts
    from factbook.cli.terminal import say

    with opened() as factbook:
        kind = factbook.kinds.get(name)
    version = version or kind.latest_version
    schema = kind.schema_of(version)
    if as_json:
        show_json({"name": kind.name, "category": kind.category, "version": version, "description": kind.description, "schema": schema})
        return
    show_facts([("kind", kind.name), ("category", kind.category.value), ("version", version), ("about", kind.description)])
    say("")
    show_json(schema)
