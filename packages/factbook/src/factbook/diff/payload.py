"""Say a comparison as ``catalog_diff`` facts: each within the size of a record, all of them together without a gap. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from factbook.diff.comparison import Comparison, Judged
from factbook.diff.model import Difference
from factbook_sdk.facts.kinds.catalog_diff import CatalogDiff, Change, Rename, Sign

ChangeKind = Literal["added", "removed", "changed", "renamed"]

PART_CHANGES = 1_000
PART_BYTES = 256 * 1024
"""What one fact carries at most: far under the largest payload of a store, and under what a bus takes as one message."""

MAX_VALUE_LENGTH = 8_192
"""Longer texts are cut in a change (a view's query before and after); the snapshots in the log have them whole."""

_MAX_EVIDENCE_LENGTH = 200


def changes_of(judged: Sequence[Judged]) -> list[Change]:
    """Return differences with their verdicts as the fact says them."""
    return [_change(item) for item in judged]


def payload_of(comparison: Comparison, changes: list[Change], renames: list[Rename]) -> CatalogDiff:
    """Return one payload with all that is said of the whole, and these changes and renames."""
    return CatalogDiff(
        before=comparison.before,
        after=comparison.after,
        counts=comparison.counts,
        changes=changes,
        summary=comparison.summary,
        renames=[_shortened_rename(rename) for rename in renames],
        unread=comparison.unread,
    )


def parts_of(comparison: Comparison) -> list[CatalogDiff]:
    """Return the payloads, the first part first: changes fill one after the other, and so do the proposals of renames."""
    changes = list(_filled(changes_of(comparison.judged)))
    renames = list(_filled(comparison.renames))
    parts = max(len(changes), len(renames), 1)
    first = payload_of(comparison, changes[0] if changes else [], renames[0] if renames else [])
    following = [
        CatalogDiff(
            comparison.before,
            comparison.after,
            {},
            changes[index] if index < len(changes) else [],
            renames=[_shortened_rename(rename) for rename in renames[index]] if index < len(renames) else [],
            part=index + 1,
            parts=parts,
        )
        for index in range(1, parts)
    ]
    return [msgspec.structs.replace(first, parts=parts), *following]


def _filled(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the items in pieces that fit one fact, each at least one item."""
    piece: list[Any] = []
    size = 0
    for item in items:
        length = len(msgspec.json.encode(item))
        if piece and (len(piece) == PART_CHANGES or size + length > PART_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += length
    if piece:
        yield piece


def change_kind(difference: Difference) -> ChangeKind:
    """Return what happened: a constraint or an index that is the same under another name was renamed."""
    is_renamed = difference.object in ("constraint", "index") and difference.path.endswith(".name") and difference.change == "changed"
    return "renamed" if is_renamed else difference.change


def _change(judged: Judged) -> Change:
    difference, verdict = judged
    before, after = _cut(difference.before, MAX_VALUE_LENGTH), _cut(difference.after, MAX_VALUE_LENGTH)
    return Change(
        change=change_kind(difference),
        severity=verdict.severity,
        schema=difference.schema,
        table=difference.name.table if difference.name else None,
        path=difference.path,
        before=before,
        after=after,
        reason=verdict.reason or None,
        object=difference.object,
        aspect=difference.aspect,
        rule=verdict.rule,
        breaks=list(verdict.breaks),
        shortened=before is not difference.before or after is not difference.after,
    )


def _cut(value: Any, length: int) -> Any:
    """Return the value, or the beginning of its text where it is long."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else None
    if text is None:
        encoded = msgspec.json.encode(value)
        if len(encoded) <= length:
            return value
        text = encoded.decode()
    return value if len(text) <= length else text[:length]


def _shortened_rename(rename: Rename) -> Rename:
    return msgspec.structs.replace(rename, evidence=[_shortened_sign(sign) for sign in rename.evidence])


def _shortened_sign(sign: Sign) -> Sign:
    return msgspec.structs.replace(sign, before=_cut(sign.before, _MAX_EVIDENCE_LENGTH), after=_cut(sign.after, _MAX_EVIDENCE_LENGTH))
