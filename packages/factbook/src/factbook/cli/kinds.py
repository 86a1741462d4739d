"""``factbook kinds list|show``."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.output import print_json, print_table, say, verb
from factbook.cli.session import Json

group = typer.Typer(help="The kinds of facts there are.", no_args_is_help=True)


@group.command(name="list")
@verb
def list_kinds(as_json: Json = False) -> None:
    """List the registered kinds."""
    from factbook_sdk.facts import builtin_kinds

    kinds = list(builtin_kinds())
    if as_json:
        print_json(
            [
                {"name": kind.name, "category": kind.category, "versions": sorted(kind.schemas), "description": kind.description}
                for kind in kinds
            ]
        )
    else:
        rows = [[kind.name, kind.category.value, ", ".join(map(str, sorted(kind.schemas))), kind.description] for kind in kinds]
        print_table(["kind", "category", "versions", "description"], rows)


@group.command(name="show")
@verb
def show_kind(
    name: Annotated[str, typer.Argument(help="The kind's name.")],
    version: Annotated[int | None, typer.Option(help="A version of its schema; default: the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Show a kind's JSON Schema."""
    from factbook_sdk.facts import builtin_kinds

    kind = builtin_kinds().get(name)
    schema = kind.schema_of(version or kind.latest_version)
    if not as_json:
        say(f"{kind.name} ({kind.category.value}): {kind.description}")
    print_json(schema)
