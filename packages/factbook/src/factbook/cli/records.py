"""``factbook records``: the log itself: store, look up, follow."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json, JsonLines, Quiet, Since, Until

app = typer.Typer(help="Store facts in the log, look them up, follow them.", no_args_is_help=True)

KindName = Annotated[str, typer.Argument(metavar="KIND", help="The kind of fact, e.g. schema_snapshot.", show_default=False)]
SourceId = Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source the facts are about.", show_default=False)]
OnSource = Annotated[str | None, typer.Option("--source", metavar="ID", help="Only facts about this source.")]
Schema = Annotated[str | None, typer.Option("--schema", metavar="NAME", help="The schema the facts are about.")]
TableName = Annotated[str | None, typer.Option("--table", metavar="NAME", help="The table the facts are about.")]
Producer = Annotated[str | None, typer.Option("--producer", metavar="ID", help="Only what this producer said, e.g. scan.v1.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most records to show.")]
Conditions = Annotated[
    list[str] | None, typer.Option("--where", metavar="CONDITION", help="E.g. 'payload.row_count<100'; several must all hold.")
]
Kinds = Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="Only this kind; may be repeated.")]


class Order(StrEnum):
    """By when a fact became true."""

    ASC = "asc"
    DESC = "desc"


@app.command()
def store(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A JSON object, a JSON list or NDJSON; - is stdin.")] = "-",
    atomic: Annotated[bool, typer.Option("--atomic", help="All or none: the first refused record stops it.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Store records. Storing them again changes nothing; a refused one is named, the others are stored."""
    from factbook.cli import record_files
    from factbook.cli.documents import show_json

    with opened() as factbook:
        report = record_files.store(factbook, file, atomic=atomic, quiet=quiet or as_json)
    show_json(report) if as_json else record_files.show(report)
    if report.refused:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command()
def latest(
    kind: KindName,
    source_id: SourceId,
    schema: Schema = None,
    table: TableName = None,
    producer: Producer = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show the last record of a kind about one target."""
    from factbook.cli import record_rows
    from factbook.cli.documents import show_json
    from factbook.errors import NotFound
    from factbook_sdk.facts import MetadataTarget

    target = MetadataTarget(source_id, schema, table)
    with opened() as factbook:
        factbook.kinds.get(kind)
        found = factbook.repository.latest(target, kind, producer_id=producer, tenant=factbook.settings.tenant, as_of=as_of)
    if found is None:
        raise NotFound(f"No {kind} is known of {target}", fix=f"`factbook records query {kind}` shows what there is")
    show_json(found) if as_json else record_rows.show_one(found)


@app.command()
def history(
    kind: KindName,
    source_id: SourceId,
    schema: Schema = None,
    table: TableName = None,
    producer: Producer = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    after_offset: Annotated[
        int | None, typer.Option("--after-offset", metavar="N", help="Continue after the record with this offset.")
    ] = None,
    as_json: JsonLines = False,
) -> None:
    """List the records of a kind about one target, newest last."""
    from factbook.cli import record_rows
    from factbook_sdk.facts import MetadataTarget

    target = MetadataTarget(source_id, schema, table)
    bounds = {"since": since, "until": until}
    with opened() as factbook:
        factbook.kinds.get(kind)
        found = factbook.repository.history(
            target, kind, producer_id=producer, tenant=factbook.settings.tenant, limit=limit, after_offset=after_offset, **bounds
        )
    record_rows.show(found, as_json=as_json)
    if len(found) == limit:
        record_rows.note_more("--after-offset", found[-1].offset, as_json=as_json)


@app.command()
def query(
    kind: KindName,
    where: Conditions = None,
    source: OnSource = None,
    schema: Schema = None,
    producer: Producer = None,
    since: Since = None,
    until: Until = None,
    order: Annotated[Order, typer.Option("--order", help="Oldest or newest first.")] = Order.ASC,
    limit: Limit = 100,
    cursor: Cursor = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how the records would be found instead of reading them.")] = False,
    as_json: JsonLines = False,
) -> None:
    """List records of a kind, filtered."""
    from factbook.cli import record_rows
    from factbook_sdk.repository.filters import parse_condition

    question: dict[str, Any] = {
        "targets": record_rows.targets(source, schema),
        "where": [parse_condition(text) for text in where or ()],
        "producer_id": producer,
        "since": since,
        "until": until,
        "order": order.value,
        "limit": limit,
    }
    with opened() as factbook:
        factbook.kinds.get(kind)
        tenant = factbook.settings.tenant
        if explain:
            record_rows.show_plan(factbook.sql.explain(kind, tenant=tenant, **question), as_json=as_json)
            return
        page = factbook.repository.query(kind, tenant=tenant, cursor=cursor, **question)
    record_rows.show(page.records, as_json=as_json)
    if page.next_cursor:
        record_rows.note_more("--cursor", page.next_cursor, as_json=as_json)


@app.command()
def tail(
    after_offset: Annotated[int, typer.Option("--after-offset", metavar="N", min=0, help="Begin after this offset.")] = 0,
    kind: Kinds = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most records at once.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as records arrive, until Ctrl-C.")] = False,
    as_json: JsonLines = False,
) -> None:
    """List records in the order they were learnt: never one skipped, never one twice."""
    from factbook.cli import record_rows

    with opened() as factbook:
        for name in kind or ():
            factbook.kinds.get(name)
        if follow:
            record_rows.follow(factbook, after_offset, kind, limit=limit, as_json=as_json)
            return
        page = factbook.repository.tail(after_offset, kinds=kind, tenant=factbook.settings.tenant, limit=limit)
    record_rows.show(page.records, as_json=as_json)
    if len(page.records) == limit:
        record_rows.note_more("--after-offset", page.next_offset, as_json=as_json)


@app.command()
def copy(
    into: Annotated[str, typer.Option("--into", metavar="URL", help="A store, or the address of a service (with SERVICE_TOKEN).")],
    after_offset: Annotated[int, typer.Option("--after-offset", metavar="N", min=0, help="Begin after this offset.")] = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Copy the records of the tenant (TENANT) into another store or a service. Doing it again copies what is new."""
    from factbook.cli.documents import show_json
    from factbook.cli.progress import progress
    from factbook.cli.terminal import note, say

    with opened() as factbook, progress("Copying", "records", quiet=quiet or as_json) as move:
        report = factbook.copy_records(into, after_offset=after_offset, on_copied=move)
    if as_json:
        show_json(report)
    else:
        say(", ".join(f"{number:,} {name}" for name, number in report.counts.items()) + f"; reached offset {report.reached:,}")
        for reason in report.refused:
            note(f"rejected: {reason}")
    if report.counts["rejected"]:
        raise typer.Exit(ExitCode.SOME_FAILED)
