"""Words that things are found by: how names and texts are cut and folded, alike for what is kept and for what is asked. Pure.

A word is a run of letters and digits without accents and case (``Müller`` is ``muller``). A name also has the parts of camelCase and
itself without anything between its words: ``customer_id`` has ``customer``, ``id`` and ``customerid``. Scripts that put nothing between
words give every ending of a run, so that the beginning of an ending is any part of it.

What is kept of a thing are its words, each led by the letter of the :class:`Field` it stands in. A question asks for the beginnings of such
words, field by field: that is what makes a rank (:func:`tiers`) of an index that knows only words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import chain

import msgspec

MAX_TERMS = 16
"""Words of a question that count."""
MAX_QUESTION = 400
_MAX_TEXT = 20_000
_MAX_WORD = 64
_MAX_WORDS_BYTES = 800_000
"""PostgreSQL takes a megabyte of words a row."""
_PIECE = 8

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


class Field(StrEnum):
    """Where a word stands: in a name as a whole or in part, the names of what a thing is made of, what is written about it where it is
    declared, where it lies, what people and agents say of it, and what of it is gone."""

    WHOLE = "n"
    NAME = "a"
    PART = "b"
    TEXT = "c"
    PLACE = "s"
    SAID = "d"
    GONE = "r"


class Question(msgspec.Struct, frozen=True):
    """What is looked for: words, all of which must begin a word of what is found, and all of them as one (``compact``)."""

    terms: tuple[str, ...]
    compact: str


Token = tuple[str, bool]
"""A word with the letter of its field, and whether it may go on."""
Condition = tuple[tuple[Token, ...], ...]
"""Of each group at least one must be there."""


def parse_question(text: str) -> Question | None:
    """Return what a text asks for, or ``None`` where it holds no word."""
    found = list(dict.fromkeys(chain.from_iterable(_asked(word) for word in _WORD.findall(_plain(text[:MAX_QUESTION])))))
    return Question(tuple(found[:MAX_TERMS]), compact(text[:MAX_QUESTION])) if found else None


def _asked(word: str) -> Iterator[str]:
    folded = word.casefold()
    if _UNSPACED.search(folded):
        yield from (folded[start : start + _PIECE] for start in range(0, len(folded), _PIECE))
    else:
        yield folded[:_MAX_WORD]


def _plain(text: str) -> str:
    """Return a text without accents and other marks, with its case."""
    return text if text.isascii() else "".join(map(_plain_character, text))


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))


def compact(name: str) -> str:
    """Return a name without anything between its words, folded."""
    return "".join(_WORD.findall(_plain(name))).casefold()[:_MAX_WORD]


@lru_cache(maxsize=16384)
def words_of_text(text: str) -> frozenset[str]:
    """Return the words of a text, with the parts of those in camelCase."""
    found = _WORD.findall(_plain(text[:_MAX_TEXT]))
    parts = (part for word in found for part in _CAMEL.findall(word))
    return frozenset(chain.from_iterable(_endings(word.casefold()) for word in chain(found, parts)))


@lru_cache(maxsize=16384)
def words_of_name(name: str) -> frozenset[str]:
    """Return the words of a name, itself without anything between them among them."""
    whole = compact(name)
    return words_of_text(name) | {whole} if whole else frozenset()


def _endings(word: str) -> Iterator[str]:
    yield word[:_MAX_WORD]
    for found in _UNSPACED.finditer(word):
        yield word[found.start() : found.start() + _PIECE]


def holds_all(terms: Iterable[str], found: set[str]) -> bool:
    """Return whether each term begins some word."""
    return all(any(word.startswith(term) for word in found) for term in terms)


def tokens(field: Field, found: Iterable[str]) -> list[str]:
    """Return words with the letter of their field."""
    letter = field.value
    return [letter + word for word in found]


@lru_cache(maxsize=16384)
def part_tokens(name: str) -> tuple[str, ...]:
    """Return the words of the name of a part. Tables of one database share most of their columns' names."""
    return tuple(tokens(Field.PART, words_of_name(name)))


@lru_cache(maxsize=16384)
def text_tokens(text: str) -> tuple[str, ...]:
    """Return the words of what is written about a thing where it is declared."""
    return tuple(tokens(Field.TEXT, words_of_text(text)))


