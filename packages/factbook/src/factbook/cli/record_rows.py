"""Records, as tables for people and as NDJSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec

from factbook.app import Factbook
from factbook.cli.documents import show_json, show_lines
from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import note, out, printable, say
from factbook.repository.explaining import QueryPlan
from factbook_sdk.facts.record import MetadataRecord
from factbook_sdk.repository.contract import StoredRecord, Within

_WAIT_SECONDS = 5.0
_PAYLOAD_CHARACTERS = 60
_WIDE = 130


def targets(source_id: str | None, schema: str | None) -> Within | None:
    """Return what ``--source`` and ``--schema`` select; raises :class:`InvalidRequest` for a schema of no source."""
    from factbook.errors import InvalidRequest

    if source_id is None and schema is not None:
        raise InvalidRequest("A schema needs its source", fix="Add --source ID", field="schema")
    return None if source_id is None else Within(source_id, schema)


def show(records: Sequence[StoredRecord], *, as_json: bool) -> None:
    """Print records: a line of JSON each, or a table."""
    if as_json:
        show_lines(records)
    elif records:
        names = ("offset", "produced", "kind", "target", "producer", "payload")
        is_wide = out().width >= _WIDE
        show_table(
            names,
            [_row(item, with_payload=is_wide) for item in records],
            right=("offset",),
            whole=("offset", "produced", "kind", "producer"),
        )
    else:
        note("No records.")


def show_one(item: StoredRecord) -> None:
    """Print one record with its whole payload."""
    record = item.record
    show_facts(
        [
            ("target", str(record.target)),
            ("kind", f"{record.kind} v{record.version}"),
            ("produced", record.produced_at.isoformat()),
            ("producer", record.producer_id),
            ("job", record.context.job_id),
            ("offset", item.offset),
            ("id", item.id),
        ]
    )
    if record.is_tombstone:
        say("closed: it is so no longer", style="yellow")
    else:
        show_json(record.payload)


def show_plan(plan: QueryPlan, *, as_json: bool) -> None:
    """Print how a query would find its records."""
    if as_json:
        show_json(plan)
        return
    show_facts([("index", plan.index or "none"), ("why", plan.reason), ("engine", plan.engine)])
    for step in plan.plan:
        say(f"  {step}")


def note_more(option: str, value: object, *, as_json: bool) -> None:
    """Say on stderr how to get what follows; as a JSON document where that was asked for."""
    if as_json:
        sys.stderr.write(msgspec.json.encode({"next": {option.strip("-").replace("-", "_"): value}}).decode() + "\n")
    else:
        note(f"There may be more: {option} {value}", style="dim")


def follow(factbook: Factbook, after_offset: int, kinds: Sequence[str] | None, *, limit: int, as_json: bool) -> None:
    """Print records as they arrive, until interrupted."""
    while True:
        page = factbook.repository.tail(after_offset, kinds=kinds, tenant=factbook.settings.tenant, limit=limit, wait_seconds=_WAIT_SECONDS)
        if as_json:
            show_lines(page.records)
        else:
            for item in page.records:
                out().print("  ".join(_row(item)), soft_wrap=True)
        after_offset = page.next_offset


def _row(item: StoredRecord, *, with_payload: bool = True) -> tuple[str, ...]:
    record = item.record
    return (
        str(item.offset),
        record.produced_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        record.kind,
        printable(str(record.target)),
        printable(record.producer_id),
        _excerpt(record) if with_payload or record.is_tombstone else "",
    )


def _excerpt(record: MetadataRecord) -> str:
    if record.payload is None:
        return "(closed)"
    text = msgspec.json.encode(record.payload).decode()
    return printable(text if len(text) <= _PAYLOAD_CHARACTERS else text[: _PAYLOAD_CHARACTERS - 1] + "…")
