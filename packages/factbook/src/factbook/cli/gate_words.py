"""The words of a gate's answer, the same in the terminal, in a JUnit report and on GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from factbook.cli.terminal import utc

if TYPE_CHECKING:
    from factbook.diff.gate_model import GateChange, GateResult
    from factbook.diff.impact import Impact
    from factbook_sdk.facts.kinds.catalog_diff import State

MAX_SHOWN = 50
"""Changes and hits that people are shown; ``--json`` has up to 1,000 of each."""


def headline(result: GateResult) -> str:
    """Return the answer in one sentence."""
    if result.passed:
        return f"{result.source_id} passes: nothing {result.fail_on}{' or worse' if result.fail_on != 'breaking' else ''}{_whom(result)}."
    return f"{result.source_id} does not pass: {'; '.join(result.reasons)}."


def where(change: GateChange) -> str:
    """Return what a change is of: the table, and the place within it."""
    table = ".".join(part for part in (change.schema, change.table) if part is not None)
    return f"{table} {change.path}".strip()


def hits(impact: Impact) -> Iterator[tuple[str, str, str]]:
    """Yield what is hit: what it is, its name, and why it is."""
    from factbook.diff.downstream import shown_table
    from factbook_sdk.facts.kinds.data_product import PRODUCTS

    for table in impact.tables:
        if table.table.source_id == PRODUCTS and any(product.product == table.table.table for product in impact.products):
            continue
        columns = f"{', '.join(table.columns)} " if table.columns else ""
        steps = f"{table.distance} steps away, " if table.distance > 1 else ""
        job = f", by {table.job}" if table.job else ""
        yield "table", shown_table(table.table), f"{columns}made from {shown_table(table.via)}, {steps}".rstrip(", ") + job
    for reference in impact.references:
        yield "foreign key", f"{reference.schema}.{reference.table}", f"{reference.constraint or 'a key'} refers to {reference.changed}"
    for mention in impact.mentions:
        yield "view", f"{mention.schema}.{mention.table}", f"its text mentions {mention.changed}"
    for product in impact.products:
        ways = {"input": f"takes in {product.table}", "output": f"gives out {product.table}", "lineage": "is made from what changes"}
        owners = f"; {', '.join(product.owners)}" if product.owners else ""
        yield "product", f"{product.domain}/{product.product}", f"{ways[product.port]}{owners}"
    for contract in impact.contracts:
        promised = f": {', '.join(contract.columns)}" if contract.columns else ""
        by = f"; {contract.owner}" if contract.owner else ""
        what = "is broken: it promises" if contract.is_broken else "promises"
        yield "contract", f"{contract.contract_id} {contract.version}", f"{what} {contract.table}{promised}{by}"
    for owner in impact.owners:
        yield owner.role, owner.name, f"of {owner.table}{f' {owner.column}' if owner.column else ''}"


def unknowns(impact: Impact) -> Iterator[str]:
    """Yield what cannot be said of whom the changes hit."""
    if impact.lineage == "none":
        yield "No lineage is known, so who else reads these tables cannot be said."
    elif impact.lineage == "not of these tables":
        yield "No lineage fact reads these tables; whoever leaves none is not seen."
    if impact.truncated:
        yield "More is hit than was followed: lineage goes on farther, or there are more facts than were read."


def renames(result: GateResult) -> Iterator[str]:
    """Yield what may have been renamed, and how to accept it."""
    for rename in result.renames[:MAX_SHOWN]:
        table = f"{rename.schema}.{rename.table}" if rename.table else rename.schema
        yield f"{table}: {rename.before} may be called {rename.after} now (score {rename.score:.2f}); --accept {rename.id}"


def span(result: GateResult) -> str:
    """Return between which moments was judged."""
    return f"{_state(result.before)} to {_state(result.after)}"


def _state(state: State) -> str:
    run = f" (run {state.run_id})" if state.run_id else ""
    return f"{state.source_id + ' at ' if state.source_id else ''}{utc(state.moment)}{run}"


def _whom(result: GateResult) -> str:
    return "" if result.breaks == "any" else f" for {result.breaks}"
