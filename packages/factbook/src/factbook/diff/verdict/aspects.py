"""Rules about what is no structure: collations, comments, the order of columns, storage. And the one for what no other rule knows."""

from __future__ import annotations

from factbook.diff.model import ObjectType
from factbook.diff.verdict.column_types import character_set_shrank
from factbook.diff.verdict.rule import BOTH, ChangeType, Rule

_ANYTHING: tuple[ObjectType, ...] = ("schema", "table", "column", "constraint", "index", "partition")
_WHATEVER: tuple[ChangeType, ...] = ("added", "removed", "changed")

RULES = (
    Rule(
        name="collation_changed",
        severity="risky",
        breaks=BOTH,
        objects=_ANYTHING,
        changes=_WHATEVER,
        aspects=("collation",),
        when=lambda case: not (case.difference.object == "column" and character_set_shrank(case)),
        sentence="{after} instead of {before}: what is equal, unique and in order may differ",
    ),
    Rule(
        name="comment_changed",
        severity="cosmetic",
        objects=_ANYTHING,
        changes=_WHATEVER,
        aspects=("comment",),
        sentence="the comment is {after}",
    ),
    Rule(
        name="order_changed",
        severity="cosmetic",
        objects=_ANYTHING,
        changes=_WHATEVER,
        aspects=("order",),
        sentence="it stands at another place: only who goes by places and not by names notices",
    ),
    Rule(
        name="storage_changed",
        severity="cosmetic",
        objects=_ANYTHING,
        changes=_WHATEVER,
        aspects=("storage",),
        sentence="{after} instead of {before}: kept in another way, the same to readers and writers",
    ),
)

UNKNOWN = Rule(
    name="unknown_difference",
    severity="risky",
    breaks=BOTH,
    objects=_ANYTHING,
    changes=_WHATEVER,
    sentence="no rule knows this difference ({after} instead of {before}), so nobody has said that it is harmless",
)
"""What is said where no rule speaks, as of a field that a later version of ``schema_snapshot`` adds."""
