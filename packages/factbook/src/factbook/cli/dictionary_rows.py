"""A page of the dictionary, as a table, CSV or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from factbook.cli.documents import show_csv, show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import note, say, utc
from factbook.dictionary import DictionaryPage, DictionaryRow
from factbook.knowledge import Place
from factbook.knowledge.model import Summary

_NOBODY: Mapping[Place, Summary] = {}
_NOTHING = Summary()


def places_of(rows: Sequence[DictionaryRow]) -> list[Place]:
    """Return the tables and columns that rows are about."""
    tables = dict.fromkeys(Place(row.source_id, row.schema, row.table) for row in rows)
    return [*tables, *(Place(row.source_id, row.schema, row.table, row.column) for row in rows)]


def show(page: DictionaryPage, said: Mapping[Place, Summary] = _NOBODY, *, as_csv: bool = False, as_json: bool = False) -> None:
    """Print the page; where more follows, say on stderr how to get it."""
    if as_json:
        show_json(page)
        return
    if as_csv:
        show_csv(DictionaryRow.__struct_fields__, (_csv_row(row) for row in page.items))
    else:
        _show_for_people(page, said)
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def _show_for_people(page: DictionaryPage, said: Mapping[Place, Summary]) -> None:
    if page.as_of is not None:
        say(f"as of {utc(page.as_of)}", style="bold")
    if not page.items:
        note("Nothing matches. `factbook scan` fills the dictionary.")
        return
    show_rows(page.items, said)


def show_rows(rows: Sequence[DictionaryRow], said: Mapping[Place, Summary] = _NOBODY) -> None:
    """Print rows as a table; the source is named only where there are several. What people say comes before the source's comment."""
    several = len({row.source_id for row in rows}) > 1
    show_table(
        ("source", "table", "column", "type", "null", "key", "default", "comment", "tags", "owner", "removed"),
        [
            (
                row.source_id if several else "",
                f"{row.schema}.{row.table}",
                row.column,
                row.data_type,
                "" if row.nullable else "no",
                _key(row),
                row.default,
                own.description or row.comment,
                ", ".join((*own.tags, *(tag for tag in whole.tags if tag not in own.tags))),
                ", ".join(own.owners or whole.owners),
                row.removed_at,
            )
            for row, own, whole in _with_summaries(rows, said)
        ],
    )


def _with_summaries(rows: Sequence[DictionaryRow], said: Mapping[Place, Summary]) -> Iterator[tuple[DictionaryRow, Summary, Summary]]:
    """Yield each row with what is said of its column and of its table."""
    for row in rows:
        table = Place(row.source_id, row.schema, row.table)
        yield row, said.get(msgspec.structs.replace(table, column=row.column), _NOTHING), said.get(table, _NOTHING)


def _key(row: DictionaryRow) -> str:
    parts = ["primary" if row.primary_key else "", "unique" if row.unique and not row.primary_key else ""]
    parts.append(f"-> {row.references}" if row.references else "foreign" if row.foreign_key else "")
    return ", ".join(part for part in parts if part) or ("indexed" if row.indexed else "")


def _csv_row(row: DictionaryRow) -> list[Any]:
    values = msgspec.to_builtins(row)
    values["attributes"] = msgspec.json.encode(row.attributes, order="sorted").decode()
    return [str(value).lower() if isinstance(value, bool) else value for value in values.values()]
