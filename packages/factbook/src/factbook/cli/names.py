"""``factbook names``: what foreign names mean, and those that nobody knows."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, Cursor, Json

app = typer.Typer(help="See which names of other tools are not known, and say what they mean.", no_args_is_help=True)

Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most names to show.")]
InNamespace = Annotated[str | None, typer.Option("--namespace", metavar="NAMESPACE", help="Only names of this namespace.")]
Namespace = Annotated[
    str, typer.Argument(metavar="NAMESPACE", help="The namespace, as `factbook names unresolved` shows it.", show_default=False)
]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The name in it; without one the namespace as a whole is meant.", show_default=False)
]


@app.command()
def unresolved(
    namespace: InNamespace = None,
    search: Annotated[str | None, typer.Option("--search", metavar="TEXT", help="Only names that hold this text.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List the names that mean no table we know, with tables of similar names."""
    from factbook.cli import name_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        page = factbook.own.names.unresolved(namespace=namespace, search=search, limit=limit, cursor=cursor)
    show_json(page) if as_json else name_rows.show_unresolved(page)


@app.command()
def settle(
    namespace: Namespace,
    name: Name = None,
    meant: Annotated[
        str | None,
        typer.Option("--as", metavar="SOURCE.SCHEMA.TABLE", help="The table it means; for a namespace as a whole, the source."),
    ] = None,
    ignore: Annotated[bool, typer.Option("--ignore", help="It means nothing that matters here.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for whoever asks later.")] = None,
    as_json: Json = False,
) -> None:
    """Say what a name means, from now on. What was settled before is replaced."""
    from factbook.cli import name_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.own.names.settle(namespace, name, meant=meant, ignored=ignore, reason=reason, by=name_rows.logged_in())
    show_json(found) if as_json else name_rows.show_settled(found)


@app.command("list")
def list_bindings(namespace: InNamespace = None, limit: Limit = 100, cursor: Cursor = None, as_json: Json = False) -> None:
    """List what is settled."""
    from factbook.cli import name_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        page = factbook.own.names.bindings(namespace=namespace, limit=limit, cursor=cursor)
    show_json(page) if as_json else name_rows.show_bindings(page)


@app.command()
def forget(namespace: Namespace, name: Name = None, as_json: Json = False) -> None:
    """Take back what was settled of a name."""
    from factbook.cli import name_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        factbook.own.names.forget(namespace, name)
    show_json({"namespace": namespace, "name": name}) if as_json else name_rows.show_forgotten(namespace, name)
