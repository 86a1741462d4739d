"""``factbook diff``: what changed in a source, or what differs from another source or a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, Json

if TYPE_CHECKING:
    from factbook.diff import Comparison, Diffs


class Respect(StrEnum):
    """The aspects of a change, as the kind ``catalog_diff`` has them; a test compares the two."""

    STRUCTURE = "structure"
    DEFINITION = "definition"
    COLLATION = "collation"
    COMMENT = "comment"
    ORDER = "order"
    STORAGE = "storage"


def diff(
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="What to compare.")],
    before: Annotated[
        str | None,
        typer.Option("--from", metavar="MOMENT|FILE", help="A run's id, a time, latest, previous, -1d (ago), or a catalogue file."),
    ] = None,
    after: Annotated[str | None, typer.Option("--to", metavar="MOMENT|FILE", help="As for --from.")] = None,
    other: Annotated[
        str | None, typer.Option("--with", metavar="SOURCE_ID", help="Say how the source differs from this one; --from is of that one.")
    ] = None,
    map_schema: Annotated[
        list[str] | None, typer.Option("--map-schema", metavar="OTHER=OWN", help="The other side's schema OTHER is what is OWN here.")
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", metavar="PATTERN", help="Only these: table or schema.table, with * and ?.")
    ] = None,
    aspect: Annotated[list[Respect] | None, typer.Option("--aspect", help="Only changes in this respect.")] = None,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Write the catalogue (at --to) to a file, and compare nothing.")
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Keep what was found as catalog_diff facts.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most changes to show, the worst; --json has all.")
    ] = 500,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 if anything differs.")] = False,
    as_json: Json = False,
) -> None:
    """Say what changed in a source: by default its last change, as the scan that found it and the one before saw it."""
    from factbook.cli import diff_rows
    from factbook.diff import Wanted, parse_mapping

    if write is not None:
        _write(source_id, write, after, alone=not (before or other or table or aspect or store), as_json=as_json)
        return
    wanted = Wanted(tuple(table or ()), tuple(respect.value for respect in aspect or ()))
    options: dict[str, Any] = {"mapping": parse_mapping(map_schema or ()), "wanted": wanted, "settled": store}
    with opened() as factbook:
        found = _compare(factbook.diffs, source_id, before, after, other, options)
        stored = factbook.diffs.store(found) if store else None
    diff_rows.show(found, stored=stored, limit=limit, as_json=as_json)
    if exit_code and found.judged:
        raise typer.Exit(ExitCode.NOT_PASSED)


def _compare(diffs: Diffs, source_id: str, before: str | None, after: str | None, other: str | None, options: dict[str, Any]) -> Comparison:
    from factbook.diff.files import is_file, read_catalog

    files = [text for text in (before, after) if text is not None and is_file(text)]
    if not files:
        return diffs.compare(source_id, before, after, other=other, **options)
    if len(files) == 2 or other is not None:
        raise typer.BadParameter("a file is compared with the source alone")
    file, is_before = read_catalog(Path(files[0])), files[0] == before
    return diffs.compare_file(source_id, file, at=after if is_before else before, file_is_before=is_before, **options)


def _write(source_id: str, path: Path, moment: str | None, *, alone: bool, as_json: bool) -> None:
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import count, say

    if not alone:
        raise typer.BadParameter("--write goes with --to alone")
    with opened() as factbook:
        tables = factbook.diffs.write(source_id, path, at=moment)
    if as_json:
        show_json({"source_id": source_id, "file": str(path), "tables": tables})
    else:
        say(f"Wrote {count(tables, 'table')} of {source_id} to {path}.")
