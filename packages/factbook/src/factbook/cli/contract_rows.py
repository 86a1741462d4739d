"""Contracts as people read them, and the files they come from and go to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factbook.cli.alert_rows import logged_in
from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import count, note, say

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.contracts import ContractEdit, ContractHistory, ContractPage, ContractView, Imported, ImportWish
    from factbook.contracts.reading import Read
    from factbook.contracts.writing import Form
    from factbook_sdk.facts.parts import TableRef

_MAX_COLUMNS = 100

__all__ = ["edit", "in_force", "logged_in", "read", "show_imported", "show_one", "show_page", "take_in", "wish", "write"]


def read(file: Path) -> Read:
    """Return the document of a file; raises :class:`NotFound` or :class:`InvalidRequest`."""
    from factbook.contracts.reading import MAX_BYTES, read_document
    from factbook.errors import InvalidRequest, NotFound

    try:
        with file.open("rb") as opened:
            return read_document(opened.read(MAX_BYTES + 1), file.name)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file}", fix="Check the path; it is taken from where the command runs") from error
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or type(error).__name__) from error


def wish(binds: Sequence[str], *, replace: bool) -> ImportWish:
    """Return how documents are to be imported."""
    from factbook.contracts import ImportWish
    from factbook.contracts.model import parse_binds

    return ImportWish(parse_binds(binds), replace, logged_in())


def take_in(factbook: Factbook, document: Read, how: ImportWish) -> Imported:
    """Import a contract or a product, whichever it is."""
    rooms = factbook.own
    room = rooms.contracts if document.standard.name == "odcs" else rooms.product_documents
    return room.import_document(document, how)


def edit(**given: str | None) -> ContractEdit:
    """Return what is to be another; raises :class:`InvalidRequest`."""
    import msgspec

    from factbook.contracts import ContractEdit
    from factbook.errors import InvalidRequest

    try:
        return msgspec.convert({name: value for name, value in given.items() if value is not None}, ContractEdit)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            "That is no status", why=str(error), fix="Choose proposed, draft, active, deprecated or retired", field="status"
        ) from error


def in_force(factbook: Factbook) -> list[str]:
    """Return the ids of the contracts that are in force."""
    from factbook_sdk.facts.kinds.data_contract import BINDING

    found, cursor = [], None
    while True:
        page = factbook.own.contracts.page(cursor=cursor, limit=1_000)
        found += [item.id for item in page.items if item.status in BINDING]
        cursor = page.next_cursor
        if cursor is None:
            return found


def write(document: dict[str, Any], form: Form, output: Path | None) -> None:
    """Write a document to a file, or to stdout."""
    from factbook.contracts.writing import text_of
    from factbook.errors import ConfigurationError

    text = text_of(document, form)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written", why=str(error.strerror), fix="Name a file that can") from error


def show_imported(done: Sequence[Imported]) -> None:
    """Print what became of documents, and to which tables they are bound."""
    for one in done:
        version = f" {one.version}" if one.version else ""
        say(f"{one.id}{version} is {'stored' if one.outcome == 'stored' else 'there already, unchanged'}", style="bold")
        rows = [(item.name, shown(item.table) if item.table else None, item.reason) for item in one.objects]
        if rows:
            show_table(("object", "table", "not bound, because"), rows)
        for line in one.replaced:
            note(f"replaced: {line}", style="dim")
        unbound = next((item.name for item in one.objects if item.table is None), None)
        if unbound is not None:
            note(f"Say which table is meant: --bind {unbound}=SOURCE.SCHEMA.TABLE", style="dim")


def show_page(page: ContractPage) -> None:
    """Print contracts as a table."""
    if not page.items:
        note("No contracts.")
        return
    rows = [
        (item.id, item.version, item.status, item.owner, ", ".join(map(shown, item.tables)), item.unbound or None, item.changed_at)
        for item in page.items
    ]
    show_table(("contract", "version", "status", "owner", "tables", "not bound", "since"), rows, right=("not bound",), whole=("contract",))
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_one(found: ContractView | ContractHistory) -> None:
    """Print a contract, or its history."""
    from factbook.contracts import ContractHistory

    if isinstance(found, ContractHistory):
        states = [(item.at, item.version or "(ended)", item.status, item.owner, item.by, "; ".join(item.changes)) for item in found.items]
        show_table(("since", "version", "status", "owner", "by", "changed"), states)
        return
    contract = found.contract
    show_facts(
        (
            ("contract", contract.contract_id),
            ("version", contract.version),
            ("status", contract.status),
            ("owner", contract.owner),
            ("description", contract.description),
            ("since", found.changed_at),
            ("service levels", ", ".join(f"{one.property} {one.value}{one.unit or ''}" for one in contract.service_levels)),
            ("not bound", "; ".join(f"{item.name}: {item.reason or ''}" for item in contract.objects if item.table is None)),
        )
    )
    for bound in found.promises:
        say(f"{shown(bound.table)}: {count(len(bound.promise.columns), 'column')}, {count(len(bound.promise.quality), 'quality rule')}")
        rows = [
            (one.name, one.logical_type, one.physical_type, one.required, one.unique, one.primary_key, one.description)
            for one in bound.promise.columns[:_MAX_COLUMNS]
        ]
        show_table(("column", "type", "physical", "required", "unique", "key", "description"), rows)


def shown(table: TableRef) -> str:
    """Return a table as people write it."""
    return ".".join(part for part in (table.source_id, table.schema, table.table) if part)
