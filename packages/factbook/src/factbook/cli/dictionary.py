"""``factbook dictionary``: one row per column per object, now or at a moment in the past."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json


def dictionary(
    source_id: Annotated[str | None, typer.Argument(metavar="SOURCE_ID", help="Only this source.", show_default=False)] = None,
    search: Annotated[
        str | None, typer.Option("--search", metavar="TEXT", help="Words, or their beginnings, in names and comments.")
    ] = None,
    schema: Annotated[str | None, typer.Option("--schema", metavar="PATTERN", help="Only schemas like this, with * and ?.")] = None,
    table: Annotated[str | None, typer.Option("--table", metavar="PATTERN", help="Only tables like this, with * and ?.")] = None,
    data_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only columns whose type begins so, e.g. varchar.")
    ] = None,
    object_type: Annotated[
        str | None, typer.Option("--object", metavar="TYPE", help="Only columns of a table, view, materialized_view …")
    ] = None,
    primary_key: Annotated[
        bool | None, typer.Option("--primary-key/--no-primary-key", help="Only columns in a primary key, or none.")
    ] = None,
    foreign_key: Annotated[bool | None, typer.Option("--foreign-key/--no-foreign-key", help="Only columns that refer to others.")] = None,
    unique: Annotated[bool | None, typer.Option("--unique/--not-unique", help="Only columns unique by themselves.")] = None,
    nullable: Annotated[bool | None, typer.Option("--nullable/--not-nullable", help="Only columns that may be null.")] = None,
    as_of: AsOf = None,
    removed: Annotated[bool, typer.Option("--removed", help="Show also what is gone, with when it was found gone.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most rows to show.")] = 100,
    cursor: Cursor = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with every attribute.")] = False,
    as_json: Json = False,
) -> None:
    """Show the data dictionary."""
    from factbook.cli import dictionary_rows
    from factbook.dictionary import DictionaryFilter

    wanted = DictionaryFilter(
        source_id=source_id,
        schema=schema,
        table=table,
        object_type=object_type,
        data_type=data_type,
        primary_key=primary_key,
        foreign_key=foreign_key,
        unique=unique,
        nullable=nullable,
        search=search,
        include_removed=removed,
    )
    with opened() as factbook:
        page = factbook.dictionary.page(wanted, limit=limit, cursor=cursor, as_of=as_of)
        places = [] if as_csv or as_json else dictionary_rows.places_of(page.items)
        said = factbook.notes.reading.summaries(places, as_of=as_of)
    dictionary_rows.show(page, said, as_csv=as_csv, as_json=as_json)
