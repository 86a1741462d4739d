"""What holds of a place, put together of what people and machines say and what the source says itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from factbook.knowledge.model import Description, Held, Known, Origin, Rejected, Summary
from factbook.knowledge.places import Place
from factbook.knowledge.source_texts import SourceTexts
from factbook.repository.voices import Said
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.facts.precedence import Merged, Voice, merge

SOURCE = "source"
"""The author of comments in the source."""

_LISTS = {
    "owner": "owners",
    "steward": "stewards",
    "tag": "tags",
    "classification": "classifications",
    "term": "terms",
    "link": "links",
    "custom": "custom",
}


def known_of(place: Place, said: Said, texts: SourceTexts, *, is_found: bool) -> Known:
    """Return what holds of one place."""
    held: dict[str, Any] = {}
    for merged in merge([*said.voices, *_of_source(place, texts)], place.column):
        if merged.property == "description":
            held["description"] = _description(place, merged, texts)
        elif merged.property in _LISTS:
            held.setdefault(_LISTS[merged.property], []).append(_held(merged))
        else:
            held[merged.property] = _held(merged)
    return Known(
        place=str(place),
        source_id=place.source_id,
        schema=place.schema,
        table=place.table,
        column=place.column,
        found=is_found,
        rejected=list(_rejected(said, place.column)),
        versions=said.versions,
        **held,
    )


def summary_of(said: Said, column: str | None) -> Summary:
    """Return in a few words what people and machines say of a table or a column, without what is only suggested."""
    held = [merged for merged in merge(said.voices, column) if not merged.is_suggested()]
    return Summary(
        next((str(merged.value) for merged in held if merged.property == "description"), None),
        [str(merged.value) for merged in held if merged.property == "owner"],
        [str(merged.value) for merged in held if merged.property == "tag"],
    )


def columns_spoken_of(target: MetadataTarget, said: Said, texts: SourceTexts) -> list[tuple[str, bool]]:
    """Return (column, whether it is there) of every column that anything is said of, in the order of the table, vanished ones last."""
    comments = texts.now(target)
    there = comments.columns if comments else ()
    spoken = {voice.note.column for voice in said.everything} | {item.rejection.column for item in said.rejections}
    commented = set(comments.texts) if comments else set()
    gone = sorted(column for column in spoken.difference(there) if column is not None)
    return [*((column, True) for column in there if column in spoken or column in commented), *((column, False) for column in gone)]


def _of_source(place: Place, texts: SourceTexts) -> Iterator[Voice]:
    comments = texts.now(place.target)
    text = comments.texts.get(place.column) if comments else None
    if text is not None:
        moment, record_id = texts.since(place.target, place.column)
        yield Voice(SOURCE, "scanner", Note("description", text, place.column), moment, record_id)


def _description(place: Place, merged: Merged, texts: SourceTexts) -> Description:
    comments = texts.now(place.target)
    first = merged.voices[0]
    then, now = first.note.value, first.note.value
    if first.author_type != "scanner":
        then = texts.text_at(place.target, place.column, first.said_at)
        now = comments.texts.get(place.column) if comments else None
    changed = then != now and comments is not None
    held = _held(merged)
    return Description(
        held.value,
        held.origins,
        suggested=held.suggested,
        overruled=held.overruled,
        source_changed=changed,
        source_then=then if changed else None,
        source_now=now if changed else None,
    )


def _held(merged: Merged) -> Held:
    return Held(
        merged.value,
        _origins(merged.voices),
        name=merged.name,
        suggested=merged.is_suggested(),
        overruled=_origins(merged.overruled, with_value=True),
    )


def _origins(voices: Sequence[Voice], *, with_value: bool = False) -> list[Origin]:
    return [_origin(voice, voice.said_at, voice.note.value if with_value else None) for voice in voices]


def _origin(voice: Voice, said_at: datetime, value: Any) -> Origin:
    note = voice.note
    return Origin(
        voice.author,
        voice.author_type,
        said_at,
        voice.record_id,
        value,
        note.confidence,
        note.reason,
        note.suggested_by,
        note.evidence,
    )


def _rejected(said: Said, column: str | None) -> Iterator[Rejected]:
    for author, item in said.rejections:
        if item.column == column:
            yield Rejected(item.property, item.value, author, item.name, item.author, item.reason)
