"""What a rule is: one way in which a difference matters to others, with its default severity and its sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from factbook.diff.model import Aspect, ObjectType, Party
from factbook.diff.verdict.case import Case
from factbook_sdk.facts.kinds.catalog_diff import Severity

ChangeType = Literal["added", "removed", "changed"]


def always(_case: Case) -> bool:
    """Hold for every case that the rule's objects, changes and attributes let through."""
    return True


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. It speaks of a difference of one of its ``objects``, ``changes`` and ``aspects`` whose attribute is one of ``attributes``
    (``None``: whichever) and for which ``when`` holds. Rules do not overlap: exactly one speaks of each difference, and their order says
    nothing. ``sentence`` may name ``{part}``, ``{before}`` and ``{after}``.
    """

    name: str
    severity: Severity
    breaks: tuple[Party, ...] = ()
    objects: tuple[ObjectType, ...]
    changes: tuple[ChangeType, ...] = ("changed",)
    aspects: tuple[Aspect, ...] = ("structure",)
    attributes: tuple[str, ...] | None = None
    when: Callable[[Case], bool] = always
    sentence: str

    def speaks_of(self, case: Case) -> bool:
        """Return whether this is the rule for the case."""
        difference = case.difference
        has_place = difference.object in self.objects and difference.change in self.changes and case.aspect in self.aspects
        return has_place and self.fits(case)

    def fits(self, case: Case) -> bool:
        """Return the same for a case whose object, change and aspect are known to be the rule's."""
        return (self.attributes is None or case.attribute in self.attributes) and self.when(case)


READERS: tuple[Party, ...] = ("readers",)
WRITERS: tuple[Party, ...] = ("writers",)
BOTH: tuple[Party, ...] = ("readers", "writers")
