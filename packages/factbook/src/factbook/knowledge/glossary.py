"""The glossary of one tenant: terms by key, with what stands in relation to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from factbook.errors import AlreadyThere, InvalidRequest, NotFound
from factbook.knowledge.authors import author_type
from factbook.knowledge.model import NOTHING, FoundNote
from factbook.knowledge.searching import NoteFilter, NoteSearch
from factbook.knowledge.terms import Branch, Terms, check_key, check_term
from factbook.knowledge.under_lock import Editing, check_expected, editing, version_of
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.kinds.glossary_term import GLOSSARY, GlossaryTerm, TermStatus, term_target
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MAX_LIMIT, StoredRecord, Targets, Within, check_limit

KIND = "glossary_term"
PRODUCER_ID = "glossary"
_ALL = Within(GLOSSARY)
_TICK = timedelta(microseconds=1)
MAX_TERMS = 20_000
"""Terms of a tenant: what is in relation to what is judged by reading all of them."""
_USES = 20


class TermFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What terms to show. ``text`` occurs in the key, name, definition or a synonym; the others are whole values."""

    text: str | None = None
    status: TermStatus | None = None
    domain: str | None = None
    owner: str | None = None

    def fits(self, key: str, term: GlossaryTerm) -> bool:
        words = (key, term.name, term.definition or "", *term.synonyms)
        return (
            (self.text is None or any(self.text.casefold() in word.casefold() for word in words))
            and self.status in (None, term.status)
            and self.domain in (None, term.domain)
            and (self.owner is None or self.owner in term.owners)
        )


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A term with its version, who edited it last and when, and the terms its relations name that are not there."""

    key: str
    term: GlossaryTerm
    version: str
    author: str | None
    changed_at: datetime
    dangling: list[str] = []


class TermView(Term, frozen=True, kw_only=True):
    """A term with what leads to it and from it: ``broader`` up to the top, nearest first, and statements that use it, some of them."""

    broader: list[str] = []
    narrower: list[str] = []
    named_by: list[str] = []
    uses: list[FoundNote] = []
    more_uses: bool = False


class TermPage(msgspec.Struct, frozen=True):
    """Terms by key."""

    items: list[Term]
    next_cursor: str | None
    as_of: datetime | None = None


class TermTree(msgspec.Struct, frozen=True):
    """Terms under the terms that are broader, each with its depth, in the order in which a tree is printed."""

    items: list[Branch]
    truncated: bool
    as_of: datetime | None = None


class TermEdition(msgspec.Struct, frozen=True, kw_only=True):
    """What a term was from a moment on, ``None`` where it was taken away; ``changed`` names the fields that were another before."""

    author: str | None
    at: datetime
    term: GlossaryTerm | None
    before: GlossaryTerm | None
    changed: list[str]


class TermHistory(msgspec.Struct, frozen=True):
    """Editions, newest first."""

    items: list[TermEdition]
    truncated: bool


class ChangedTerm(GlossaryTerm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A term as it shall be."""

    def term(self) -> GlossaryTerm:
        return GlossaryTerm(**{field: getattr(self, field) for field in GlossaryTerm.__struct_fields__})


