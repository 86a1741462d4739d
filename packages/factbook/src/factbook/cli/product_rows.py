"""Data products as people read them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import count, note, say

if TYPE_CHECKING:
    from factbook.products.domains import DomainList
    from factbook.products.model import Conformance, Product, ProductCheck, ProductHistory, ProductPage, SchemaGap

_MEANS = {
    "conforms": "the tables are what is declared",
    "extends": "the tables have columns that are not declared",
    "differs": "the tables are not what is declared",
    "unknown": "a table was never scanned",
    "undeclared": "no schema is declared",
    "unbound": "it is bound to no table",
}


def show_page(page: ProductPage) -> None:
    """Print products as a table."""
    if not page.items:
        note("No products. Register one: factbook products register FILE.yaml")
        return
    names = ("product", "domain", "version", "status", "owner", "check", "updated")
    show_table(names, [_row(product) for product in page.items], whole=("product", "version"))
    if page.next_cursor:
        note(f"There are {count(page.total, 'product')}; go on with --cursor {page.next_cursor}", style="dim")


def _row(product: Product) -> tuple[Any, ...]:
    check = "" if product.conformance is None else product.conformance.status
    return product.name, product.domain, product.version, product.status, product.owner, check, product.updated_at


def show_one(product: Product) -> None:
    """Print everything about one product."""
    show_facts(
        (
            ("product", product.name),
            ("title", product.title),
            ("domain", product.domain),
            ("version", product.version),
            ("status", product.status),
            ("owner", product.owner),
            ("description", product.description),
            ("tags", ", ".join(product.tags)),
            ("tier", product.tier),
            ("documentation", product.documentation),
            ("created", product.created_at),
            ("updated", product.updated_at),
            *(("port", f"{port.name}: {port.table}") for port in product.ports),
            *(("input", f"{port.name}: {port.table}") for port in product.inputs),
        )
    )
    if product.schema:
        say("")
        show_table(("field", "declared"), [(name, _type(said)) for name, said in product.schema.items()], whole=("field",))
    if product.conformance is not None:
        say("")
        _show_conformance(product.conformance)


def _type(said: Any) -> str:
    return str(said.get("type", "object")) if isinstance(said, dict) else str(said)


def show_changed(product: Product, done: str) -> None:
    """Say what became of a product."""
    change = product.change
    if change is None:
        unchanged = "" if done == "registered" else ", and nothing changed"
        say(f"{product.name} is {done if not unchanged else 'as it was'} at version {product.version}{unchanged}")
    else:
        reasons = "; ".join(change.reasons[:5])
        say(f"{product.name} is {done}: {change.previous} → {product.version}, a {change.level} change ({reasons})")
    if product.conformance is not None and product.conformance.gaps:
        _show_conformance(product.conformance)


def show_check(found: ProductCheck) -> None:
    """Print what differs."""
    say(f"{found.name} {found.version}")
    _show_conformance(found.conformance)


def _show_conformance(conformance: Conformance) -> None:
    say(f"{conformance.status}: {_MEANS[conformance.status]}")
    if conformance.gaps:
        rows = [(gap.port, gap.problem, gap.column, gap.declared, _actual(gap), gap.table) for gap in conformance.gaps]
        show_table(("port", "problem", "column", "declared", "actual", "table"), rows, whole=("problem", "column"))
    if conformance.truncated:
        note("There are more.", style="dim")


def _actual(gap: SchemaGap) -> str | None:
    return "no type" if gap.problem == "type_differs" and not gap.actual else gap.actual


def show_history(page: ProductHistory) -> None:
    """Print a product's changes."""
    rows = [
        (event.at, event.event, event.version, event.level if event.event == "changed" else None, event.by, _fields(event.changes))
        for event in page.items
    ]
    show_table(("at", "event", "version", "change", "by", "what"), rows, whole=("at", "event", "version"))
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def _fields(changes: list[Any]) -> str:
    return ", ".join(change.field for change in changes)


def show_domains(found: DomainList) -> None:
    """Print the products per domain."""
    rows = [
        (
            domain.domain,
            domain.products,
            ", ".join(f"{status} {number}" for status, number in domain.by_status.items()),
            ", ".join(domain.owners[:3]) + (f" and {domain.owner_count - 3} more" if domain.owner_count > 3 else ""),
        )
        for domain in found.domains
    ]
    show_table(("domain", "products", "by status", "owners"), rows, right=("products",), whole=("domain",))
    note(f"{count(found.total_products, 'product')} in {count(found.total_domains, 'domain')}", style="dim")


def logged_in() -> str:
    """Return the name of whoever runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return "somebody"
