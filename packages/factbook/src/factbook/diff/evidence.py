"""The evidence for a rename: signs, what they weigh, and which pairs they make likely. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from factbook.diff.likeness import overlap
from factbook_sdk.facts.kinds.catalog_diff import Sign

THRESHOLD = 0.6
"""Below this nothing is proposed. Same type and another place makes 0.5 or so, same type in the same place 0.75 whatever the names."""

AMBIGUOUS_WITHIN = 0.1
"""Another pair with the same removal or addition whose score is this near makes a proposal ambiguous."""


class Pair(NamedTuple):
    """A removal and an addition, how likely they are one thing, and why."""

    score: float
    before: Any
    after: Any
    evidence: list[Sign]


def one_to_one(pairs: Sequence[Pair]) -> list[tuple[Pair, bool]]:
    """Return the best pairs, each removal and each addition at most once, and whether another explains either nearly as well."""
    ranked = sorted((pair for pair in pairs if pair.score >= THRESHOLD), key=lambda pair: (-pair.score, pair.before, pair.after))
    scores: dict[tuple[str, Any], list[float]] = {}
    for pair in ranked:
        scores.setdefault(("before", pair.before), []).append(pair.score)
        scores.setdefault(("after", pair.after), []).append(pair.score)
    chosen: list[tuple[Pair, bool]] = []
    used: set[tuple[str, Any]] = set()
    for pair in ranked:
        ends = ("before", pair.before), ("after", pair.after)
        if used.isdisjoint(ends):
            used.update(ends)
            is_ambiguous = any(sum(score > pair.score - AMBIGUOUS_WITHIN - 0.001 for score in scores[end]) > 1 for end in ends)
            chosen.append((pair, is_ambiguous))
    return chosen


def weighed(before: Any, after: Any, signs: Iterable[Sign | None], weights: Mapping[str, float]) -> Pair:
    seen = [sign for sign in signs if sign is not None]
    total = sum(weights[sign.sign] for sign in seen)
    weighed = [
        Sign(sign.sign, round(weights[sign.sign] / total, 3), round(sign.alike, 3), sign.before, sign.after)
        for sign in sorted(seen, key=lambda sign: -weights[sign.sign])
    ]
    return Pair(round(sum(weights[sign.sign] * sign.alike for sign in seen) / total, 2), before, after, weighed)


def sign_of(name: str, alike: float, before: Any, after: Any) -> Sign:
    return Sign(name, 0.0, alike, before, after)


def equal(name: str, before: Any, after: Any, *, shown: bool = True) -> Sign | None:
    """Return the sign that two values are equal, or none where neither side has one."""
    if before is None and after is None:
        return None
    return sign_of(name, float(before == after), before if shown else None, after if shown else None)


def overlapping(name: str, before: set[str], after: set[str]) -> Sign | None:
    if not before and not after:
        return None
    return sign_of(name, overlap(before, after), sorted(before), sorted(after))
