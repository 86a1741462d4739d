"""``factbook sources add|list|test|remove``."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.output import note, print_json, print_table, say, verb
from factbook.cli.session import Json, opened

group = typer.Typer(help="Register how sources are reached. Passwords are kept encrypted and never shown.", no_args_is_help=True)

SourceId = Annotated[str, typer.Argument(help="The source's id.")]


@group.command(name="add")
@verb
def add(
    source_id: SourceId,
    url: Annotated[str, typer.Argument(help="Where it is. ${NAME} stands for an environment variable.")],
    ask_password: Annotated[bool, typer.Option(help="Ask for the password and keep it encrypted.")] = False,
    as_json: Json = False,
) -> None:
    """Register a source, or change how it is reached."""
    from factbook.sources.urls import redact

    password = typer.prompt("Password", hide_input=True, err=True) if ask_password else None
    if redact(url) != url:
        note("A password on the command line can be seen by other users of this machine; --ask-password cannot.")
    with opened() as factbook:
        added = factbook.connections.add(source_id, url, password=password)
    if as_json:
        print_json(added)
    else:
        say(f"{added.source_id} is registered. Next: factbook sources test {added.source_id}")


@group.command(name="list")
@verb
def list_sources(as_json: Json = False) -> None:
    """List registered sources."""
    with opened() as factbook:
        found = factbook.connections.list()
    if as_json:
        print_json(found)
    else:
        rows = [[item.source_id, item.url, item.has_password, item.updated_at] for item in found]
        print_table(["source", "url", "stored password", "updated"], rows)


@group.command(name="test")
@verb
def test(source_id: SourceId, as_json: Json = False) -> None:
    """Connect to a source and say what answers."""
    with opened() as factbook:
        probe = factbook.test_source(source_id)
    if as_json:
        print_json(probe)
    else:
        say(f"{source_id} answers: {probe.engine} {probe.version} at {probe.namespace}, {len(probe.schemas)} schemas")


@group.command(name="remove")
@verb
def remove(source_id: SourceId, as_json: Json = False) -> None:
    """Forget how a source is reached. Its facts stay."""
    with opened() as factbook:
        factbook.connections.remove(source_id)
    if as_json:
        print_json({"removed": source_id})
    else:
        say(f"{source_id} is forgotten; what is known of it stays in the log.")
