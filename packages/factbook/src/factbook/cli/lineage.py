"""``factbook lineage``: where data comes from and what is made from it."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli import lineage_sql
from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json

app = typer.Typer(help="See where data comes from and what is made from it.", no_args_is_help=True)
app.command()(lineage_sql.scan)
app.command()(lineage_sql.sql)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A product, SOURCE.SCHEMA.TABLE, ….COLUMN of any, or a dataset as answers show it.", show_default=False
    ),
]
Depth = Annotated[int, typer.Option("--depth", metavar="N", min=1, max=100, help="Steps at most.")]
Gone = Annotated[bool, typer.Option("--include-gone", help="Also what nobody confirmed for LINEAGE_GONE_DAYS.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most to show.")]


@app.command()
def show(
    name: Name,
    up: Annotated[bool, typer.Option("--up", help="What it is made from; both ways, if neither is asked for.")] = False,
    down: Annotated[bool, typer.Option("--down", help="What is made from it.")] = False,
    depth: Depth = 20,
    columns: Annotated[bool, typer.Option("--columns", help="Follow the columns of a table. Of a column it is always so.")] = False,
    as_of: AsOf = None,
    include_gone: Gone = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Draw what lies upstream and downstream of a table, a column or a product, with the best path's confidence."""
    from factbook.cli import lineage_rows
    from factbook.cli.documents import show_json
    from factbook.lineage.view import View

    view = View(as_of=as_of, include_gone=include_gone)
    with opened() as factbook:
        ways = lineage_rows.ways(up=up, down=down)
        found = {way: factbook.lineage.closure(name, way, depth=depth, columns=columns, limit=limit, view=view) for way in ways}
    show_json(found) if as_json else lineage_rows.show_trees(found)


@app.command()
def paths(
    source: Name,
    target: Name,
    depth: Depth = 20,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="Most paths to show.")] = 10,
    as_of: AsOf = None,
    include_gone: Gone = False,
    as_json: Json = False,
) -> None:
    """Show the ways by which data gets from one table or column to another, the surest first."""
    from factbook.cli import lineage_rows
    from factbook.cli.documents import show_json
    from factbook.lineage.view import View

    view = View(as_of=as_of, include_gone=include_gone)
    with opened() as factbook:
        found = factbook.lineage.paths(source, target, depth=depth, limit=limit, view=view)
    show_json(found) if as_json else lineage_rows.show_paths(found)


@app.command()
def breaks(
    name: Name,
    depth: Depth = 20,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_of: AsOf = None,
    include_gone: Gone = False,
    as_json: Json = False,
) -> None:
    """Show what breaks if a table or a column goes: tables, their columns as far as they are known, products."""
    from factbook.cli import lineage_rows
    from factbook.cli.documents import show_json
    from factbook.lineage.view import View

    view = View(as_of=as_of, include_gone=include_gone)
    with opened() as factbook:
        found = factbook.lineage.breaks(name, depth=depth, limit=limit, cursor=cursor, view=view)
    show_json(found) if as_json else lineage_rows.show_breaks(found)


@app.command()
def add(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="What it is made from: a product, or a table that is known.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="What is made.")],
    lineage_type: Annotated[str, typer.Option("--type", metavar="TYPE", help="direct, derived or aggregated.")] = "direct",
    transformation: Annotated[str | None, typer.Option("--transformation", metavar="TEXT", help="What is done on the way.")] = None,
    confidence: Annotated[float, typer.Option("--confidence", metavar="SHARE", help="The chance that it is so, 0 to 1.")] = 1.0,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so; default: who is logged in.")] = None,
    as_json: Json = False,
) -> None:
    """Say by hand that one thing is made from another. Said again it changes nothing."""
    from factbook.cli import lineage_rows
    from factbook.cli.alert_rows import logged_in
    from factbook.cli.documents import show_json
    from factbook.lineage.registering import read_wish

    wish = read_wish(
        {"source": source, "target": target, "transformation": transformation, "lineage_type": lineage_type, "confidence": confidence}
    )
    with opened() as factbook:
        entry = factbook.own.lineage_by_hand.register(wish, by=by or logged_in())
    show_json(entry) if as_json else lineage_rows.show_entry(entry)


@app.command()
def remove(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="What it was said to be made from.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="What was said to be made.")],
    as_json: Json = False,
) -> None:
    """Take back what was said by hand between two names. Its past stays."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import count, say

    with opened() as factbook:
        removal = factbook.own.lineage_by_hand.remove(source, target)
    show_json(removal) if as_json else say(f"{count(removal.removed, 'entry', 'entries')} taken back.")


@app.command()
def stats(as_of: AsOf = None, as_json: Json = False) -> None:
    """Show lineage in numbers: edges by type and origin, confidence, the most connected, sources without any, what is stale."""
    from factbook.cli import lineage_rows
    from factbook.cli.documents import show_json
    from factbook.lineage.view import View

    with opened() as factbook:
        found = factbook.lineage.stats(view=View(as_of=as_of))
    show_json(found) if as_json else lineage_rows.show_stats(found)
