"""Rules: what they are, and the files they come from."""

from factbook.documents import Mistake
from factbook.quality.rules.files import check_text, read_text, rules_of
from factbook.quality.rules.model import Promise, Rule, RuleSet

__all__ = ["Mistake", "Promise", "Rule", "RuleSet", "check_text", "read_text", "rules_of"]
