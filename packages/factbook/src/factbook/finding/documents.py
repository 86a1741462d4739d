"""What a thing is found by, from the fact that declares it or from what is said of it. Pure: payload in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec

from factbook.words import Field, fitting, name_tokens, part_tokens, text_tokens, tokens, words_of_name, words_of_text
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.data_contract import CONTRACTS, DataContract
from factbook_sdk.facts.kinds.data_product import PRODUCTS, DataProduct
from factbook_sdk.facts.kinds.glossary_term import GLOSSARY, GlossaryTerm
from factbook_sdk.facts.precedence import Voice, by_precedence, without_rejected

_MAX_LABEL = 512
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LABELS = {"tag": "tag", "classification": "classification", "owner": "owner", "steward": "owner"}
DOMAIN = "domain"

DECLARED_BY = {PRODUCTS: "data_product", CONTRACTS: "data_contract", GLOSSARY: "glossary_term"}
"""The kind that declares what stands under a source that no database is."""
_KINDS = {PRODUCTS: "product", CONTRACTS: "contract", GLOSSARY: "term", DOMAIN: "domain"}

Label = tuple[str, str]
"""A facet and a value."""
Text = tuple[str, str | None, str]
"""A field, the part it is about, and what stands there."""


class Declared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a thing is: its name, other names, what it is made of, what is written about it, and how it is sorted."""

    name: str
    title: str | None = None
    names: list[str] = []
    parts: list[str] = []
    texts: list[Text] = []
    labels: list[Label] = []
    status: str | None = None
    uses: list[str] = []


class Spoken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said of a thing and nobody rejects."""

    texts: list[Text] = []
    labels: list[Label] = []
    by_people: bool = False


def place_of(source_id: str, schema: str | None, table: str | None) -> str:
    """Return a place as a key; it holds no NUL, whatever the names do."""
    return msgspec.json.encode((source_id, schema or "", table or "")).decode()


def kind_of(source_id: str, schema: str | None, table: str | None) -> str:
    """Return what sort of thing stands at a place."""
    if source_id in _KINDS:
        return _KINDS[source_id]
    return "source" if not schema and not table else "schema" if not table else "table"


def declared(source_id: str, key: str, payload: dict[str, Any]) -> Declared:
    """Return what a product, a contract or a term is."""
    if source_id == PRODUCTS:
        return _product(key, msgspec.convert(payload, DataProduct))
    if source_id == CONTRACTS:
        return _contract(key, msgspec.convert(payload, DataContract))
    return _term(key, msgspec.convert(payload, GlossaryTerm))


def _product(key: str, product: DataProduct) -> Declared:
    ports = [*product.inputs, *product.outputs]
    owners = [owner.name for owner in product.owners]
    return Declared(
        key,
        title=product.name,
        names=[product.name],
        parts=list(dict.fromkeys([*product.schema, *(port.name for port in ports)])),
        texts=_texts(description=[product.description], tag=product.tags, owner=owners, domain=[product.domain]),
        labels=_labels(tag=product.tags, owner=owners, domain=[product.domain]),
        status=product.status,
        uses=sorted({place_of(port.table.source_id or "", port.table.schema, port.table.table) for port in ports}),
    )


def _contract(key: str, contract: DataContract) -> Declared:
    document = contract.document
    title, domain = (value if isinstance(value := document.get(name), str) else None for name in ("name", "domain"))
    objects = [item.name for item in contract.objects]
    names = [column.name for column in contract.columns]
    texts = _texts(description=[contract.description], owner=[contract.owner], domain=[domain])
    return Declared(
        key,
        title=title,
        names=[title] if title else [],
        parts=list(dict.fromkeys([*objects, *names])),
        texts=texts,
        labels=_labels(owner=[contract.owner], domain=[domain]),
        status=contract.status,
    )


def _term(key: str, term: GlossaryTerm) -> Declared:
    return Declared(
        key,
        title=term.name,
        names=[term.name, *term.synonyms],
        texts=_texts(definition=[term.definition], synonym=term.synonyms, owner=term.owners, domain=[term.domain]),
        labels=_labels(owner=term.owners, domain=[term.domain]),
        status=term.status,
    )


def _texts(**fields: Iterable[str | None]) -> list[Text]:
    return [(field, None, text) for field, texts in fields.items() for text in texts if text]


def _labels(**facets: Iterable[str | None]) -> list[Label]:
    return sorted({(facet, _label(value)) for facet, values in facets.items() for value in values if value})


def _label(value: str) -> str:
    return value.replace("\x00", "\ufffd")[:_MAX_LABEL]


def spoken(voices: Sequence[tuple[str, Annotation]]) -> Spoken | None:
    """Return what authors say together, or ``None`` for nothing."""
    rejections = [rejection for _, said in voices if said.author_type == "person" for rejection in said.rejections]
    everything = [Voice(author, said.author_type, note, _LONG_AGO) for author, said in voices for note in said.notes]
    kept = by_precedence(without_rejected(everything, rejections))
    texts = list(dict.fromkeys((_field(voice.note), voice.note.column, text) for voice in kept if (text := _text(voice.note.value))))
    if not texts:
        return None
    found = {
        (_LABELS[voice.note.property], _label(text))
        for voice in kept
        if voice.note.property in _LABELS and (text := _text(voice.note.value))
    }
    return Spoken(texts, sorted(found), any(voice.author_type == "person" for voice in kept))


def _field(note: Note) -> str:
    return note.name or note.property if note.property == "custom" else note.property


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def words_of(source_id: str, schema: str, is_said: Declared | None, said: Spoken | None) -> list[str]:
    """Return the words of a thing, each with the letter of its field."""
    kept: list[str] = []
    if is_said is not None:
        kept += chain.from_iterable(map(name_tokens, [is_said.name, *is_said.names]))
        kept += tokens(Field.PLACE, _place_words(source_id, schema))
        kept += chain.from_iterable(map(part_tokens, is_said.parts))
        kept += chain.from_iterable(text_tokens(text) for _, _, text in is_said.texts)
    if said is not None:
        kept += tokens(Field.SAID, chain.from_iterable(words_of_text(text) for _, _, text in said.texts))
    return fitting(kept)


def _place_words(source_id: str, schema: str) -> Iterator[str]:
    """Return the words of where a schema lies; the sources of what is no database have names that nobody would ask for."""
    if schema:
        yield from words_of_name(source_id)
