"""Rows drawn at random by whole-number keys: every key between the smallest and the largest has the same chance, and so has every row.

Keys that no row has are drawn in vain; how many that are is asked with a few before the rest is drawn.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence

import msgspec

from factbook.profile.model import Sampling

_MOST_KEYS = 200_000
_PROBES = 1000
_THINNEST = 0.02
"""Where fewer keys than this have a row, drawing by keys costs more than it saves."""


class Drawn(msgspec.Struct, frozen=True):
    """Keys to look up, in order, and the share of all rows that they stand for."""

    keys: list[int]
    share: float


def drawn_keys(sampling: Sampling, lowest: int | None, highest: int | None, hits: Callable[[Sequence[int]], int]) -> Drawn | None:
    """Return the keys for a sample, or ``None`` where rows lie too thin among them or are too many to look up one by one.

    ``hits`` says how many of some keys have a row. The same seed draws the same keys of the same table.
    """
    if lowest is None or highest is None:
        return Drawn([], 1.0)
    span, size = range(int(lowest), int(highest) + 1), int(highest) - int(lowest) + 1
    if size > sys.maxsize:
        return None
    generator = random.Random(sampling.seed)  # noqa: S311 - a sample, not a secret
    if sampling.share is not None:
        share = sampling.share
    else:
        probes = _drawn(generator, span, _PROBES)
        density = hits(probes) / len(probes)
        if density < _THINNEST:
            return None
        share = min(1.0, (sampling.rows or 0) / (density * size))
    count = round(share * size)
    return Drawn(sorted(_drawn(generator, span, count)), share) if count <= _MOST_KEYS else None


def _drawn(generator: random.Random, span: range, count: int) -> list[int]:
    return generator.sample(span, min(count, len(span)))
