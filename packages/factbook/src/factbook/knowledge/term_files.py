"""The glossary as YAML for git: read strictly, written the same for the same terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from factbook.documents import Document, Mistake, Path, Unreadable, format_document, parse
from factbook.errors import InvalidRequest
from factbook.knowledge.glossary import Glossary
from factbook.knowledge.note_files import MAX_NODES, refusal
from factbook.knowledge.terms import check_key, check_term
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm

VERSION = 1
_FIELDS = GlossaryTerm.__struct_fields__


class TermDifference(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an import changes of one term."""

    action: Literal["add", "change", "remove"]
    key: str
    fields: list[str] = []


class TermImport(msgspec.Struct, frozen=True):
    """What an import changed, or with ``dry_run`` would change."""

    dry_run: bool
    changes: list[TermDifference]


def format_terms(terms: Mapping[str, GlossaryTerm]) -> str:
    """Return the file of a glossary."""
    return format_document(
        {"factbook_glossary": VERSION, "terms": [{"key": key, **msgspec.to_builtins(term)} for key, term in sorted(terms.items())]}
    )


def bring_terms(glossary: Glossary, text: str, name: str, *, author: str, dry_run: bool = False, prune: bool = False) -> TermImport:
    """Make the terms of a file those of the glossary, all or none; with ``prune`` those it does not name go.

    The same file again changes nothing. Raises :class:`InvalidRequest` naming every mistake by its line.
    """
    wanted = read_terms(text, name)
    before = glossary.all_terms()
    changes = [
        TermDifference("change" if key in before else "add", key, _changed(before.get(key), term))
        for key, term in sorted(wanted.items())
        if before.get(key) != term
    ]
    if prune:
        changes += [TermDifference("remove", key) for key in sorted(before.keys() - wanted.keys())]
    if not dry_run:
        glossary.put_all(wanted, author=author, remove_others=prune)
    else:
        glossary.check_all(({} if prune else before) | wanted)
    return TermImport(dry_run, changes)


def read_terms(text: str, name: str) -> dict[str, GlossaryTerm]:
    """Read the terms of a file by key; raises :class:`InvalidRequest`."""
    try:
        document = parse(text, max_nodes=MAX_NODES)
    except Unreadable as error:
        raise refusal(name, [error.mistake]) from error
    mistakes = list(document.mistakes)
    found: dict[str, GlossaryTerm] = {}
    root = document.root
    if not isinstance(root, dict) or root.get("factbook_glossary") != VERSION or not isinstance(root.get("terms"), list):
        mistakes.append(document.mistake((), f"a glossary begins with factbook_glossary: {VERSION} and has a list of terms"))
        raise refusal(name, mistakes)
    mistakes += [document.mistake((key,), f"{key!r} is not known here") for key in root if key not in ("factbook_glossary", "terms")]
    for index, item in enumerate(root["terms"]):
        _read_term(item, document, ("terms", index), found, mistakes)
    if mistakes:
        raise refusal(name, sorted(mistakes))
    return found


def _read_term(item: Any, document: Document, path: Path, found: dict[str, GlossaryTerm], mistakes: list[Mistake]) -> None:
    key = item.get("key") if isinstance(item, dict) else None
    if not isinstance(key, str):
        mistakes.append(document.mistake(path, "a term is a mapping with key and name"))
        return
    if key in found:
        mistakes.append(document.mistake(path, f"the key {key} stands here twice"))
    for field in item:
        if field not in ("key", *_FIELDS):
            mistakes.append(document.mistake((*path, field), f"{field!r} is not known here; allowed are key, {', '.join(_FIELDS)}"))
    try:
        check_key(key)
        term = msgspec.convert({name: value for name, value in item.items() if name in _FIELDS and value is not None}, GlossaryTerm)
        check_term(key, term)
        found[key] = term
    except msgspec.ValidationError as error:
        mistakes.append(document.mistake(path, str(error).replace(" - at `$.", " at `")))
    except InvalidRequest as error:
        mistakes.append(document.mistake(path, str(error)))


def _changed(before: GlossaryTerm | None, after: GlossaryTerm) -> list[str]:
    return [] if before is None else [field for field in _FIELDS if getattr(before, field) != getattr(after, field)]
