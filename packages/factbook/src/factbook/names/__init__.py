"""Names: which scanned table a name of another tool means, and a ledger of the names that could not be resolved.

OpenLineage names a dataset by a namespace and a name in it, dbt by a relation, SQL by one to three identifiers. All end as a
:class:`~factbook_sdk.facts.parts.TableRef`: of a table that a scan saw, or of a foreign dataset that waits until somebody settles it.
"""

from factbook.names.bindings import Binding
from factbook.names.model import BindingPage, Resolved, UnresolvedName, UnresolvedPage
from factbook.names.resolver import Names

__all__ = ["Binding", "BindingPage", "Names", "Resolved", "UnresolvedName", "UnresolvedPage"]
