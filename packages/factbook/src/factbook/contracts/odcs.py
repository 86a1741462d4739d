"""A data contract as a document (ODCS) and as facts: read from the one into the others, and what was edited here written back. Pure.

The document is the truth of everything that the facts do not say. What they do say is read from it; on the way back only what differs from
that is written into it, so that a contract that nobody edited comes out as it went in.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import msgspec

from factbook.contracts.teams import owner_of, with_owner
from factbook.odcs import column_of, metric_of, severity_of
from factbook_sdk.facts.kinds.data_contract import ContractColumn, ContractObject, DataContract, QualityRule, ServiceLevel

Document = dict[str, Any]
Status = Literal["proposed", "draft", "active", "deprecated", "retired"]

STATUSES: tuple[Status, ...] = get_args(Status)
_OTHER_WORDS: dict[str, Status] = {
    "development": "draft",
    "test": "draft",
    "testing": "draft",
    "proposal": "proposed",
    "inactive": "retired",
}
"""The standard takes any word for a status. What is none of these either is in force: a contract never stops binding by a word."""
_COMPARISONS = ("must", "unit", "validValues")


def contract_of(document: Document) -> DataContract:
    """Read a document for the fact about the contract as a whole; its objects are bound to nothing yet."""
    return DataContract(
        contract_id=document["id"],
        version=document["version"],
        status=status_of(document["status"]),
        service_levels=list(_levels(document)),
        owner=owner_of(document.get("team")),
        description=_purpose(document),
        objects=[ContractObject(item["name"]) for item in objects_of(document)],
        document=document,
    )


def promise_of(document: Document, item: Document) -> DataContract:
    """Read one object of a document for the fact about the table it is bound to. The document itself stays with the whole."""
    whole = contract_of(document)
    names = {item["name"], item.get("physicalName")}
    return msgspec.structs.replace(
        whole,
        columns=[_column(one) for one in _mappings(item.get("properties")) if column_of(one)],
        quality=list(_quality(item)),
        service_levels=[level for one, level in _levels_with_tables(document) if one is None or one in names],
        description=_text(item.get("description")),
        object=item["name"],
        objects=[],
        document={},
    )


def objects_of(document: Document) -> list[Document]:
    """Return the objects of a document that have a name."""
    return [item for item in _mappings(document.get("schema")) if _text(item.get("name"))]


def status_of(said: str) -> Status:
    """Return the state that a status stands for."""
    word = said.strip().lower()
    return next((status for status in STATUSES if status == word), _OTHER_WORDS.get(word, "active"))


def written(whole: DataContract, promises: Mapping[str, DataContract]) -> Document:
    """Return the document with what was edited here; ``promises`` are the facts about the tables, by the name of their object."""
    document = copy.deepcopy(whole.document)
    original = contract_of(whole.document)
    for field in ("version", "status"):
        if getattr(whole, field) != getattr(original, field):
            document[field] = getattr(whole, field)
    if whole.description != original.description:
        _set(document.setdefault("description", {}), "purpose", whole.description)
    if whole.owner != original.owner:
        _set(document, "team", with_owner(document.get("team"), whole.owner))
    for item in objects_of(document):
        promise = promises.get(item["name"])
        if promise is not None:
            _write_object(item, promise, promise_of(whole.document, item))
    return document


def _write_object(item: Document, promise: DataContract, original: DataContract) -> None:
    if promise.description != original.description and promise.description is not None:
        item["description"] = promise.description
    if promise.columns == original.columns:
        return
    known = {column.name: column for column in original.columns}
    there = {column_of(one): one for one in _mappings(item.get("properties"))}
    kept = []
    for column in promise.columns:
        entry = there.get(column.name)
        if entry is None:
            kept.append(entry_of(column))
            continue
        _write_column(entry, column, known[column.name])
        kept.append(entry)
    item["properties"] = kept


_FIELDS = {
    "logical_type": "logicalType",
    "physical_type": "physicalType",
    "required": "required",
    "unique": "unique",
    "primary_key": "primaryKey",
    "classification": "classification",
    "description": "description",
}


def _write_column(entry: Document, column: ContractColumn, original: ContractColumn) -> None:
    for field, name in _FIELDS.items():
        value = getattr(column, field)
        if value != getattr(original, field):
            _set(entry, name, value)


def entry_of(column: ContractColumn) -> Document:
    """Return a property that says what a promised column does, and no more."""
    said = {name: getattr(column, field) for field, name in _FIELDS.items()}
    return {"name": column.name, **{name: value for name, value in said.items() if value not in (None, False)}}


def _set(holder: Document, name: str, value: Any) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value


def _column(entry: Document) -> ContractColumn:
    return ContractColumn(
        name=str(column_of(entry)),
        logical_type=_text(entry.get("logicalType")),
        physical_type=_text(entry.get("physicalType")),
        required=entry.get("required") is True,
        unique=entry.get("unique") is True,
        primary_key=entry.get("primaryKey") is True,
        classification=_text(entry.get("classification")),
        description=_text(entry.get("description")),
    )


def _quality(item: Document) -> Iterator[QualityRule]:
    """Yield what is promised of the data, of the table first. Entries that only a person can judge are named all the same."""
    for entry in _mappings(item.get("quality")):
        yield _rule(entry, None)
    for one in _mappings(item.get("properties")):
        for entry in _mappings(one.get("quality")):
            yield _rule(entry, column_of(one))


def _rule(entry: Document, column: str | None) -> QualityRule:
    metric = _text(entry.get("metric")) or _text(entry.get("rule"))
    query = _text(entry.get("query"))
    called = _text(entry.get("name")) or _text(entry.get("id")) or metric or _text(entry.get("description")) or str(entry.get("type"))
    given = entry.get("arguments")
    arguments: Document = given if isinstance(given, dict) else {}
    compared = {name: value for name, value in entry.items() if name.startswith(_COMPARISONS)}
    rule = metric_of(metric) if metric else None if query else _text(entry.get("type"))
    return QualityRule(called[:200], rule, query, column, {**arguments, **compared}, severity_of(entry))


def _levels(document: Document) -> Iterator[ServiceLevel]:
    return (level for _, level in _levels_with_tables(document))


def _levels_with_tables(document: Document) -> Iterator[tuple[str | None, ServiceLevel]]:
    """Yield each service level with the object it is about, ``None`` for all of them."""
    for entry in _mappings(document.get("slaProperties")):
        value = entry.get("value")
        element = _text(entry.get("element")) or _text(document.get("slaDefaultElement")) or ""
        table, _, column = element.rpartition(".")
        said = value if isinstance(value, (int, float)) and not isinstance(value, bool) else "" if value is None else str(value)
        yield table or None, ServiceLevel(str(entry.get("property") or "-"), said, _text(entry.get("unit")), _text(column))


def _purpose(document: Document) -> str | None:
    said = document.get("description")
    return _text(said.get("purpose")) if isinstance(said, dict) else None


def _mappings(value: Any) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