class NewTerm(ChangedTerm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A term to make, with its key."""

    key: Annotated[str, Meta(min_length=1, max_length=200)]


class Glossary:
    """The terms of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def page(
        self,
        wanted: TermFilter = TermFilter(),  # noqa: B008 - frozen
        *,
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> TermPage:
        """Return terms by key; the cursor is the last key of the page before."""
        check_limit(limit)
        shown = None if as_of is None else as_utc(as_of, "as_of")
        found = self._in_force(shown)
        terms = Terms({key: said for key, (_, said) in found.items()})
        rest = [key for key in sorted(found) if (cursor is None or key > cursor) and wanted.fits(key, found[key][1])]
        items = [_term(key, *found[key], terms) for key in rest[:limit]]
        return TermPage(items, items[-1].key if len(rest) > limit else None, shown)

    def get(self, key: str, *, as_of: datetime | None = None) -> TermView:
        """Return one term with its surroundings; raises :class:`NotFound`."""
        shown = None if as_of is None else as_utc(as_of, "as_of")
        found = self._in_force(shown)
        if key not in found:
            raise _unknown(key)
        terms = Terms({name: said for name, (_, said) in found.items()})
        uses = NoteSearch(self._repository, tenant=self._tenant).page(NoteFilter(term=key), limit=_USES, as_of=shown)
        return TermView(
            **msgspec.structs.asdict(_term(key, *found[key], terms)),
            broader=terms.ancestors(key),
            narrower=terms.narrower(key),
            named_by=terms.named_by(key),
            uses=uses.items,
            more_uses=uses.next_cursor is not None,
        )

    def history(self, key: str, *, limit: int = 20, as_of: datetime | None = None) -> TermHistory:
        """Return what a term was, edition by edition, newest first, each with what it changed."""
        check_limit(limit)
        until = None if as_of is None else as_utc(as_of, "as_of") + _TICK
        found = self._repository.query(
            KIND, targets=[term_target(key)], tenant=self._tenant, until=until, order="desc", limit=min(limit + 1, MAX_LIMIT)
        )
        records = found.records
        befores = [*records[1:], None] if found.next_cursor is None else records[1:]
        items = [_edition(item, before) for item, before in zip(records, befores, strict=False)][:limit]
        return TermHistory(items, len(items) < len(records) or found.next_cursor is not None)

    def names(self, keys: Iterable[str], *, as_of: datetime | None = None) -> dict[str, str]:
        """Return the names of those of these terms that are there, by key."""
        wanted = [term_target(key) for key in dict.fromkeys(keys)]
        found = self._in_force(as_of, wanted) if wanted else {}
        return {key: said.name for key, (_, said) in found.items()}

    def find(self, word: str) -> str | None:
        """Return the key of a term by its key, else by its name or a synonym however it is capitalised; ``None`` where there is none."""
        found = self._in_force(None)
        if word in found:
            return word
        same = word.casefold()
        named = [key for key, (_, said) in sorted(found.items()) if said.name.casefold() == same]
        meaning = [key for key, (_, said) in sorted(found.items()) if same in (synonym.casefold() for synonym in said.synonyms)]
        return next(iter([*named, *meaning]), None)

    def domains(self, *, as_of: datetime | None = None) -> dict[str, int]:
        """Return the domains of terms with how many terms each has, by name."""
        counts = Counter(said.domain for _, said in self._in_force(as_of).values() if said.domain is not None)
        return dict(sorted(counts.items()))

    def all_terms(self) -> dict[str, GlossaryTerm]:
        """Return every term by key."""
        return {key: said for key, (_, said) in sorted(self._in_force(None).items())}

    def tree(self, root: str | None = None, *, limit: int = 1000, as_of: datetime | None = None) -> TermTree:
        """Return the terms under one, or under all that none is broader than."""
        check_limit(limit)
        shown = None if as_of is None else as_utc(as_of, "as_of")
        terms = Terms({key: said for key, (_, said) in self._in_force(shown).items()})
        if root is not None and root not in terms.by_key:
            raise _unknown(root)
        items = terms.tree(root, limit + 1)
        return TermTree(items[:limit], len(items) > limit, shown)

    def add(self, key: str, term: GlossaryTerm, *, author: str) -> Term:
        """Make a term; raises :class:`AlreadyThere` if it is there already."""
        return self._put(key, term, author, NOTHING, is_new=True)

    def put(self, key: str, term: GlossaryTerm, *, author: str, expected: str | None = None) -> Term:
        """Make a term or change it; raises :class:`PreconditionFailed`, and :class:`InvalidRequest` for circles of broader terms."""
        return self._put(key, term, author, expected, is_new=False)

    def remove(self, key: str, *, author: str, expected: str | None = None) -> None:
        """Take a term away. What names it stays and is shown as dangling."""
        author_type(author)
        with editing(self._repository, self._tenant) as edit:
            before = edit.current(term_target(key), KIND, PRODUCER_ID)
            if before is None or before.record.payload is None:
                raise _unknown(key)
            check_expected(expected, before, f"The term {key}")
            edit.put(term_target(key), KIND, None, PRODUCER_ID, before, extras={"author": author})

    def put_all(self, wanted: Mapping[str, GlossaryTerm], *, author: str, remove_others: bool) -> None:
        """Bring many terms at once, all or none; with ``remove_others`` those that are not among them go."""
        author_type(author)
        with editing(self._repository, self._tenant) as edit:
            before = edit.all_current(Within(GLOSSARY), KIND, PRODUCER_ID)
            known = {target.table: item for target, item in before.items() if target.table is not None}
            after = {} if remove_others else _terms(known)
            after |= wanted
            self.check_all(after)
            for key, term in sorted(wanted.items()):
                check_key(key)
                check_term(key, term)
                self._store(edit, key, term, author, known.get(key))
            for key in sorted(_terms(known).keys() - after.keys()):
                edit.put(term_target(key), KIND, None, PRODUCER_ID, known[key], extras={"author": author})

    def _put(self, key: str, term: GlossaryTerm, author: str, expected: str | None, *, is_new: bool) -> Term:
        author_type(author)
        check_key(key)
        check_term(key, term)
        with editing(self._repository, self._tenant) as edit:
            found = edit.all_current(Within(GLOSSARY), KIND, PRODUCER_ID)
            before = found.get(term_target(key))
            if is_new and version_of(before) != NOTHING:
                raise AlreadyThere(f"The term {key} is there already", fix=f"Change it with PUT /glossary/{key}", field="key")
            check_expected(expected, before, f"The term {key}")
            after = {**_terms({target.table or "": item for target, item in found.items()}), key: term}
            self.check_all(after)
            self._store(edit, key, term, author, before)
        found_now = self._repository.latest(term_target(key), KIND, tenant=self._tenant)
        if found_now is None or found_now.record.payload is None:
            raise _unknown(key)
        return _term(key, found_now, msgspec.convert(found_now.record.payload, GlossaryTerm), Terms(after))

    @staticmethod
    def _store(edit: Editing, key: str, term: GlossaryTerm, author: str, before: StoredRecord | None) -> None:
        payload = msgspec.to_builtins(term)
        if before is None or before.record.payload != payload:
            edit.put(term_target(key), KIND, payload, PRODUCER_ID, before, extras={"author": author})

    @staticmethod
    def check_all(after: Mapping[str, GlossaryTerm]) -> None:
        """Refuse a glossary that is too large, or in which terms stand in a circle; raises :class:`InvalidRequest`."""
        if len(after) > MAX_TERMS:
            raise InvalidRequest(f"{len(after):,} terms are too many", why=f"a glossary holds {MAX_TERMS:,}", field="key")
        circle = Terms(after).circle()
        if circle:
            raise InvalidRequest(
                "The terms would stand in a circle",
                why=f"each of these is broader than the one before: {' → '.join(circle)}",
                fix="Leave one of these relations out",
                field="relations",
            )

    def _in_force(self, as_of: datetime | None, targets: Targets = _ALL) -> dict[str, tuple[StoredRecord, GlossaryTerm]]:
        found = self._repository.latest_many(targets, KIND, producer_id=PRODUCER_ID, tenant=self._tenant, as_of=as_of)
        return {
            target.table: (item, msgspec.convert(item.record.payload, GlossaryTerm))
            for target, item in found.items()
            if item.record.payload is not None and target.table is not None
        }


def _terms(found: Mapping[str, StoredRecord]) -> dict[str, GlossaryTerm]:
    return {key: msgspec.convert(item.record.payload, GlossaryTerm) for key, item in found.items() if item.record.payload is not None}


def _term(key: str, item: StoredRecord, said: GlossaryTerm, terms: Terms) -> Term:
    author = item.record.extras.get("author")
    return Term(
        key=key,
        term=said,
        version=item.id,
        author=author if isinstance(author, str) else None,
        changed_at=item.record.produced_at,
        dangling=terms.dangling(said),
    )


def _edition(item: StoredRecord, before: StoredRecord | None) -> TermEdition:
    after, earlier = (
        msgspec.convert(found.record.payload, GlossaryTerm) if found is not None and found.record.payload is not None else None
        for found in (item, before)
    )
    fields = GlossaryTerm.__struct_fields__ if after and earlier else ()
    author = item.record.extras.get("author")
    return TermEdition(
        author=author if isinstance(author, str) else None,
        at=item.record.produced_at,
        term=after,
        before=earlier,
        changed=[field for field in fields if getattr(after, field) != getattr(earlier, field)],
    )


def _unknown(key: str) -> NotFound:
    return NotFound(f"There is no term {key!r}", fix="factbook glossary list shows those there are", field="key")
