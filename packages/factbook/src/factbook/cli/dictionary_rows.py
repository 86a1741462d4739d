"""A page of the dictionary, as a table, CSV or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from factbook.cli.documents import show_csv, show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import note, say, utc
from factbook.dictionary import DictionaryPage, DictionaryRow


def show(page: DictionaryPage, *, as_csv: bool = False, as_json: bool = False) -> None:
    """Print the page; where more follows, say on stderr how to get it."""
    if as_json:
        show_json(page)
        return
    if as_csv:
        show_csv(DictionaryRow.__struct_fields__, (_csv_row(row) for row in page.items))
    else:
        _show_for_people(page)
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def _show_for_people(page: DictionaryPage) -> None:
    if page.as_of is not None:
        say(f"as of {utc(page.as_of)}", style="bold")
    if not page.items:
        note("Nothing matches. `factbook scan` fills the dictionary.")
        return
    show_rows(page.items)


def show_rows(rows: Sequence[DictionaryRow]) -> None:
    """Print rows as a table; the source is named only where there are several."""
    several = len({row.source_id for row in rows}) > 1
    show_table(
        ("source", "table", "column", "type", "null", "key", "default", "comment", "removed"),
        [
            (
                row.source_id if several else "",
                f"{row.schema}.{row.table}",
                row.column,
                row.data_type,
                "" if row.nullable else "no",
                _key(row),
                row.default,
                row.comment,
                row.removed_at,
            )
            for row in rows
        ],
    )


def _key(row: DictionaryRow) -> str:
    parts = ["primary" if row.primary_key else "", "unique" if row.unique and not row.primary_key else ""]
    parts.append(f"-> {row.references}" if row.references else "foreign" if row.foreign_key else "")
    return ", ".join(part for part in parts if part) or ("indexed" if row.indexed else "")


def _csv_row(row: DictionaryRow) -> list[Any]:
    values = msgspec.to_builtins(row)
    values["attributes"] = msgspec.json.encode(row.attributes, order="sorted").decode()
    return [str(value).lower() if isinstance(value, bool) else value for value in values.values()]
