"""``factbook dictionary``."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.output import note, parse_moment, print_json, print_table, say, verb
from factbook.cli.session import Json, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from factbook.dictionary import DictionaryRow


def register(app: typer.Typer) -> None:
    app.command(name="dictionary")(dictionary)


@verb
def dictionary(
    source_id: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    search: Annotated[str | None, typer.Option(help="Words, or their beginnings, of names and comments.")] = None,
    schema: Annotated[str | None, typer.Option(help="Only this schema; * and ? match.")] = None,
    table: Annotated[str | None, typer.Option(help="Only this table; * and ? match.")] = None,
    data_type: Annotated[str | None, typer.Option("--type", help="Only types that begin so.")] = None,
    as_of: Annotated[str | None, typer.Option(help="As it was then: 2026-01-31 or 2026-01-31T12:00:00Z.")] = None,
    removed: Annotated[bool, typer.Option("--removed", help="Removed columns too.")] = False,
    limit: Annotated[int, typer.Option(help="Rows at most.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Continue after the page before.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Show the data dictionary: one row per column per table or view."""
    from factbook.dictionary import DictionaryFilter

    wanted = DictionaryFilter(source_id=source_id, search=search, schema=schema, table=table, data_type=data_type, include_removed=removed)
    with opened() as factbook:
        page = factbook.dictionary.page(wanted, limit=limit, cursor=cursor, as_of=parse_moment(as_of, "as_of"))
    if as_json:
        print_json(page)
    elif as_csv:
        print_csv(page.items)
    else:
        show_rows(page.items, removed=removed)
    if page.next_cursor and not as_json:
        note(f"There is more: add --cursor {page.next_cursor} or raise --limit")


def show_rows(rows: Sequence[DictionaryRow], *, removed: bool = False) -> None:
    """Print dictionary rows as a table."""
    if not rows:
        say("No rows. `factbook scan URL` fills the dictionary.")
        return
    columns = ["table", "column", "type", "null", "key", "references", "comment", "since"]
    if removed:
        columns.append("removed")
    body = []
    for row in rows:
        key = "PK" if row.primary_key else "FK" if row.foreign_key else "U" if row.unique else ""
        place = f"{row.source_id}.{row.schema}.{row.table}"
        cells = [place, row.column, row.data_type, row.nullable, key, row.references, row.comment, row.changed_at]
        body.append([*cells, row.removed_at] if removed else cells)
    print_table(columns, body)


def print_csv(rows: Sequence[DictionaryRow]) -> None:
    """Print dictionary rows as CSV, all fields but the nested attributes."""
    fields = [field for field in _fields() if field != "attributes"]
    writer = csv.writer(sys.stdout)
    writer.writerow(fields)
    for row in rows:
        values = (getattr(row, field) for field in fields)
        writer.writerow([value.isoformat() if hasattr(value, "isoformat") else value for value in values])


def _fields() -> tuple[str, ...]:
    from factbook.dictionary import DictionaryRow

    return DictionaryRow.__struct_fields__
