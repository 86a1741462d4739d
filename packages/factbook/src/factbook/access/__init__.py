"""Access: who may read, write and administer what; tokens, the one place where each verb is checked, and the trail of who did it."""

from factbook.access.scopes import Action, Grant, Principal

__all__ = ["Action", "Grant", "Principal"]
