"""Rules about the domains of columns."""

from __future__ import annotations

from factbook.diff.model import ObjectType
from factbook.diff.verdict.case import Case
from factbook.diff.verdict.rule import BOTH, READERS, WRITERS, Rule
from factbook_sdk.facts.kinds.schema_snapshot import Domain

_COLUMN: tuple[ObjectType, ...] = ("column",)
_DOMAIN = ("domain", "domain.name", "domain.schema", "domain.base_type", "domain.nullable", "domain.default", "domain.checks")


def _domains(case: Case) -> tuple[Domain, Domain]:
    """Return the domains of both sides; a column without one obeys a domain that asks for nothing."""
    nothing = Domain("")
    before, after = case.column_before, case.column_after
    return (before and before.domain) or nothing, (after and after.domain) or nothing


def _domain_tightened(case: Case) -> bool:
    before, after = _domains(case)
    return not set(after.checks) <= set(before.checks) or (before.nullable and not after.nullable)


def _domain_relaxed(case: Case) -> bool:
    before, after = _domains(case)
    freed = set(after.checks) < set(before.checks) or (after.nullable and not before.nullable)
    return freed and not _domain_tightened(case)


RULES = (
    Rule(
        name="domain_tightened",
        severity="breaking",
        breaks=WRITERS,
        objects=_COLUMN,
        attributes=_DOMAIN,
        when=_domain_tightened,
        sentence="the domain asks for more: some writes are refused",
    ),
    Rule(
        name="domain_relaxed",
        severity="risky",
        breaks=READERS,
        objects=_COLUMN,
        attributes=_DOMAIN,
        when=_domain_relaxed,
        sentence="the domain asks for less: readers may meet values that it kept out",
    ),
    Rule(
        name="domain_changed",
        severity="risky",
        breaks=BOTH,
        objects=_COLUMN,
        attributes=_DOMAIN,
        when=lambda case: not _domain_tightened(case) and not _domain_relaxed(case),
        sentence="the column has another domain: {after} instead of {before}",
    ),
)
