"""``factbook serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.output import verb


def register(app: typer.Typer) -> None:
    app.command(name="serve")(serve)


@verb
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: HOST. Any but loopback needs API_KEY.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: PORT.")] = None,
) -> None:
    """Run the server: the API, and a worker for background jobs."""
    from factbook.api.server import serve as serve_api
    from factbook.app import Factbook
    from factbook.settings import load_settings

    serve_api(Factbook(load_settings(host=host, port=port)))
