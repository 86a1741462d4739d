"""The gate: may a pipeline go on, seeing what changed in a source, whom that breaks and what the pipeline uses?

It answers yes or no, or it says that it cannot tell, which is raised and never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from factbook.diff.comparison import Comparison, Judged
from factbook.diff.contracts import promises_of, raised
from factbook.diff.gate_model import (
    MAX_CHANGES,
    GateRequest,
    GateResult,
    by_severity,
    changed_tables,
    contract_reasons,
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
from factbook_sdk.facts import MetadataTarget
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
        lineage_gone_days: int = 180,
    ) -> None:
        self._now = now
        self._lineage_gone_days = lineage_gone_days
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
        concerned = hit(uses, self._with_contracts(request.source_id, comparison.judged))
        kept = [item for item in concerned if _counts(item, severities)]
        renames = renames_of(comparison)
        counting = [item for item in kept if counts_for(item, request.fail_on, request.breaks)]
        failing, accepted, unused = without_accepted(counting, renames, request.accept)
        notes += [f"accepted, and not there: {identifier}" for identifier in unused]
        impact = self._impact(request.source_id, failing, comparison)
        notes += [f"over since {entry.until}, and ignored no more: {entry.rule} on {entry.on}" for entry in severities.expired]
        return GateResult(
            source_id=request.source_id,
            passed=not failing,
            reasons=[*reasons_of(failing), *contract_reasons(impact)],
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
            impact=impact,
            unread=comparison.unread,
            notes=notes,
        )

    def impact(self, comparison: Comparison, concerned: Sequence[Judged]) -> Impact:
        """Say whom some changes of a comparison hit, and which contracts they break."""
        return self._impact(comparison.source_id, self._with_contracts(comparison.source_id, concerned), comparison)

    def _with_contracts(self, source_id: str, judged: Sequence[Judged]) -> list[Judged]:
        """Return the differences with those that break a contract in force raised to breaking."""
        names = [item.difference.name for item in judged if item.difference.name is not None]
        promises = promises_of(self._repository, source_id, names, tenant=self._tenant) if names else {}
        if not promises:
            return list(judged)
        scan = self._repository.latest(MetadataTarget(source_id), "catalog_scan", tenant=self._tenant)
        engine = None if scan is None else (scan.record.payload or {}).get("engine")
        return raised(judged, promises, engine=engine)

    def _impact(self, source_id: str, failing: Sequence[Judged], comparison: Comparison) -> Impact:
        moment = comparison.after.moment
        changed = changed_tables(failing)
        impact = impact_of(
            self._repository,
            source_id,
            changed,
            lambda: self._reading.whole(source_id, moment),
            tenant=self._tenant,
            gone_before=self._gone_before(),
        )
        broken = {identifier for item in failing for identifier in item.verdict.contracts}
        contracts = [msgspec.structs.replace(hit, is_broken=hit.contract_id in broken) for hit in impact.contracts]
        return msgspec.structs.replace(impact, contracts=contracts)

    def _gone_before(self) -> datetime:
        """Return before when lineage that nobody has confirmed since counts no more."""
        try:
            return self._now() - timedelta(days=self._lineage_gone_days)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


def _counts(item: Judged, severities: Severities) -> bool:
    """Return whether a change counts at its place; one that breaks a contract is never ignored by a file."""
    return bool(item.verdict.contracts) or not severities.ignores(item.verdict.rule, place_of(item.difference))
