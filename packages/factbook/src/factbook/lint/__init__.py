"""Judge the documentation of a source: descriptions, owners, keys, names."""

from factbook.lint.model import Coverage, Finding, LintReport
from factbook.lint.rules import LintRules, load_rules
from factbook.lint.run import Lint

__all__ = ["Coverage", "Finding", "Lint", "LintReport", "LintRules", "load_rules"]
