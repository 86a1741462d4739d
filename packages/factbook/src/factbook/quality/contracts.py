"""Rules to run: the text of a file, or what ``data_contract`` facts promise of the data of a source's tables."""

from __future__ import annotations

import glob
from collections import defaultdict
from typing import Any

import msgspec

from factbook.quality.rules import rules_of
from factbook_sdk.facts.kinds.data_contract import DataContract, contract_target
from factbook_sdk.repository.contract import MetadataRepository

_READ = ("apiVersion", "kind", "id", "servers", "slaProperties", "slaDefaultElement")
"""What of a contract matters for its rules, beside its objects."""


class Rulebook(msgspec.Struct, frozen=True):
    """The text of a rules file with its name. Over HTTP its SQL is not run: a request is no reason to trust it."""

    name: str
    text: str
    allows_sql: bool = True
    tables: dict[str, str] | None = None
    """Of a contract: patterns of the tables that its objects are bound to. It judges those alone, and leaves scores as they are."""


def contract_rulebooks(repository: MetadataRepository, contract_id: str, *, tenant: str, allows_sql: bool) -> dict[str, Rulebook]:
    """Return the rules of a contract by source; nothing of a source where it promises nothing of data, or of a contract nobody knows."""
    stored = repository.latest(contract_target(contract_id), "data_contract", tenant=tenant)
    if stored is None or stored.record.payload is None:
        return {}
    contract = msgspec.convert(stored.record.payload, DataContract)
    by_source: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for item in contract.objects:
        if item.table is not None:
            pattern = f"{glob.escape(item.table.schema or '')}.{glob.escape(item.table.table)}"
            by_source[item.table.source_id][item.name] = pattern
    books = {source: _rulebook(contract, tables, allows_sql=allows_sql) for source, tables in sorted(by_source.items())}
    return {source: book for source, book in books.items() if _says_anything(book)}


def _rulebook(contract: DataContract, tables: dict[str, str], *, allows_sql: bool) -> Rulebook:
    said: dict[str, Any] = {key: contract.document[key] for key in _READ if key in contract.document}
    said["schema"] = [item for item in contract.document.get("schema", []) if item.get("name") in tables]
    return Rulebook(contract.contract_id, msgspec.json.encode(said).decode(), allows_sql, tables)


def _says_anything(book: Rulebook) -> bool:
    rules = rules_of(book.text, book.name, book.tables)
    return bool(rules.rules or rules.promises)
