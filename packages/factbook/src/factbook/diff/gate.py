"""The gate: may a pipeline go on, seeing what changed in a source, whom that breaks and what the pipeline uses?

It answers yes or no, or it says that it cannot tell, which is raised and never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from factbook.diff.comparison import Comparison, Judged
from factbook.diff.gate_model import (
    MAX_CHANGES,
    GateRequest,
    GateResult,
    by_severity,
    changed_tables,
    counts_for,
    explains,
    named_changes,
    reasons_of,
    renames_of,
    without_accepted,
)
from factbook.diff.impact import Impact, impact_of
from factbook.diff.judgeable import Judgeable
from factbook.diff.reading import Reading
from factbook.diff.service import Diffs
from factbook.diff.severities import Severities
from factbook.diff.using import hit
from factbook.diff.verdict import place_of
from factbook_sdk.repository.contract import MetadataRepository


class Gate:
    """Judge the sources of one tenant. ``severities_of`` gives what a source's owner made of the rules."""

    def __init__(
        self,
        repository: MetadataRepository,
        diffs: Diffs,
        *,
        tenant: str,
        severities_of: Callable[[str], Severities],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._diffs = diffs
        self._tenant = tenant
        self._severities_of = severities_of
        self._judgeable = Judgeable(repository, tenant=tenant, now=now)
        self._reading = Reading(repository, tenant=tenant)

    def check(self, request: GateRequest) -> GateResult:
        """Compare, judge and say whether a pipeline may go on.

        Raises :class:`CannotJudge` where the scans do not allow to tell, :class:`NotFound` for a source or run that nobody knows,
        :class:`InvalidRequest` for what makes no sense.
        """
        uses = request.uses()
        self._judgeable.check_age(request)
        comparison = self._diffs.compare(request.source_id, request.before, request.after, other=request.other)
        notes = self._judgeable.check(request, uses, comparison)
        severities = self._severities_of(request.source_id)
        concerned = hit(uses, comparison.judged)
        kept = [item for item in concerned if not severities.ignores(item.verdict.rule, place_of(item.difference))]
        renames = renames_of(comparison)
        counting = [item for item in kept if counts_for(item, request.fail_on, request.breaks)]
        failing, accepted, unused = without_accepted(counting, renames, request.accept)
        notes += [f"accepted, and not there: {identifier}" for identifier in unused]
        notes += [f"over since {entry.until}, and ignored no more: {entry.rule} on {entry.on}" for entry in severities.expired]
        return GateResult(
            source_id=request.source_id,
            passed=not failing,
            reasons=reasons_of(failing),
            fail_on=request.fail_on,
            breaks=request.breaks,
            before=comparison.before,
            after=comparison.after,
            counts=by_severity(concerned),
            failing=len(failing),
            changes=named_changes(failing),
            accepted=accepted,
            ignored=len(concerned) - len(kept),
            renames=[rename for rename in renames if any(explains(rename, item) for item in failing)][:MAX_CHANGES],
            impact=self._impact(request.source_id, failing, comparison),
            unread=comparison.unread,
            notes=notes,
        )

    def _impact(self, source_id: str, failing: Sequence[Judged], comparison: Comparison) -> Impact:
        moment = comparison.after.moment
        changed = changed_tables(failing)
        return impact_of(self._repository, source_id, changed, lambda: self._reading.whole(source_id, moment), tenant=self._tenant)
