"""Notes and suggestions as people read them, and how options become notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec

from factbook.cli.alert_rows import logged_in
from factbook.cli.documents import show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import note, say
from factbook.documents import parse
from factbook.errors import InvalidRequest
from factbook.knowledge.editing import NewNote, Removal
from factbook.knowledge.note_files import MAX_NODES
from factbook.knowledge.note_import import read_file_text
from factbook_sdk.facts.kinds.annotation import Property

if TYPE_CHECKING:
    from factbook.knowledge import EditionPage, FoundPage, KnownPage, OwnNotes, SuggestionPage
    from factbook.knowledge.model import Held, Known
    from factbook.knowledge.note_import import ImportReport

MAX_FILE_BYTES = 64 * 1024 * 1024
_PROPERTIES = get_args(Property)


def author_of(named: str | None) -> str:
    """Return the author that is meant: whoever runs the command, if none is named."""
    return named or f"person:{logged_in()}"


def notes_of(
    description: str | None,
    owner: Sequence[str] | None,
    steward: Sequence[str] | None,
    tag: Sequence[str] | None,
    classification: Sequence[str] | None,
    term: Sequence[str] | None,
    certified: str | None,
    deprecated: str | None,
    link: Sequence[str] | None,
    custom: Sequence[str] | None,
    reason: str | None,
) -> list[NewNote]:
    """Return the notes that options say."""
    single: tuple[tuple[Property, Any], ...] = (
        ("description", description),
        ("certification", _yes(certified)),
        ("deprecation", _yes(deprecated)),
    )
    several: tuple[tuple[Property, Sequence[str] | None], ...] = (
        ("owner", owner),
        ("steward", steward),
        ("tag", tag),
        ("classification", classification),
        ("term", term),
        ("link", link),
    )
    found = [NewNote(prop, value, reason=reason) for prop, value in single if value is not None]
    found += [NewNote(prop, value, reason=reason) for prop, values in several for value in values or ()]
    for pair in custom or ():
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise InvalidRequest(f"{pair!r} is no property", fix="Write NAME=VALUE", field="custom")
        found.append(NewNote("custom", value, name, reason))
    return found


def removals_of(properties: Sequence[str] | None, values: Sequence[NewNote]) -> list[Removal]:
    """Return what options take back; raises :class:`InvalidRequest` where that is nothing."""
    for name in properties or ():
        if name not in _PROPERTIES:
            raise InvalidRequest(f"{name!r} is no property", fix=f"There are {', '.join(_PROPERTIES)}", field="property")
    found = [Removal(cast("Property", name)) for name in properties or ()] + [Removal(new.property, new.value) for new in values]
    if not found:
        raise InvalidRequest("Nothing is named to take back", fix="Name values, a --property, or --all", field="property")
    return found


def read_text(file: Path) -> str:
    """Read a file; raises :class:`InvalidRequest`."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InvalidRequest(f"{file} is too large", why=f"at most {MAX_FILE_BYTES:,} bytes are read", field="file")
        return read_file_text(file.read_bytes(), file.name)
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", field="file") from error


def write_document(text: str, file: Path | None, *, as_json: bool) -> None:
    """Write YAML, or the same as JSON, to a file or to stdout."""
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(parse(text, max_nodes=MAX_NODES).root), indent=2).decode() + "\n"
    if file is None:
        print(text, end="")
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be written", why=error.strerror or "", field="output") from error
    note(f"Written to {file}", style="dim")


def show_page(page: KnownPage) -> None:
    """Print what is known, one value a line with who says it."""
    show_table(("place", "what", "value", "who says it", "beside"), [row for known in page.items for row in _rows(known)], whole=("place",))
    for known in page.items:
        if known.description is not None and known.description.source_changed:
            then, now = (text or "nothing" for text in (known.description.source_then, known.description.source_now))
            note(f"{known.place}: the source said {then!r} when this was written, and says {now!r} now", style="yellow")
    _show_more(page.next_cursor)


