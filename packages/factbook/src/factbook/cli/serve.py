"""``factbook serve``: the pages and the API, with a worker for background jobs."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from factbook.settings import Settings

Port = Annotated[
    int | None,
    typer.Option("--port", metavar="N", min=0, max=65535, help="Port to listen on; default: PORT, else 8000.", show_default=False),
]


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on; default: HOST, else 127.0.0.1. Any but loopback needs API_KEY or an admin token.",
            show_default=False,
        ),
    ] = None,
    port: Port = None,
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", min=1, help="Processes that share the port; one that dies is replaced.")
    ] = 1,
) -> None:
    """Run the API and its worker.

    Ctrl-C stops the server; jobs that run are asked to stop and go on when it runs again.
    """
    from factbook.app import Factbook
    from factbook.settings import load_settings
    from factbook.web.server import serve as run_server

    settings = load_settings(host=host, port=port)
    factbook = Factbook(settings)
    if settings.watches and factbook.has_database:
        _ = factbook.rulebook  # a mistake in the file is told here, and not by every process as it starts
    say_where(settings)
    with suppress(KeyboardInterrupt):
        run_server(factbook, processes=processes)


def say_where(settings: Settings) -> None:
    """Tell a person where the server will be; where nobody watches, its log says so."""
    if sys.stderr.isatty():
        from factbook.cli.terminal import note

        note(f"http://{settings.host}:{settings.port}/ui  |  Ctrl-C stops the server", style="bold")
