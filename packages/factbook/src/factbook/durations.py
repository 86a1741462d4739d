"""Lengths of time as people write them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.ASCII)
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}
_UNITS |= {"w": 604800, "week": 604800}
_MAX_SECONDS = 86400.0 * 365 * 500
DURATIONS = "a length of time such as 30s, 15min, 2h, 1d or 1w"


def seconds_of(text: str, *, bare_unit: str = "") -> float | None:
    """Return a length of time in seconds, or ``None`` if the text is none; a number alone counts ``bare_unit``, and without one is none."""
    match = _DURATION.fullmatch(text.lower())
    if match is None:
        return None
    name = match[2] or bare_unit
    unit = _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))
    seconds = float(match[1]) * unit if unit else None
    return None if seconds is None or seconds > _MAX_SECONDS else seconds
