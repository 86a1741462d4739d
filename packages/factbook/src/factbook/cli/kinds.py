"""``factbook kinds``: what kinds of facts there are, their JSON Schemas, and how they change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import Json, parse_moment

app = typer.Typer(help="Look up the kinds of facts and their JSON Schemas; register and deprecate them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="KIND", show_default=False)]
File = Annotated[str, typer.Argument(metavar="FILE", help="A JSON object with name, category, description, schema …; - is stdin.")]


@app.command("list")
def list_kinds(as_json: Json = False) -> None:
    """List the kinds: built-in, registered, and those of which unverified records were taken."""
    from factbook.cli import kind_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        kinds = factbook.kinds.listed()
    show_json([kind_rows.summary(kind) for kind in kinds]) if as_json else kind_rows.show_list(kinds)


@app.command()
def show(
    name: Name,
    version: Annotated[int | None, typer.Option("--version", metavar="N", help="Default: the newest.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show a kind with the JSON Schema of its payload."""
    from factbook.cli import kind_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        kind = factbook.kinds.get(name)
    version = kind.latest_version if version is None else version
    schema = kind.schema_of(version) if kind.is_verified or version else None
    if as_json:
        show_json(kind_rows.summary(kind) | {"version": version, "schema": schema})
    else:
        kind_rows.show_one(kind, version, schema)


@app.command()
def register(file: File, as_json: Json = False) -> None:
    """Register a kind, or the next version of one. The same again changes nothing."""
    from factbook.cli import kind_rows
    from factbook.cli.documents import show_json

    proposal = kind_rows.read_proposal(file)
    with opened() as factbook:
        registered = factbook.kinds.register(proposal)
    show_json(registered) if as_json else kind_rows.show_registered(registered)


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Say what registering would do, change by change; nothing is changed. A version that would break readers ends with exit code 2."""
    from factbook.cli import kind_rows
    from factbook.cli.documents import show_json

    proposal = kind_rows.read_proposal(file)
    with opened() as factbook:
        verdict = factbook.kinds.check(proposal)
    show_json(verdict) if as_json else kind_rows.show_verdict(verdict)
    if verdict.verdict == "breaking":
        raise typer.Exit(ExitCode.REQUEST)


@app.command()
def deprecate(
    name: Name,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why it should no longer be used.")] = None,
    version: Annotated[int | None, typer.Option("--version", metavar="N", help="Only this version.")] = None,
    successor: Annotated[str | None, typer.Option("--successor", metavar="TEXT", help="What to use instead.")] = None,
    retires_at: Annotated[
        datetime | None,
        typer.Option("--retires-at", parser=parse_moment, metavar="MOMENT", help="From when on its records are refused."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the deprecation back.")] = False,
    as_json: Json = False,
) -> None:
    """Deprecate a kind, or one version: its records are taken with a warning until it is retired."""
    from factbook.cli import kind_rows
    from factbook.cli.documents import show_json

    if not undo and not reason:
        raise typer.BadParameter("a deprecation needs --reason TEXT")
    with opened() as factbook:
        if undo:
            kind = factbook.kinds.restore(name, version=version)
        else:
            kind = factbook.kinds.deprecate(name, reason=reason or "", version=version, successor=successor, retires_at=retires_at)
    show_json(kind_rows.summary(kind)) if as_json else kind_rows.show_facts_of(kind, version)
