"""``factbook contracts check``: structure from the log, data from the source, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from factbook.cli import quality_run
from factbook.cli.contract_rows import shown
from factbook.cli.exit_codes import ExitCode
from factbook.cli.interrupting import terminated_is_interrupted
from factbook.cli.progress import progress
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.contracts import ContractCheck
    from factbook.jobs import Progress
    from factbook.quality.job import QualityOutcome

_MAX_SHOWN = 100


@dataclass(frozen=True)
class Checked:
    """A contract's structure, and the runs that judged its data, one a source."""

    structure: ContractCheck
    data: Sequence[QualityOutcome]


def check(factbook: Factbook, contract_id: str, *, structure_only: bool, allows_sql: bool, quiet: bool) -> Checked:
    """Check one contract here and now."""
    rooms = factbook.own
    if structure_only:
        return Checked(rooms.contracts.check(contract_id), ())
    with terminated_is_interrupted(), progress("Judging", "tables", quiet=quiet) as move:

        def on_progress(seen: Progress) -> None:
            move(seen.done, seen.total, seen.text)

        return Checked(*rooms.check_contract(contract_id, allows_sql=allows_sql, on_progress=on_progress))


def code_of(found: Sequence[Checked]) -> ExitCode:
    """Return how the command ends: what is broken goes before what nobody knows."""
    codes = [quality_run.code_of(run, "failed") for one in found for run in one.data]
    if any(one.structure.broken for one in found) or ExitCode.NOT_PASSED in codes:
        return ExitCode.NOT_PASSED
    is_unknown = any(one.structure.unknown for one in found) or ExitCode.SOME_FAILED in codes
    return ExitCode.SOME_FAILED if is_unknown else ExitCode.OK


def documents(found: Sequence[Checked]) -> list[dict[str, Any]]:
    """Return the answer for programs."""
    return [
        {"passed": code_of([one]) is ExitCode.OK, "structure": one.structure, "data": [run.result for run in one.data]} for one in found
    ]


def show(found: Sequence[Checked]) -> None:
    """Print the answer for people."""
    if not found:
        note("No contract is in force.")
    for one in found:
        _show_structure(one.structure)
        for run in one.data:
            quality_run.show(run, quiet=True)


def _show_structure(checked: ContractCheck) -> None:
    kept = len(checked.results) - checked.broken - checked.unknown
    told = [f"{kept} kept", f"{checked.broken} broken" if checked.broken else "", f"{checked.unknown} unknown" if checked.unknown else ""]
    style = "bold red" if checked.broken else "bold"
    promises = count(len(checked.results), "promise")
    say(f"{checked.id} {checked.version}: {promises} about structure: {', '.join(filter(None, told))}.", style=style)
    rows = [
        (
            "" if item.table is None else shown(item.table),
            item.result.rule.removeprefix(f"contract:{checked.id}:"),
            "not judged" if item.result.outcome == "error" else item.result.outcome,
            item.result.reason,
        )
        for item in checked.results
        if item.result.outcome != "passed"
    ]
    if rows:
        show_table(("table", "promise", "outcome", "why"), rows[:_MAX_SHOWN])
    if len(rows) > _MAX_SHOWN:
        note(f"and {len(rows) - _MAX_SHOWN:,} more; --json lists them all")
