"""A comparison as a document: CSV for spreadsheets, Markdown for pull requests and wikis. JSON is the page itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from factbook.diff.page import DiffPage
from factbook.diff.words import changed_lines, value_words
from factbook.spreadsheets import csv_lines, defuse
from factbook_sdk.facts.kinds.catalog_diff import Change, Rename, State

Format = Literal["csv", "markdown"]

_FIELDS = ("severity", "change", "object", "schema", "table", "path", "before", "after", "reason", "breaks", "rule")
_LONGEST = 2_000
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|~!&"})


def write(page: DiffPage, form: Format) -> bytes:
    """Return a page of a comparison in UTF-8."""
    return _csv(page) if form == "csv" else "".join(f"{line}\n" for line in _markdown(page)).encode()


def title_of(page: DiffPage) -> str:
    """Say what was compared."""
    return f"{page.source_id}: {state_words(page.before)} → {state_words(page.after)}"


def state_words(state: State) -> str:
    """Say which state one side is."""
    if state.file:
        return state.file
    moment = f"{state.moment:%Y-%m-%d %H:%M:%S} UTC"
    return f"{state.source_id} at {moment}" if state.source_id else moment


def _csv(page: DiffPage) -> bytes:
    rows = [list(_FIELDS)]
    for change in page.changes:
        kind = change.object or "table"
        before, after = ("" if value is None else value_words(value, kind, length=_LONGEST) for value in (change.before, change.after))
        row = [change.severity, change.change, kind, change.schema or "", change.table or "", change.path, before, after]
        row += [change.reason or "", " and ".join(change.breaks), change.rule or ""]
        defuse(row)
        rows.append(row)
    return csv_lines(rows)


def _markdown(page: DiffPage) -> Iterator[str]:
    yield f"# {_plain(title_of(page))}"
    yield ""
    yield ", ".join(f"**{count:,} {severity}**" for severity, count in page.counts.items()) or "Nothing differs."
    for (schema, table), changes in groupby(page.changes, key=lambda change: (change.schema, change.table)):
        yield ""
        yield f"## {_plain(f'{schema}.{table}' if table else f'schema {schema}')}"
        yield ""
        for change in changes:
            yield from _item(change)
    if page.renames:
        yield ""
        yield "## Perhaps renamed"
        yield ""
        yield from (f"- {_plain(rename_words(rename))}" for rename in page.renames)
    if page.unread:
        yield ""
        yield "## Not read completely, so what changed there may be missing"
        yield ""
        yield from (f"- {item.side}: {_plain(item.schema)}, {_plain(item.reason)}" for item in page.unread)
    if page.next_cursor:
        yield ""
        yield f"There are more: this is {len(page.changes):,} of {page.matching:,}."


def rename_words(rename: Rename) -> str:
    """Say which two names may be one thing, and how sure that is."""
    where = f"{rename.schema}.{rename.table}" if rename.table else rename.schema
    after = f"{rename.after_schema}.{rename.after}" if rename.after_schema else rename.after
    return f"{where}: {rename.before} → {after}, score {rename.score:.2f}{', ambiguous' if rename.ambiguous else ''}"


def _item(change: Change) -> Iterator[str]:
    kind = change.object or "table"
    before, after = (_plain(value_words(value, kind)) for value in (change.before, change.after))
    values = {"added": after, "removed": before}.get(change.change, f"{before} → {after}")
    hit = f" for {' and '.join(change.breaks)}" if change.breaks else ""
    name = f" {_plain(change.path)}" if change.path else ""
    lines = changed_lines(change.before, change.after) if change.aspect == "definition" and change.change == "changed" else []
    said = "" if lines else f": {values}"
    yield f"- **{change.severity}**{hit}: {change.change} {kind}{name}{said}" + (f". {_plain(change.reason)}" if change.reason else "")
    if lines:
        yield ""
        yield from (f"      {line}" for line in lines)
        yield ""


def _plain(text: str) -> str:
    """Return a text as Markdown that shows it as it is: names and comments are whatever somebody wrote into a database."""
    return " ".join(text.split()).translate(_SPECIAL)
