"""The glossary as people read it, and how options become a term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from factbook.cli.documents import show_json
from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import count, note, say
from factbook.errors import InvalidRequest, NotFound
from factbook.knowledge import TermFilter, TermPage, TermTree, TermView
from factbook.knowledge.model import NOTHING
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.knowledge.glossary import Term
    from factbook.knowledge.term_files import TermImport


def filter_of(text: str | None, status: str | None, domain: str | None, owner: str | None) -> TermFilter:
    """Return what terms are asked for; raises :class:`InvalidRequest`."""
    found: TermFilter = _made({"text": text, "status": status, "domain": domain, "owner": owner}, TermFilter)
    return found


def before(factbook: Factbook, key: str) -> tuple[GlossaryTerm | None, str]:
    """Return the term as it is, with its version."""
    try:
        found = factbook.glossary.get(key)
    except NotFound:
        return None, NOTHING
    return found.term, found.version


def changed(
    key: str,
    term: GlossaryTerm | None,
    name: str | None,
    definition: str | None,
    status: str | None,
    domain: str | None,
    synonyms: Sequence[str] | None,
    owners: Sequence[str] | None,
    relations: Sequence[str] | None,
) -> GlossaryTerm:
    """Return a term with what options name; raises :class:`InvalidRequest` for a new one without a name."""
    if term is None and name is None:
        raise InvalidRequest(f"There is no term {key!r} yet", why="a new one needs a name", fix="Add --name", field="name")
    pairs = [relation.partition(":") for relation in relations] if relations is not None else None
    given: dict[str, Any] = {
        "name": name,
        "definition": definition,
        "status": status,
        "domain": domain,
        "synonyms": synonyms,
        "owners": owners,
        "relations": None if pairs is None else [{"type": kind, "term": other} for kind, _, other in pairs],
    }
    known = {} if term is None else msgspec.to_builtins(term)
    wanted: GlossaryTerm = _made(known | {field: value for field, value in given.items() if value is not None}, GlossaryTerm)
    return wanted


def show_page(page: TermPage, *, as_json: bool) -> None:
    """Print terms as a table."""
    if as_json:
        show_json(page)
        return
    if not page.items:
        note("No terms.")
        return
    rows = [
        (item.key, item.term.name, item.term.status, item.term.domain, item.term.definition, ", ".join(item.dangling))
        for item in page.items
    ]
    show_table(("key", "name", "status", "domain", "definition", "leads nowhere"), rows, whole=("key", "status"))
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_tree(tree: TermTree, *, as_json: bool) -> None:
    """Print terms, each under those that are broader."""
    if as_json:
        show_json(tree)
        return
    for item in tree.items:
        say(f"{'  ' * item.depth}{item.name} ({item.key}){' …' if item.repeated else ''}")
    if tree.truncated:
        note("There is more: raise --limit", style="dim")


def show_term(found: TermView, *, as_json: bool) -> None:
    """Print everything about a term."""
    if as_json:
        show_json(found)
        return
    term = found.term
    relations: dict[str, list[str]] = {}
    for relation in term.relations:
        relations.setdefault(relation.type, []).append(relation.term)
    show_facts(
        (
            ("key", found.key),
            ("name", term.name),
            ("status", term.status),
            ("domain", term.domain),
            ("synonyms", ", ".join(term.synonyms)),
            ("owners", ", ".join(term.owners)),
            ("broader, up to the top", " → ".join(found.broader)),
            ("narrower", ", ".join(found.narrower)),
            *((kind, ", ".join(keys)) for kind, keys in relations.items() if kind not in ("broader", "narrower")),
            ("named by", ", ".join(found.named_by)),
            ("leads nowhere", ", ".join(found.dangling)),
            ("used by", ", ".join(use.place for use in found.uses) + (" …" if found.more_uses else "")),
            ("changed", found.changed_at),
            ("by", found.author),
            ("version", found.version),
        )
    )
    if term.definition:
        say(term.definition)


def show_changed(done: Term, *, as_json: bool) -> None:
    """Say what a term is now."""
    if as_json:
        show_json(done)
        return
    say(f"{done.key}: {done.term.name}, {done.term.status}")
    if done.dangling:
        note(f"These terms are not there: {', '.join(done.dangling)}", style="yellow")


def show_import(report: TermImport, *, as_json: bool) -> None:
    """Print what an import changed, or would change."""
    if as_json:
        show_json(report)
        return
    if report.changes:
        show_table(("action", "key", "fields"), [(item.action, item.key, ", ".join(item.fields)) for item in report.changes])
    say(f"{count(len(report.changes), 'term')} {'would change' if report.dry_run else 'changed'}")


def _made(fields: dict[str, Any], struct: Any) -> Any:
    try:
        return msgspec.convert({name: value for name, value in fields.items() if value is not None}, struct)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise InvalidRequest("An option is wrong", why=message, field=path.rstrip("`") or None) from error
