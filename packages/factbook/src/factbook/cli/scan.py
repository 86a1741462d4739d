"""``factbook scan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from factbook.cli.output import note, print_json, print_table, say, verb
from factbook.cli.session import Json, opened

if TYPE_CHECKING:
    from factbook.scan import ScanResult

_SHOWN_NAMES = 20


def register(app: typer.Typer) -> None:
    app.command(name="scan")(scan)


@verb
def scan(
    source: Annotated[str, typer.Argument(help="A URL (postgresql://…, mysql://…, sqlite:///…, duckdb:///…) or the id of a source.")],
    source_id: Annotated[
        str | None, typer.Option(help="The name to keep the source under; default: its file's or database's name.")
    ] = None,
    schema: Annotated[list[str] | None, typer.Option(help="Only these: SCHEMA or SCHEMA.TABLE with * and ?. Repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not these; patterns as above. Repeatable.")] = None,
    accept_removals: Annotated[bool, typer.Option(help="Record removals even if they are many.")] = False,
    ask_password: Annotated[bool, typer.Option(help="Ask for the source's password.")] = False,
    as_json: Json = False,
) -> None:
    """Scan a database into the dictionary. Scanning again changes nothing unless the database changed."""
    from factbook.cli.progress import scan_progress
    from factbook.sources.contract import ScanScope

    if ask_password:
        source = _with_asked_password(source)
    scope = ScanScope(schema or [], exclude or [])
    with opened() as factbook, scan_progress(quiet=as_json) as on_progress:
        options: dict[str, Any] = {"source_id": source_id, "scope": scope, "accept_removals": accept_removals}
        outcome = factbook.run_scan(source, on_progress=on_progress, **options)
    if as_json:
        print_json({"job_id": outcome.job.job_id, "result": outcome.result})
    elif outcome.result is not None:
        show_result(outcome.result)
        say(f"Job {outcome.job.job_id}. Next: factbook dictionary {outcome.result.source_id}")
    if outcome.result is not None and outcome.result.counts.failed:
        raise typer.Exit(5)


def _with_asked_password(source: str) -> str:
    from factbook.errors import InvalidRequest
    from factbook.sources.urls import is_url, with_password

    if not is_url(source):
        raise InvalidRequest("--ask-password needs a URL", fix="Store the password with `factbook sources add` instead")
    return with_password(source, typer.prompt("Password", hide_input=True, err=True))


def show_result(result: ScanResult) -> None:
    """Say what a scan found."""
    counts = result.counts
    verdict = "unchanged" if result.is_unchanged else "changed" if counts.unchanged or counts.changed else "new"
    say(
        f"{result.source_id} ({result.engine} {result.engine_version}): {verdict}, {counts.tables} objects in {result.duration_seconds:.2f} s"
    )
    fields = counts.__struct_fields__[1:]
    print_table(fields, [[str(getattr(counts, field)) for field in fields]])
    for word, names in (("added", result.added), ("changed", result.changed), ("removed", result.removed)):
        total = getattr(counts, word)
        if total:
            more = f" and {total - _SHOWN_NAMES} more" if total > _SHOWN_NAMES else ""
            say(f"{word}: {', '.join(names[:_SHOWN_NAMES])}{more}")
    for schema, reading in result.schemas.items():
        if not reading.complete:
            note(f"{schema} was not read completely, so no absence in it counts as a removal: {reading.reason}")
    for failure in result.failures[:_SHOWN_NAMES]:
        note(f"failed: {failure.schema}.{failure.table}: {failure.reason}")
