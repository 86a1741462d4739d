"""The last comparisons that were made, for whoever reads one page by page."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock

from factbook.diff.comparison import Comparison

_MOST = 8
_MAX_CHANGES = 50_000
"""A larger comparison is not kept: nobody pages through it, and it takes memory."""


class KeptComparisons:
    """A few comparisons by question, each as long as the state of its source is equal to that in which it was made."""

    def __init__(self, state_of: Callable[[str], object]) -> None:
        self._state_of = state_of
        self._made: dict[Hashable, tuple[object, Comparison]] = {}
        self._lock = Lock()

    def get(
        self, source_id: str, question: Hashable, make: Callable[[], Comparison], *, also: Callable[[Comparison], Hashable]
    ) -> Comparison:
        """Return the comparison that answers a question, made now if it is not kept; ``also`` is the question with its moments told, which
        the next page asks."""
        state = self._state_of(source_id)
        with self._lock:
            kept = self._made.pop(question, None)
            if kept is not None and kept[0] == state:
                self._made[question] = kept
                return kept[1]
        made = make()
        if len(made.judged) <= _MAX_CHANGES:
            with self._lock:
                self._made |= {question: (state, made), also(made): (state, made)}
                while len(self._made) > _MOST:
                    del self._made[next(iter(self._made))]
        return made
