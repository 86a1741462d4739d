"""``factbook search``: everything by words."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import AsOf, Cursor, Json


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="Words, or their beginnings, that all occur.", show_default=False)],
    thing: Annotated[
        str | None,
        typer.Option("--thing", metavar="THING", help="Only table, view …, source, schema, product, domain, contract or term."),
    ] = None,
    found_in: Annotated[str | None, typer.Option("--in", metavar="WHERE", help="Only what is found by its name, columns or text.")] = None,
    source_id: Annotated[str | None, typer.Option("--source", metavar="SOURCE_ID", help="Only in this source.")] = None,
    schema: Annotated[str | None, typer.Option("--schema", metavar="SCHEMA", help="Only in this schema.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only what has this tag.")] = None,
    classification: Annotated[str | None, typer.Option("--classification", metavar="CLASS", help="Only what is classified so.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Only what this owner answers for.")] = None,
    domain: Annotated[str | None, typer.Option("--domain", metavar="DOMAIN", help="Only what belongs to this domain.")] = None,
    as_of: AsOf = None,
    removed: Annotated[bool, typer.Option("--removed", help="Find also what is gone.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Most rows to show.")] = 30,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Search tables, columns, comments, products, contracts, terms and what people say."""
    from factbook.cli import search_rows

    wanted = search_rows.filter_of(
        thing=thing,
        found_in=found_in,
        source_id=source_id,
        schema=schema,
        tag=tag,
        classification=classification,
        owner=owner,
        domain=domain,
        include_removed=removed,
    )
    with opened() as factbook:
        page = factbook.own.finder.search(" ".join(words), wanted, limit=limit, cursor=cursor, as_of=as_of)
    search_rows.show(page, as_json=as_json)
