"""The verdict: whom a difference breaks, and how badly. One small rule per way of breaking, gathered in a table. Pure.

To add a rule: put it beside its like (``columns.py``, ``constraints.py`` …) so that it overlaps with none, and write its line in the tests.
"""

from factbook.diff.verdict.aspects import UNKNOWN
from factbook.diff.verdict.judging import RULES, breaks_by_rule, judge, place_of
from factbook.diff.verdict.rule import Rule

__all__ = ["RULES", "UNKNOWN", "Rule", "breaks_by_rule", "judge", "place_of"]
