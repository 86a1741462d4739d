"""``factbook demo``: the main job on a real database, told as it happens."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.serve import Port


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the story instead of running the server.")] = False,
    port: Port = None,
) -> None:
    """Show the main job on a sample database.

    A real database is scanned, changed and scanned again, and the change is shown; then the server runs.

    Everything happens in a new folder under DATA_DIR/demo; your own store is not touched.
    """
    from factbook.cli import demo_story

    with demo_story.opened_demo(port=port, serve=not no_serve) as factbook:
        demo_story.tell(factbook)
        if no_serve:
            demo_story.say_how_to_go_on(factbook.settings)
        else:
            demo_story.serve(factbook)
