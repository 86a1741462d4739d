"""Run a profile in the foreground, with a bar, and read its options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from factbook.cli.interrupting import terminated_is_interrupted
from factbook.cli.passwords import hint_if_visible, with_asked_password
from factbook.cli.progress import progress

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.jobs import Progress
    from factbook.profile import MeasuredTable, ProfileOptions
    from factbook.profile.job import ProfileOutcome


def read_options(
    *,
    tables: Sequence[str] | None,
    sample: str | None,
    seed: int,
    budget: Sequence[str] | None,
    full: bool,
    engine_statistics: str,
    exclude_columns: Sequence[str] | None,
) -> ProfileOptions:
    """Return what the options mean; raises :class:`~factbook.errors.InvalidRequest`."""
    from factbook.profile import ProfileOptions
    from factbook.profile.spending import parse_budget, parse_engine_statistics, parse_sample

    return ProfileOptions(
        tables=list(tables or ()),
        sampling=None if sample is None else parse_sample(sample, seed=seed),
        budget=parse_budget(list(budget or ())),
        exclude_columns=list(exclude_columns or ()),
        engine_statistics=parse_engine_statistics(engine_statistics),
        full=full,
    )


def run_profile(
    factbook: Factbook,
    source: str | None,
    *,
    source_id: str | None = None,
    options: ProfileOptions,
    resume: str | None = None,
    metrics: Path | None = None,
    ask_password: bool = False,
    quiet: bool = False,
) -> tuple[ProfileOutcome, list[MeasuredTable]]:
    """Profile, and return what came of it with what was measured of each table; raises what ended it."""
    from factbook.profile.metrics import load_metrics
    from factbook.sources.urls import default_source_id, is_url

    defined = load_metrics(metrics) if metrics is not None else None
    if source is not None and not quiet:
        hint_if_visible(source)
    if source is not None and ask_password:
        source, named = with_asked_password(factbook, source)
        source_id = source_id or named
    name = source_id or (default_source_id(source) if source and is_url(source) else source or "the configured source")
    with terminated_is_interrupted(), progress(f"Measuring {name}", "tables", quiet=quiet) as move:

        def on_progress(seen: Progress) -> None:
            move(seen.done, seen.total, seen.text)

        outcome = factbook.run_profile(
            source, source_id=source_id, options=options, resume=resume, metrics=defined, on_progress=on_progress
        )
    tables = outcome.result.tables if outcome.result is not None else []
    return outcome, factbook.profiles.latest_of_many(outcome.job.source_id, [table.name for table in tables])
