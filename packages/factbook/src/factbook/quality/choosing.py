"""Which rules are meant, and which tables each of them is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.quality.model import QualityRequest
from factbook.quality.rules.model import Rule
from factbook.sources.contract import TableName


def chosen_rules(request: QualityRequest) -> list[Rule]:
    """Return the rules of a request that are about its source; raises :class:`InvalidRequest` where there are none."""
    if request.rules is None:
        return []
    about = [rule for rule in request.rules.rules if rule.is_about(request.source_id)]
    if not about and not any(promise.is_about(request.source_id) for promise in request.rules.promises):
        raise InvalidRequest(
            f"No rule of {request.rules.name} is about {request.source_id}",
            why=f"the file is about {request.rules.source}" if request.rules.source else "it has no rule at all",
            fix="Name the source in the file, or run the rules for another one",
            field="source_id",
        )
    chosen = [
        rule
        for rule in about
        if (not request.only_rules or any(fnmatchcase(rule.id, pattern) for pattern in request.only_rules))
        and (not request.tags or set(rule.tags) & set(request.tags))
    ]
    if not chosen and request.is_partial:
        named = ", ".join([*request.only_rules, *request.tags])
        raise InvalidRequest(
            f"No rule of {request.rules.name} is named {named}", fix="`factbook quality check FILE` lists the rules", field="rules"
        )
    return chosen


def match(
    rules: Sequence[Rule], known: Sequence[TableName], tables: Sequence[str]
) -> tuple[dict[TableName, list[Rule]], list[Rule], list[Rule]]:
    """Return the rules of each table, those of the source, and those whose table is not there."""
    by_table: defaultdict[TableName, dict[str, Rule]] = defaultdict(dict)
    of_source = [rule for rule in rules if rule.table is None]
    unmatched = []
    for rule in rules:
        if rule.table is None:
            continue
        found = [name for name in known if is_about(rule.table, name)]
        if not found and not tables:
            unmatched.append(rule)
        for name in found:
            taken = by_table[name].get(rule.id)
            # Two patterns that give one table the same id: the later rule is told from the first by where it stands.
            named = rule if taken is None else msgspec.structs.replace(rule, id=f"{rule.id}@{rule.table}")
            by_table[name].setdefault(named.id, named)
    return {name: list(own.values()) for name, own in by_table.items()}, [] if tables else of_source, unmatched


def is_about(pattern: str | None, name: TableName) -> bool:
    """Return whether a rule's pattern covers a table."""
    return pattern is not None and fnmatchcase(str(name), pattern)


def is_chosen(name: TableName, patterns: Sequence[str]) -> bool:
    """Return whether a table is among those asked for; without patterns every one is."""
    return not patterns or any(is_like(name.schema, name.table, pattern) for pattern in patterns)


def is_like(schema: str | None, table: str | None, pattern: str) -> bool:
    """Return whether a pattern means a table, by ``schema.table`` or by its name alone; what is no table it never means."""
    return bool(table) and (fnmatchcase(f"{schema}.{table}", pattern) or fnmatchcase(table or "", pattern))


def no_table_like(source_id: str, patterns: Sequence[str], *, why: str) -> NotFound:
    """Return the error where patterns mean none of a source's tables."""
    named = ", ".join(repr(pattern) for pattern in patterns)
    return NotFound(
        f"No table of {source_id} is like {named}", why=why, fix="Write schema.table or table; * and ? stand for more", field="table"
    )
