"""Kinds that tenants register while the service runs: their rules, their versions, and what admission asks about them."""

from factbook.kinds.governed import GovernedKinds
from factbook.kinds.registry import Kinds
from factbook.kinds.rules import ChangeNote, Proposal, Registered, Verdict

__all__ = ["ChangeNote", "GovernedKinds", "Kinds", "Proposal", "Registered", "Verdict"]
