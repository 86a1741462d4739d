"""``/ui/term/KEY/edit`` and ``/ui/new-term``: say what a word means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import GlossaryKeeper, asking, author_meant
from factbook.api.bodies import json_body
from factbook.errors import AlreadyThere, InvalidRequest, PreconditionFailed
from factbook.knowledge.glossary import Term
from factbook.rooms import Rooms
from factbook.web.note_form import lines_in
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages, Part, lead_to
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm, Relation, RelationType, TermStatus

router = Pages()

MAX_DEFINITION = 10_000
MAX_NAME = 200
RELATIONS: dict[RelationType, str] = {
    "broader": "Broader terms",
    "narrower": "Narrower terms",
    "related": "Related terms",
    "synonym_of": "Another word for",
    "replaced_by": "To be replaced by",
}
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*")


class TermForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends: several values stand a line each, terms by key or name. ``expected`` is the version that was shown."""

    key: str = ""
    expected: str = ""
    name: str = ""
    definition: str = ""
    status: TermStatus = "draft"
    domain: str = ""
    synonyms: str = ""
    owners: str = ""
    broader: str = ""
    narrower: str = ""
    related: str = ""
    synonym_of: str = ""
    replaced_by: str = ""


class TermEditing(msgspec.Struct, frozen=True):
    """The form as it was opened or filled in; ``key`` of a new term is none. ``now`` is the term where others changed it meanwhile."""

    key: str | None
    form: TermForm
    errors: dict[str, str]
    now: Term | None
    domains: list[str]
    relations: dict[RelationType, str]


@router.page("/new-term")
def new_term(request: Request, rooms: GlossaryKeeper) -> Response:
    """Show an empty form."""
    return _form(request, rooms, None, TermForm())


@router.action("/new-term")
def create(request: Request, rooms: GlossaryKeeper, sent: Annotated[TermForm, json_body(TermForm)]) -> Response:
    """Make a term; without a key it is made of the name."""
    key = sent.key.strip() or "-".join(re.findall(r"[a-z0-9]+", sent.name.casefold()))[:MAX_NAME]
    asking(request).subject = key or None
    made, errors = _read(sent, rooms.glossary.all_terms())
    if not errors:
        try:
            rooms.glossary.add(key, made, author=author_meant(request, rooms, None))
            return lead_to("term", key, done="saved")
        except AlreadyThere as error:
            return _form(request, rooms, None, sent, {"key": error.what}, status=409)
        except InvalidRequest as error:
            errors = _beside(error)
    return _form(request, rooms, None, sent, errors, status=422)


@router.page("/term/{key}/edit")
def edit(request: Request, rooms: GlossaryKeeper, key: Part, as_of: AsOf = None) -> Response:
    """Show the form with the term as it is."""
    if as_of is not None:
        raise InvalidRequest("The past is not edited", why="what a term was then stays told", fix="Go back to now", field="as_of")
    found = rooms.glossary.get(key)
    return _form(request, rooms, key, _opened(found.term, found.version))


@router.action("/term/{key}/edit")
def save(request: Request, rooms: GlossaryKeeper, key: Part, sent: Annotated[TermForm, json_body(TermForm)]) -> Response:
    """Change a term; what others changed meanwhile is shown beside what was typed."""
    asking(request).subject = key
    found = rooms.glossary.get(key)
    changed, errors = _read(sent, rooms.glossary.all_terms())
    if not errors:
        try:
            rooms.glossary.put(key, changed, author=author_meant(request, rooms, None), expected=sent.expected)
            return lead_to("term", key, done="saved")
        except PreconditionFailed:
            return _form(request, rooms, key, msgspec.structs.replace(sent, expected=found.version), now=found, status=409)
        except InvalidRequest as error:
            errors = _beside(error)
    return _form(request, rooms, key, sent, errors, status=422)


def _form(
    request: Request,
    rooms: Rooms,
    key: str | None,
    form: TermForm,
    errors: Mapping[str, str] | None = None,
    *,
    now: Term | None = None,
    status: int = 200,
) -> Response:
    crumbs = [Crumb("Glossary", path("glossary")), *([Crumb(key, path("term", key))] if key else [])]
    known = rooms.glossary.domains()
    content = TermEditing(key, form, dict(errors or {}), now, list(known), RELATIONS)
    return page(request, "edit_term.html", Page(f"Edit {key}" if key else "New term", crumbs), content, status=status)


def _opened(term: GlossaryTerm, version: str) -> TermForm:
    related = {name: "\n".join(relation.term for relation in term.relations if relation.type == name) for name in RELATIONS}
    return TermForm(
        expected=version,
        name=term.name,
        definition=term.definition or "",
        status=term.status,
        domain=term.domain or "",
        synonyms="\n".join(term.synonyms),
        owners="\n".join(term.owners),
        **related,
    )


def _read(sent: TermForm, known: Mapping[str, GlossaryTerm]) -> tuple[GlossaryTerm, dict[str, str]]:
    """Return the term that a form says, and what is wrong with which field. A key that no term has yet may be named."""
    errors: dict[str, str] = {}
    by_name = {said.name.casefold(): key for key, said in known.items()}
    relations = []
    for name in RELATIONS:
        for word in lines_in(getattr(sent, name)):
            key = word if word in known else by_name.get(word.casefold(), word)
            if key not in known and not _KEY.fullmatch(key):
                errors[name] = f"The glossary has no term {word[:100]!r}"
            relations.append(Relation(name, key))
    definition = sent.definition.replace("\r\n", "\n").strip()
    if len(definition) > MAX_DEFINITION:
        errors["definition"] = f"{len(definition):,} characters are too many: at most {MAX_DEFINITION:,} are taken"
    texts = {
        "name": [sent.name.strip()],
        "domain": [sent.domain.strip()],
        "synonyms": lines_in(sent.synonyms),
        "owners": lines_in(sent.owners),
    }
    for field, values in texts.items():
        if any(len(value) > MAX_NAME for value in values):
            errors[field] = f"At most {MAX_NAME} characters are taken"
    if not sent.name.strip():
        errors["name"] = "A term needs a name"
    term = GlossaryTerm(
        name=sent.name.strip(),
        definition=definition or None,
        status=sent.status,
        domain=sent.domain.strip() or None,
        synonyms=texts["synonyms"],
        owners=texts["owners"],
        relations=list(dict.fromkeys(relations)),
    )
    return term, errors


def _beside(error: InvalidRequest) -> dict[str, str]:
    """Return an error beside the field it is about."""
    field = {"relations": "broader", None: "name"}.get(error.field, error.field or "name")
    return {field: f"{error.what}: {error.why}" if error.why else error.what}
