"""Ids of rules: given, or made of the check and its columns, so that the same rule keeps its history from run to run."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import msgspec

from factbook.quality.rules.model import Rule, check_name, columns_of
from factbook_sdk.facts.record import MAX_NAME_LENGTH


def derived_id(rule: Rule) -> str:
    """Return the id of a rule that has none: ``not_null:email``. Its threshold is no part of it and may change."""
    columns = ",".join(columns_of(rule.check))
    return (f"{check_name(rule.check)}:{columns}" if columns else check_name(rule.check))[: MAX_NAME_LENGTH - 10]


def digest_of(rule: Rule) -> str:
    """Return what tells a rule from another one of the same check and columns."""
    parts = [msgspec.to_builtins(part) for part in (rule.check, rule.expect, rule.where, rule.dimension, rule.description)]
    return hashlib.blake2b(msgspec.json.encode(parts, order="sorted"), digest_size=3).hexdigest()


def with_distinct_ids(rules: Sequence[Rule], twice: Callable[[Rule], None]) -> list[Rule]:
    """Give every rule an id that no other rule of its table has. Where derived ones are the same, what differs is told by a digest.

    ``twice`` is told of a given id that names two rules.
    """
    given: defaultdict[tuple[str, str | None], set[str]] = defaultdict(set)
    for rule in rules:
        place = (rule.source, rule.table)
        if rule.id and rule.id in given[place]:
            twice(rule)
        if rule.id:
            given[place].add(rule.id)
    wanted = Counter((rule.source, rule.table, derived_id(rule)) for rule in rules if not rule.id)
    found: dict[tuple[str, str | None, str], Rule] = {}
    for rule in rules:
        if rule.id:
            name = rule.id
        else:
            name = derived_id(rule)
            if wanted[rule.source, rule.table, name] > 1 or name in given[rule.source, rule.table]:
                name = f"{name}:{digest_of(rule)}"
        # The same rule written twice is one rule.
        found.setdefault((rule.source, rule.table, name), msgspec.structs.replace(rule, id=name))
    return list(found.values())
