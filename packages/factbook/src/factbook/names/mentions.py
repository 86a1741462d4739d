"""Which foreign names a fact mentions. Pure: a record in, names out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.kinds.data_product import PRODUCTS

KINDS = frozenset({"lineage", "lineage_run"})
MAX_MENTIONS = 1_000
"""Names that are kept of one fact."""

_MAX_TIMES = 2**31
_MAX_REASON = 500
_OURS = frozenset({PRODUCTS, "glossary"})


class Mention(msgspec.Struct, frozen=True):
    """A name in a namespace. ``reason`` is the producer's; without one it is a dataset that stands for itself."""

    namespace: str
    name: str
    times: int = 1
    reason: str | None = None


def mentions_of(record: MetadataRecord) -> list[Mention]:
    """Return the names that are not known to mean a table, each once.

    A name without a namespace is one of the source, file or job that the fact is about.
    """
    found: dict[tuple[str, str], Mention] = {}
    for mention in _all(record):
        # PostgreSQL stores no NUL, and a count may be anything in a payload.
        key = _storable(mention.namespace), _storable(mention.name)
        reason = mention.reason and _storable(mention.reason[:_MAX_REASON])
        known = found.get(key)
        if known is not None:
            found[key] = Mention(*key, min(known.times + mention.times, _MAX_TIMES), known.reason or reason)
        elif len(found) < MAX_MENTIONS:
            found[key] = Mention(*key, min(mention.times, _MAX_TIMES), reason)
    return list(found.values())


def _all(record: MetadataRecord) -> Iterator[Mention]:
    payload = record.payload or {}
    target = record.target
    if record.kind == "lineage_run":
        for unknown in payload.get("unknown", ()):
            namespace = unknown.get("namespace") or target.source_id
            yield Mention(namespace, unknown["name"], unknown.get("times", 1), unknown["reason"])
        return
    for unresolved in payload.get("unresolved", ()):
        yield Mention(target.source_id, unresolved["name"], 1, unresolved["reason"])
    for given in payload.get("inputs", ()):
        table = given["table"]
        if _is_foreign(table["source_id"], table.get("schema")):
            yield Mention(table["source_id"], table["table"])
    # Whatever names itself as what it writes (a dashboard does) is no table of anybody's.
    if (
        target.table is not None
        and _is_foreign(target.source_id, target.schema)
        and not _is_itself(payload, target.source_id, target.table)
    ):
        yield Mention(target.source_id, target.table)


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")


def _is_foreign(source_id: str, schema: str | None) -> bool:
    return schema is None and source_id not in _OURS


def _is_itself(payload: dict[str, Any], namespace: str, name: str) -> bool:
    job = payload.get("job") or {}
    return (job.get("namespace"), job.get("name")) == (namespace, name)
