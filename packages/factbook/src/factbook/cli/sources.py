"""``factbook sources``: the register of databases and how each is reached."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import AskPassword, Json

app = typer.Typer(help="Register databases; passwords are kept encrypted.", no_args_is_help=True)

SourceId = Annotated[str, typer.Argument(metavar="ID", help="The source's name here.", show_default=False)]


@app.command()
def add(
    source_id: SourceId,
    url: Annotated[str, typer.Argument(metavar="URL", help="scheme://USER@HOST/DATABASE, or sqlite:///PATH.", show_default=False)],
    ask_password: AskPassword = False,
    as_json: Json = False,
) -> None:
    """Register a source, or change how it is reached.

    A password given here is encrypted with the key of this installation. ${NAME} in the URL is read from the environment at each use.
    """
    from factbook.cli import passwords
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say

    if not as_json:
        passwords.hint_if_visible(url)
    password = passwords.ask(source_id) if ask_password else None
    with opened() as factbook:
        connection = factbook.connections.add(source_id, url, password=password)
    if as_json:
        show_json(connection)
    else:
        kept = ", with its password encrypted" if connection.has_password else ""
        say(f"{connection.source_id} is {connection.url}{kept}. Next: factbook sources test {source_id}")


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the registered sources, without their secrets."""
    from factbook.cli.documents import show_json
    from factbook.cli.tables import show_table
    from factbook.cli.terminal import note

    with opened() as factbook:
        connections = factbook.connections.list()
    if as_json:
        show_json(connections)
    elif connections:
        names = ("source", "url", "password", "updated")
        show_table(names, [(found.source_id, found.url, "stored" if found.has_password else "", found.updated_at) for found in connections])
    else:
        note("No sources. Register one: factbook sources add ID URL")


@app.command("test")
def probe(source_id: SourceId, as_json: Json = False) -> None:
    """Connect to a source and say what answers."""
    from factbook.cli.documents import show_json
    from factbook.cli.tables import show_facts

    with opened() as factbook:
        answer = factbook.test_source(source_id)
    if as_json:
        show_json({"source_id": source_id, "probe": answer})
        return
    show_facts(
        [
            ("source", source_id),
            ("answers", f"{answer.engine} {answer.version}"),
            ("namespace", answer.namespace),
            ("schemas", ", ".join(answer.schemas)),
        ]
    )


@app.command()
def remove(source_id: SourceId, as_json: Json = False) -> None:
    """Forget how a source is reached. What is known about it stays."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say

    with opened() as factbook:
        factbook.connections.remove(source_id)
    if as_json:
        show_json({"removed": source_id})
    else:
        say(f"Forgot how to reach {source_id}. Its facts stay.")
