"""What becomes of a field when rows of one run are merged into one record. Rows come in the run's order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from factbook_sdk.facts.codec import canonical_json

MAX_COLLECTED = 100_000
"""Values that one record may collect; more would not fit into a payload anyway."""


class Aggregate(ABC):
    """Takes a field's value from each row, ``None`` where a row has none, and says the record's. Raises :class:`ValueError`."""

    value: Any = None

    @abstractmethod
    def add(self, value: Any) -> None:
        """Take the next row's value."""

    def result(self) -> Any:
        """Return the record's value, ``None`` if it has none."""
        return self.value


class Same(Aggregate):
    """The value on which all rows agree that have one."""

    def add(self, value: Any) -> None:
        if value is None or value == self.value:
            return
        if self.value is not None:
            raise ValueError(f"rows of the run disagree, {_shown(self.value)} and {_shown(value)}: say how to merge them")
        self.value = value


class Sum(Aggregate):
    """The sum. That only some rows have a value is refused: a sum over half of a run would look like the whole."""

    def __init__(self) -> None:
        self._missing = False

    def add(self, value: Any) -> None:
        if value is None:
            self._missing = True
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{_shown(value)} cannot be summed: give the rule a type")
        else:
            self.value = value if self.value is None else self.value + value
        if self._missing and self.value is not None:
            raise ValueError("only some rows of the run have a value to sum: give the rule a default")


class Extreme(Aggregate):
    """The smallest or largest value; numbers and texts do not mix. Moments are texts, and go by the time they say."""

    def __init__(self, *, largest: bool, of_moments: bool) -> None:
        self._largest = largest
        self._of_moments = of_moments
        self._rank: Any = None

    def add(self, value: Any) -> None:
        if value is None:
            return
        rank = datetime.fromisoformat(value) if self._of_moments else value
        try:
            if self.value is None or ((rank > self._rank) if self._largest else (rank < self._rank)):
                self.value, self._rank = value, rank
        except TypeError:
            raise ValueError(f"{_shown(self.value)} and {_shown(value)} have no order: give the rule a type") from None


class First(Aggregate):
    """The first value there is."""

    def add(self, value: Any) -> None:
        if self.value is None:
            self.value = value


class Last(Aggregate):
    """The last value there is."""

    def add(self, value: Any) -> None:
        if value is not None:
            self.value = value


class Count(Aggregate):
    """The number of rows."""

    value = 0

    def add(self, value: Any) -> None:
        self.value += 1


class Collect(Aggregate):
    """All values, in the run's order."""

    def add(self, value: Any) -> None:
        if value is None:
            return
        if self.value is None:
            self.value = []
        if len(self.value) >= MAX_COLLECTED:
            raise ValueError(f"the run has more than {MAX_COLLECTED:,} values to collect")
        self.value.append(value)


class Truth(Aggregate):
    """Whether any row says true, or all do."""

    def __init__(self, *, of_all: bool) -> None:
        self._of_all = of_all

    def add(self, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, bool):
            raise ValueError(f'{_shown(value)} is neither true nor false: give the rule type = "boolean"')
        if self.value is None:
            self.value = value
        else:
            self.value = (self.value and value) if self._of_all else (self.value or value)


def aggregate_of(merge: str, *, of_moments: bool = False) -> Callable[[], Aggregate]:
    """Return what makes the aggregate of a name in a mapping; ``of_moments`` is whether the field holds moments."""
    if merge in ("min", "max"):
        return partial(Extreme, largest=merge == "max", of_moments=of_moments)
    if merge in ("any", "all"):
        return partial(Truth, of_all=merge == "all")
    return _PLAIN[merge]


_PLAIN: dict[str, type[Aggregate]] = {"same": Same, "sum": Sum, "first": First, "last": Last, "count": Count, "collect": Collect}


def _shown(value: Any) -> str:
    text = canonical_json(value).decode()
    return text if len(text) <= 60 else text[:60] + "…"