@lru_cache(maxsize=1024)
def place_tokens(source_id: str, schema: str) -> tuple[str, ...]:
    """Return the words of where a thing lies."""
    return tuple(tokens(Field.PLACE, words_of_name(source_id) | words_of_name(schema)))


@lru_cache(maxsize=1024)
def name_tokens(name: str) -> tuple[str, ...]:
    """Return the words of a thing's own name, and all of it as one."""
    return (Field.WHOLE.value + compact(name), *tokens(Field.NAME, words_of_name(name)))


def fitting(found: Iterable[str]) -> list[str]:
    """Return each of these words once, as many as one thing may have; the first ones stay."""
    unique = list(dict.fromkeys(found))
    if len(unique) * 4 * (_MAX_WORD + 1) <= _MAX_WORDS_BYTES:
        return unique
    kept, size = [], 0
    for word in unique:
        size += len(word.encode())
        if size > _MAX_WORDS_BYTES:
            break
        kept.append(word)
    return kept


TIERS = 6
"""The ranks of :func:`tiers`; a thing has the first one that it fits."""
NAMED, IN_PARTS, IN_TEXTS = range(3), range(3, 5), range(5, 6)
"""The tiers of what is found by its own name, by the names of its parts, by what is written or said of it."""


def tiers(question: Question, fields: Iterable[Field]) -> list[Condition]:
    """Return what a thing must hold for each rank, the best first; ``fields`` are those in which words may stand beside names.

    0. its name is what is asked for, whatever stands between the words
    1. its name begins so
    2. every word begins a word of its name; some may name its place
    3. the name of a part begins so
    4. every word begins a word of its name or of a part's name; some may name its place
    5. every word occurs somewhere
    """
    whole, terms, texts = question.compact, question.terms, tuple(fields)
    names, parts = (Field.NAME,), (Field.NAME, Field.PART)
    return [
        (((Field.WHOLE.value + whole, False),),),
        (((Field.WHOLE.value + whole, True),),),
        _among(terms, names),
        (((Field.PART.value + whole, True),),),
        _among(terms, parts),
        tuple(_begins(term, (*parts, Field.PLACE, *texts)) for term in terms),
    ]


def _among(terms: tuple[str, ...], fields: tuple[Field, ...]) -> Condition:
    """Return that all words stand in these fields or name the place, and that not all of them only name the place."""
    if len(terms) == 1:
        return (_begins(terms[0], fields),)
    some = tuple(chain.from_iterable(_begins(term, fields) for term in terms))
    return (some, *(_begins(term, (*fields, Field.PLACE)) for term in terms))


def _begins(term: str, fields: tuple[Field, ...]) -> tuple[Token, ...]:
    return tuple((field.value + term, True) for field in fields)


def marks(text: str, question: Question, *, is_name: bool = False) -> list[tuple[int, int]]:
    """Return the places of a text, in characters, that are why it is found: in order, none within another."""
    plain, origin = _with_origin(text)
    found: list[tuple[int, int]] = []
    if is_name and compact(text).startswith(question.compact):
        found.append((0, _end_of(plain, len(question.compact))))
    for run in _WORD.finditer(plain):
        starts = {run.start(), *(part.start() for part in _CAMEL.finditer(plain, run.start(), run.end()))}
        starts |= {part.start() for part in _UNSPACED.finditer(plain, run.start(), run.end())}
        for start in starts:
            rest = plain[start : run.end()].casefold()
            found += [(start, min(start + len(term), run.end())) for term in question.terms if rest.startswith(term)]
    return _joined([(origin[start], origin[end - 1] + 1) for start, end in found if end > start])


def _with_origin(text: str) -> tuple[str, list[int]]:
    """Return the text without accents, each character as long folded as it is, and where each of its characters comes from."""
    plain: list[str] = []
    origin: list[int] = []
    for place, character in enumerate(text):
        part = character if character.isascii() else _plain_character(character)
        if len(part.casefold()) != len(part):
            part = part.casefold()
        plain.append(part)
        origin += [place] * len(part)
    return "".join(plain), origin


def _end_of(plain: str, count: int) -> int:
    """Return where the first so many letters and digits end."""
    for run in _WORD.finditer(plain):
        if count <= run.end() - run.start():
            return run.start() + count
        count -= run.end() - run.start()
    return len(plain)


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
