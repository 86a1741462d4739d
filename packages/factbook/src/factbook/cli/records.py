"""``factbook records store|latest|history|query|tail``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from factbook.cli.output import note, parse_moment, print_json, print_ndjson, say, verb
from factbook.cli.session import Json, opened

if TYPE_CHECKING:
    from factbook_sdk.facts import MetadataTarget

group = typer.Typer(help="The log itself: store records, ask for them, follow them.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="The source's id.")]
KindName = Annotated[str, typer.Option("--kind", help="The kind of record.")]
Schema = Annotated[str | None, typer.Option(help="The target's schema.")]
Table = Annotated[str | None, typer.Option(help="The target's table.")]
Producer = Annotated[str | None, typer.Option("--producer", help="Only records of this producer.")]
Since = Annotated[str | None, typer.Option(help="From this moment on.")]
Until = Annotated[str | None, typer.Option(help="Before this moment.")]
Limit = Annotated[int, typer.Option(help="Records at most.")]


@group.command(name="store")
@verb
def store(
    file: Annotated[str, typer.Argument(help="A file with one record, a JSON list or NDJSON; - for standard input.")] = "-",
    atomic: Annotated[bool, typer.Option(help="Store all or none.")] = False,
    as_json: Json = False,
) -> None:
    """Store records. What is refused is named with its reason; the rest is stored."""
    from factbook.errors import InvalidRequest
    from factbook_sdk.repository.intake import store_document

    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "") from error
    with opened() as factbook:
        report = store_document(factbook.repository, body, tenant=factbook.settings.tenant, atomic=atomic)
    if as_json:
        print_json({"counts": report.counts, "results": report.results})
    else:
        say(", ".join(f"{count} {outcome}" for outcome, count in report.counts.items()))
        for rejection in report.rejections:
            note(f"record {rejection.index}: {rejection.reason}")
    if report.rejections:
        raise typer.Exit(5)


@group.command(name="latest")
@verb
def latest(
    source_id: Source,
    kind: KindName,
    schema: Schema = None,
    table: Table = None,
    producer: Producer = None,
    as_of: Annotated[str | None, typer.Option(help="What was known to be so then.")] = None,
    as_json: Json = False,
) -> None:
    """Print the last record of a target and kind."""
    from factbook.errors import NotFound

    with opened() as factbook:
        moment = parse_moment(as_of, "as_of")
        target = _target(source_id, schema, table)
        found = factbook.repository.latest(target, kind, producer_id=producer, tenant=factbook.settings.tenant, as_of=moment)
    if found is None:
        raise NotFound(f"Nothing of kind {kind} is known of {target}")
    print_json(found)


@group.command(name="history")
@verb
def history(
    source_id: Source,
    kind: KindName,
    schema: Schema = None,
    table: Table = None,
    producer: Producer = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    after_offset: Annotated[int | None, typer.Option(help="Continue after this record.")] = None,
    as_json: Json = False,
) -> None:
    """Print the records of a target and kind, newest last, one a line."""
    with opened() as factbook:
        found = factbook.repository.history(
            _target(source_id, schema, table),
            kind,
            producer_id=producer,
            tenant=factbook.settings.tenant,
            since=parse_moment(since, "since"),
            until=parse_moment(until, "until"),
            limit=limit,
            after_offset=after_offset,
        )
    print_json(found) if as_json else print_ndjson(found)


@group.command(name="query")
@verb
def query(
    kind: Annotated[str, typer.Argument(help="The kind of record.")],
    where: Annotated[list[str] | None, typer.Option(help="A condition such as 'payload.counts.added>0'. Repeatable.")] = None,
    source_id: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    schema: Schema = None,
    producer: Producer = None,
    since: Since = None,
    until: Until = None,
    newest_first: Annotated[bool, typer.Option(help="Newest first.")] = False,
    limit: Limit = 100,
    cursor: Annotated[str | None, typer.Option(help="Continue after the page before.")] = None,
    as_json: Json = False,
) -> None:
    """Print records of a kind by time, one a line."""
    from factbook_sdk.repository.contract import Within
    from factbook_sdk.repository.filters import parse_condition

    order: Literal["asc", "desc"] = "desc" if newest_first else "asc"
    with opened() as factbook:
        page = factbook.repository.query(
            kind,
            targets=Within(source_id, schema) if source_id is not None else None,
            where=[parse_condition(text) for text in where or ()],
            producer_id=producer,
            tenant=factbook.settings.tenant,
            since=parse_moment(since, "since"),
            until=parse_moment(until, "until"),
            order=order,
            limit=limit,
            cursor=cursor,
        )
    print_json(page) if as_json else print_ndjson(page.records)
    if page.next_cursor and not as_json:
        note(f"There is more: add --cursor {page.next_cursor}")


@group.command(name="tail")
@verb
def tail(
    after_offset: Annotated[int, typer.Option(help="Continue after this offset.")] = 0,
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds. Repeatable.")] = None,
    limit: Limit = 100,
    follow: Annotated[bool, typer.Option(help="Go on as records arrive, until interrupted.")] = False,
    as_json: Json = False,
) -> None:
    """Print records in the order they were learnt, one a line."""
    with opened() as factbook:
        options: dict[str, Any] = {"kinds": kind or None, "tenant": factbook.settings.tenant, "limit": limit}
        if follow:
            print_ndjson(_follow(factbook.repository, after_offset, options))
            return
        page = factbook.repository.tail(after_offset, **options)
    print_json(page) if as_json else print_ndjson(page.records)


def _follow(repository: Any, after_offset: int, options: dict[str, Any]) -> Iterator[Any]:
    while True:
        page = repository.tail(after_offset, wait_seconds=30.0, **options)
        for record in page.records:
            yield record
            sys.stdout.flush()
        after_offset = page.next_offset


def _target(source_id: str, schema: str | None, table: str | None) -> MetadataTarget:
    from factbook_sdk.facts import MetadataTarget

    return MetadataTarget(source_id, schema, table)
