"""From what fits to what is shown: where the words are, and what a thing is. Pure but for the rows that it is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factbook.dictionary.finding import TableTexts
from factbook.finding.candidates import Candidate
from factbook.finding.documents import Declared, Spoken, Text
from factbook.finding.model import Hit, Match
from factbook.repository.rows import moment
from factbook.words import Question, compact, marks, words_of_name

MAX_COLUMNS = 5
MAX_TEXTS = 3
_BEFORE = 40
_SNIPPET = 180
_MAX_TEXT = 20_000
_SUMMARIES = ("description", "definition", "comment")


def show_table(item: Candidate, question: Question, written: TableTexts, said: Spoken | None) -> Hit:
    """Return a table with the columns and texts that match."""
    texts: list[Text] = [("comment", None, written.comment)] if written.comment else []
    texts += [("comment", column.name, column.comment) for column in written.columns if column.comment]
    texts += said.texts if said is not None else []
    is_named = item.found_in == "name"
    matches = [] if is_named else _columns([column.name for column in written.columns], question, item.table)
    shown = _texts([text for text in texts if text[1] is None] if is_named else texts, question)
    if item.found_in == "text" and not shown:
        shown = _texts([("source", None, item.source_id), ("schema", None, item.schema)], question)
    about = {match.column for match in (*matches, *shown) if match.column is not None}
    return Hit(
        thing=item.kind,
        name=item.table,
        source_id=item.source_id,
        schema=item.schema,
        table=item.table,
        found_in=item.found_in,
        summary=_summary(texts),
        name_marks=marks(item.table, question, is_name=True),
        matches=[*matches[:MAX_COLUMNS], *shown[:MAX_TEXTS]],
        columns_found=len(about),
        removed_at=None if item.removed_at is None else moment(item.removed_at),
    )


def show_thing(item: Candidate, question: Question, thing: Declared, said: Spoken | None) -> Hit:
    """Return a product, contract, term, domain, schema or source with what matches of it."""
    texts = [*thing.texts, *(said.texts if said is not None else [])]
    parts = [] if item.found_in == "name" else _columns(thing.parts, question, item.name)
    return Hit(
        thing=item.kind,
        name=thing.name,
        title=thing.title if thing.title != thing.name else None,
        source_id=item.source_id,
        schema=item.schema or None,
        table=item.table or None,
        found_in=item.found_in,
        status=thing.status,
        summary=_summary(texts),
        name_marks=marks(thing.name, question, is_name=True),
        title_marks=marks(thing.title, question, is_name=True) if thing.title else [],
        matches=[*parts[:MAX_COLUMNS], *_texts(texts, question)[:MAX_TEXTS]],
        columns_found=len(parts),
    )


def _columns(names: Sequence[str], question: Question, table: str) -> list[Match]:
    """Return the names that match, those before that hold most of what the table's own name does not."""
    own = {term for term in question.terms if _begins_word(term, table)}
    ranked: list[tuple[bool, int, int, str]] = []
    for position, name in enumerate(names):
        begins = compact(name).startswith(question.compact)
        held = {term for term in question.terms if _begins_word(term, name)}
        if begins or held:
            ranked.append((not begins, -len(held - own), position, name))
    best = sorted(ranked)
    if best and best[0][1] < 0:
        best = [row for row in best if row[1] < 0 or not row[0]]
    return [Match("column", name, marks(name, question, is_name=True), name) for *_, name in best]


def _begins_word(term: str, name: str) -> bool:
    return any(word.startswith(term) for word in words_of_name(name))


def _texts(texts: Iterable[Text], question: Question) -> list[Match]:
    """Return the texts that match, cut around the first mark; those that hold more of the question come first."""
    found: list[tuple[int, int, Match]] = []
    for place, (field, column, text) in enumerate(texts):
        whole = text[:_MAX_TEXT]
        there = marks(whole, question)
        if there:
            held = len({whole[start:end].casefold() for start, end in there})
            found.append((-held, place, _snippet(field, column, whole, there)))
    return [match for *_, match in sorted(found, key=lambda row: row[:2])]


def _snippet(field: str, column: str | None, text: str, there: list[tuple[int, int]]) -> Match:
    start = 0 if len(text) <= _SNIPPET else max(0, there[0][0] - _BEFORE)
    if start:
        # A word is not begun in its middle, unless it is longer than what stands before the mark.
        start = max(text.find(" ", start, there[0][0]) + 1, start)
    end = min(len(text), start + _SNIPPET)
    lead, tail = "… " if start else "", " …" if end < len(text) else ""
    shown = [(max(0, first - start) + len(lead), min(last, end) - start + len(lead)) for first, last in there if start <= first < end]
    return Match(field, f"{lead}{text[start:end]}{tail}", shown, column)


def _summary(texts: Sequence[Text]) -> str | None:
    """Return how a thing is described: what people say comes before the comment of the source."""
    for field in _SUMMARIES:
        for named, column, text in texts:
            if named == field and column is None:
                return text if len(text) <= _SNIPPET else f"{text[:_SNIPPET]} …"
    return None