def _rows(known: Known) -> Iterator[tuple[Any, ...]]:
    place = known.place if known.found else f"{known.place} (gone)"
    yield (place, "", "", "", "")
    held: list[tuple[str, Held]] = [("description", known.description)] if known.description else []
    held += [("certified", known.certification)] if known.certification else []
    held += [("deprecated", known.deprecation)] if known.deprecation else []
    several = (
        ("owner", known.owners),
        ("steward", known.stewards),
        ("tag", known.tags),
        ("classification", known.classifications),
        ("term", known.terms),
        ("link", known.links),
    )
    held += [(what, item) for what, items in several for item in items]
    held += [(item.name or "custom", item) for item in known.custom]
    for what, item in held:
        who = ", ".join(origin.author for origin in item.origins)
        others = f"{len(item.overruled)} say otherwise" if item.overruled else ""
        yield ("", what, _text(item.value), who, "suggested" if item.suggested else others)
    for rejected in known.rejected:
        yield ("", rejected.property, _text(rejected.value), rejected.by, "rejected")


def show_own(own: OwnNotes, *, as_json: bool) -> None:
    """Print what an author says of a place now."""
    if as_json:
        show_json(own)
        return
    say(
        f"{own.author} {'now says' if own.changed else 'says'} of {own.place}:"
        if own.notes
        else f"{own.author} says nothing of {own.place}"
    )
    if own.notes:
        show_table(("what", "value"), [(item.name or item.property, _text(item.value)) for item in own.notes])
    note(f"version {own.version}", style="dim")


def show_judged(judged: Sequence[OwnNotes], *, as_json: bool) -> None:
    """Print whose notes became what by judging suggestions."""
    if as_json:
        show_json(list(judged))
        return
    for own in judged:
        show_own(own, as_json=False)


def show_found(page: FoundPage) -> None:
    """Print statements that were looked for."""
    if not page.items:
        note("Nobody says so.")
        return
    rows = [
        (item.place, item.name or item.property, _text(item.value), item.author, item.confidence, item.produced_at) for item in page.items
    ]
    show_table(("place", "what", "value", "who says it", "confidence", "in force since"), rows, whole=("place",))
    _show_more(page.next_cursor)


def show_history(page: EditionPage) -> None:
    """Print editions, one statement a line."""
    rows: list[tuple[Any, ...]] = []
    for edition in page.items:
        rows.append((edition.produced_at, edition.author, "" if edition.notes or edition.rejections else "took everything back", ""))
        rows += [("", "", item.name or item.property, _text(item.value)) for item in edition.notes]
        rows += [("", "", f"not {item.property}", _text(item.value)) for item in edition.rejections]
    show_table(("moment", "who", "what", "value"), rows, whole=("moment",))
    if page.next_after_offset is not None:
        note(f"There may be more: --after-offset {page.next_after_offset}", style="dim")


def show_import(report: ImportReport) -> None:
    """Print what an import changed, or would change."""
    rows = [
        (
            change.action,
            change.place,
            f"not {change.property}" if change.rejected else change.name or change.property,
            _text(change.before),
            _text(change.after),
        )
        for change in report.changes
    ]
    if rows:
        show_table(("action", "place", "what", "before", "after"), rows, whole=("action", "place"))
    counts = ", ".join(f"{count:,} {name}" for name, count in zip(("added", "changed", "removed"), report.counts.values(), strict=True))
    say(f"{report.author} of {report.source_id}: {counts}{' if it were no dry run' if report.dry_run else ''}")


def show_suggestions(page: SuggestionPage) -> None:
    """Print suggestions, the most confident first."""
    if not page.items:
        note("Nothing waits to be judged.")
        return
    rows = [
        (item.id, f"{item.confidence:.2f}", item.place, item.name or item.property, _text(item.value), item.suggested_by, item.reason)
        for item in page.items
    ]
    show_table(("id", "sure", "place", "what", "value", "who suggests it", "why"), rows, whole=("id", "sure", "place"))
    if page.truncated:
        note("There is more lineage, or there are more labels, than are read at a time.", style="yellow")
    _show_more(page.next_cursor)
    note("--accept ID makes one your own word, --reject ID hides it.", style="dim")


def _yes(text: str | None) -> str | bool | None:
    return True if text is not None and text.lower() in ("yes", "true") else text


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _show_more(cursor: str | None) -> None:
    if cursor:
        note(f"There is more: --cursor {cursor}", style="dim")
