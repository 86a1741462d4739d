"""Rules: what they are, and the files they come from."""

from factbook.quality.rules.files import check_text, read_text, rules_of
from factbook.quality.rules.model import Promise, Rule, RuleSet
from factbook.rulefiles import Mistake

__all__ = ["Mistake", "Promise", "Rule", "RuleSet", "check_text", "read_text", "rules_of"]
