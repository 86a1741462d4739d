"""The rules that are there without a file. A rule of the same name in a file takes the place of one; ``defaults: false`` takes all away."""

from __future__ import annotations

from factbook.watch.rules import Rule

_EVERYBODY = ["*"]
_CHECKED = "payload.outcome in passed,warned,failed,timed_out,error"

DEFAULTS: tuple[Rule, ...] = (
    Rule(
        name="catalog_diff.breaking",
        kind="catalog_diff",
        when=["payload.counts.breaking > 0"],
        each=True,
        resolve="never",
        severity="error",
        title="{target}: breaking changes of structure: {payload.counts.breaking}",
        message="{changes}",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="catalog_diff.risky",
        kind="catalog_diff",
        when=["payload.counts.risky > 0"],
        unless=["payload.counts.breaking > 0"],
        each=True,
        resolve="never",
        severity="warning",
        title="{target}: risky changes of structure: {payload.counts.risky}",
        message="{changes}",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="recon_result.repeated",
        kind="recon_result",
        where=[_CHECKED],
        when=["payload.outcome in failed,timed_out,error"],
        per=["payload.check"],
        in_a_row=3,
        title="{target}: {payload.check} failed {count} times in a row",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="quality_result.failed",
        kind="quality_result",
        where=["payload.outcome in passed,failed"],
        when=["payload.outcome = failed"],
        per=["payload.rule"],
        title="{target}: {payload.rule} failed",
        message="{payload.dimension}",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="sla_adherence.missed",
        kind="sla_adherence",
        where=["payload.outcome in met,missed"],
        when=["payload.outcome = missed"],
        per=["payload.name"],
        severity="warning",
        title="{target}: {payload.name} was missed",
        message="expected {payload.expected} {payload.unit}, observed {payload.observed}; due {payload.due_at}",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="catalog_scan.removals_held",
        kind="catalog_scan",
        when=["payload.removals_held > 0"],
        severity="warning",
        title="{target}: {payload.removals_held} removals wait for consent",
        message="Look at the source, then run: factbook scan {source} --accept-removals",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="catalog_scan.failures",
        kind="catalog_scan",
        when=["payload.counts.failed > 0"],
        severity="warning",
        title="{target}: {payload.counts.failed} tables could not be read",
        tenants=_EVERYBODY,
    ),
    Rule(
        name="job_run.repeated",
        kind="job_run",
        where=["payload.state in succeeded,failed"],
        when=["payload.state = failed"],
        per=["payload.job_type"],
        in_a_row=3,
        title="{target}: {payload.job_type} failed {count} times in a row",
        message="{payload.error.message}",
        tenants=_EVERYBODY,
    ),
)
