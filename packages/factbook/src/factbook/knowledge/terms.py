"""How terms stand to each other: who is broader, who names whom, where a circle is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec

from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_TAKEN = frozenset({"tree"})
"""Words that the API has under ``/glossary``."""
MAX_DEPTH = 100


class Branch(msgspec.Struct, frozen=True):
    """A term in the tree; ``repeated``: it stands under several, and its branches are shown where it stood first."""

    key: str
    name: str
    depth: int
    repeated: bool = False


class Terms:
    """Terms by key. Narrower is broader read from the other side."""

    def __init__(self, by_key: Mapping[str, GlossaryTerm]) -> None:
        self.by_key = by_key

    @cached_property
    def broader(self) -> dict[str, list[str]]:
        """Return, of each term, the terms that are broader, by key; only such as are there."""
        found: dict[str, set[str]] = {key: set() for key in self.by_key}
        for key, term in self.by_key.items():
            for relation in term.relations:
                if relation.term in found and relation.type == "broader":
                    found[key].add(relation.term)
                elif relation.term in found and relation.type == "narrower":
                    found[relation.term].add(key)
        return {key: sorted(above) for key, above in found.items()}

    @cached_property
    def _narrower(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {key: [] for key in self.by_key}
        for key in sorted(self.broader):
            for above in self.broader[key]:
                found[above].append(key)
        return found

    def narrower(self, key: str) -> list[str]:
        """Return the terms directly under one."""
        return self._narrower[key]

    def ancestors(self, key: str) -> list[str]:
        """Return every term above one, the nearest first."""
        found: dict[str, None] = {}
        level = self.broader[key]
        while level:
            found |= dict.fromkeys(level)
            level = list(dict.fromkeys(above for below in level for above in self.broader[below] if above not in found and above != key))
        return list(found)

    def named_by(self, key: str) -> list[str]:
        """Return the terms whose relations name one."""
        return sorted(other for other, term in self.by_key.items() if any(relation.term == key for relation in term.relations))

    def dangling(self, term: GlossaryTerm) -> list[str]:
        """Return the keys that a term's relations name and that are not there."""
        return sorted({relation.term for relation in term.relations} - self.by_key.keys())

    def circle(self) -> list[str]:
        """Return a circle of broader terms, its first term at both ends; empty where there is none."""
        done: set[str] = set()
        for start in sorted(self.by_key):
            path: dict[str, Iterator[str]] = {}
            following: str | None = start
            while following is not None:
                if following in path:
                    keys = list(path)
                    return [*keys[keys.index(following) :], following]
                if following not in done:
                    path[following] = iter(self.broader[following])
                following = self._next(path, done)
        return []

    @staticmethod
    def _next(path: dict[str, Iterator[str]], done: set[str]) -> str | None:
        """Return the next term of a walk up, leaving terms all of whose broader ones were seen."""
        while path:
            last = next(reversed(path))
            following = next(path[last], None)
            if following is not None:
                return following
            done.add(last)
            del path[last]
        return None

    def tree(self, root: str | None, limit: int) -> list[Branch]:
        """Return the terms under one, or under all tops, at most so many."""
        found: list[Branch] = []
        shown: set[str] = set()
        tops = [root] if root is not None else [key for key in sorted(self.by_key) if not self.broader[key]]
        waiting = [(key, 0) for key in reversed(tops)]
        while waiting and len(found) < limit:
            key, depth = waiting.pop()
            found.append(Branch(key, self.by_key[key].name, depth, key in shown))
            if key not in shown and depth < MAX_DEPTH:
                waiting += [(below, depth + 1) for below in reversed(self._narrower[key])]
            shown.add(key)
        return found


def check_key(key: str) -> None:
    """Refuse a key that no address could hold; raises :class:`InvalidRequest`."""
    if not _KEY.fullmatch(key) or key in _TAKEN:
        raise InvalidRequest(
            f"{key!r} is no key of a term",
            why="it has small letters, digits, dots, dashes and underscores, 200 at most" if key not in _TAKEN else "the word is taken",
            fix="Write for example active-customer, and the name in words",
            field="key",
        )


def check_term(key: str, term: GlossaryTerm) -> None:
    """Refuse a term that stands in relation to itself, or says nothing; raises :class:`InvalidRequest`."""
    if not term.name.strip() or "\x00" in term.name or len(term.name) > 512:
        raise InvalidRequest(f"The name of {key} is wrong", why="it has 1 to 512 characters", field="name")
    texts = (term.definition or "", term.domain or "", *term.synonyms, *term.owners)
    if any("\x00" in text or len(text) > 100_000 for text in texts) or len(term.relations) + len(term.synonyms) + len(term.owners) > 3000:
        raise InvalidRequest(f"The term {key} is too large", why="or a text of it holds a NUL", fix="Shorten it", field="definition")
    for relation in term.relations:
        if relation.term == key:
            raise InvalidRequest(f"The term {key} would be {relation.type} to itself", fix="Leave that out", field="relations")
    if len({(relation.type, relation.term) for relation in term.relations}) < len(term.relations):
        raise InvalidRequest(f"The term {key} names a relation twice", fix="Leave one out", field="relations")
