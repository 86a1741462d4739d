"""``factbook rebuild``: drop the views and replay the log into new ones."""

from __future__ import annotations

from factbook.cli.opened import opened
from factbook.cli.options import Json, Quiet


def rebuild(quiet: Quiet = False, as_json: Json = False) -> None:
    """Replay the log into new views.

    The views (dictionary, jobs …) are dropped and made again; facts are not touched. The store is
    locked for writers meanwhile; readers see the old views until the new ones are whole.
    """
    from factbook.cli.documents import show_json
    from factbook.cli.progress import progress
    from factbook.cli.terminal import say

    with opened() as factbook, progress("Rebuilding", "records", quiet=quiet or as_json) as move:
        offset = factbook.sql.rebuild(lambda view, reached, end: move(reached, end, view))
        views = sorted(view.name for view in factbook.projections())
    if as_json:
        show_json({"views": views, "offset": offset})
    else:
        say(f"Rebuilt {', '.join(views[:-1])} and {views[-1]} from the log, up to offset {offset:,}.")
