"""One mapping of a rules file, read field by field: what is wrong is noted with its line and with what is allowed, and reading goes on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from factbook.durations import DURATIONS, seconds_of
from factbook.quality.rules.model import Bound, Scalar
from factbook.rulefiles import Document, Mistake, Path

_RELATIVE = re.compile(r"\s*(now|today)\s*(?:([+-])\s*(\d+(?:\.\d+)?\s*[a-z]+))?\s*")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?")
MAX_TEXT = 100_000
MAX_VALUES = 10_000


class Fields:
    """A mapping at a place. Every ``take`` of a field that is wrong notes a mistake and returns nothing."""

    def __init__(self, document: Document, mistakes: list[Mistake], value: dict[str, Any], path: Path, allowed: Sequence[str]) -> None:
        self._document = document
        self._mistakes = mistakes
        self._value = value
        self._path = path
        # Whoever misspelt a name is not told as well that it is missing.
        self._is_misspelt = any(key not in allowed for key in value)
        for key in value:
            if key not in allowed:
                self.refuse(key, f"{key!r} is not known here; allowed are {', '.join(allowed)}")

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def _missing(self, key: str, text: str) -> None:
        if key in self._value or not self._is_misspelt:
            self.refuse(key if key in self._value else None, text)

    def refuse(self, key: str | int | None, text: str) -> None:
        """Note a mistake at a field, or at the mapping itself."""
        self._mistakes.append(self._document.mistake(self._path if key is None else (*self._path, key), text))

    def text(self, key: str, *, required: bool = False, one_of: Sequence[str] = ()) -> str | None:
        """Return a text that is not empty."""
        value = self._value.get(key)
        if value is None:
            if required:
                self._missing(key, f"{key} is missing")
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not one_of:
            value = str(value)
        if not isinstance(value, str) or not value.strip() or "\x00" in value or len(value) > MAX_TEXT:
            self.refuse(key, f"{key} must be a text")
            return None
        if one_of and value not in one_of:
            self.refuse(key, f"{key} is {value!r}; allowed are {', '.join(one_of)}")
            return None
        return value

    def texts(self, key: str, *, required: bool = False) -> list[str]:
        """Return a list of texts; one text stands for a list of it."""
        value = self._value.get(key)
        if value is None and not required:
            return []
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not found or not all(isinstance(item, str) and item and "\x00" not in item for item in found):
            self._missing(key, f"{key} must be a name or a list of names")
            return []
        if len(set(found)) < len(found):
            self.refuse(key, f"{key} names something twice")
        return found

    def scalars(self, key: str) -> list[Scalar] | None:
        """Return a list of values; null is none of them."""
        value = self._value.get(key)
        if not isinstance(value, list) or not value or len(value) > MAX_VALUES:
            self._missing(key, f"{key} must be a list of 1 to {MAX_VALUES:,} values")
            return None
        if not all(isinstance(item, (str, int, float)) and not _is_odd(item) for item in value):
            self.refuse(key, f"{key} may hold texts, numbers, true and false; null always passes, use not_null to forbid it")
            return None
        return value

    def number(self, key: str) -> float | int | None:
        """Return a number."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or _is_odd(value):
            self.refuse(key, f"{key} must be a number")
            return None
        return value

    def count(self, key: str) -> int | None:
        """Return a whole number, 0 or more."""
        value = self.number(key)
        if value is not None and (not isinstance(value, int) or value < 0):
            self.refuse(key, f"{key} must be a whole number, 0 or more")
            return None
        return value

    def share(self, key: str) -> float | None:
        """Return a share, written as 0.05 or as 5%."""
        value = self._value.get(key)
        if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)):
            value = float(match[1]) / 100
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            self.refuse(key, f"{key} must be a share from 0 to 1, or a percentage such as 5%")
            return None
        return float(value)

    def seconds(self, key: str, *, required: bool = False) -> float | None:
        """Return a length of time in seconds."""
        value = self._value.get(key)
        if value is None and not required:
            return None
        found = seconds_of(value) if isinstance(value, str) else None
        if not found:
            self._missing(key, f"{key} must be {DURATIONS}")
        return found

    def bound(self, key: str) -> Bound | None:
        """Return one end of a range."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not _is_odd(value):
            return Bound(number=value, text=str(value))
        if isinstance(value, str) and (match := _RELATIVE.fullmatch(value.lower())):
            seconds = seconds_of(match[3]) if match[3] else 0.0
            if seconds is not None:
                return Bound(anchor="now" if match[1] == "now" else "today", seconds=-seconds if match[2] == "-" else seconds, text=value)
        if isinstance(value, str) and _is_moment(value.strip()):
            return Bound(moment=value.strip(), text=value.strip())
        self.refuse(key, f"{key} must be a number, a date or moment such as 2026-01-31, or relative such as now - 1d")
        return None


def _is_moment(text: str) -> bool:
    try:
        return bool(_MOMENT.fullmatch(text) and datetime.fromisoformat(text.replace(" Z", "Z")))
    except ValueError:
        return False


def _is_odd(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
