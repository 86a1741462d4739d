"""``factbook products``: the register of data products."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json

app = typer.Typer(help="Publish data products, with owner, version and the tables behind them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The product's name.", show_default=False)]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The product in YAML or JSON.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most lines to show.")]
IfVersion = Annotated[str | None, typer.Option("--if-version", metavar="VERSION", help="Only if it is at this version still.")]


@app.command("list")
def list_products(
    domain: Annotated[str | None, typer.Option("--domain", metavar="DOMAIN", help="Only those of this domain.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="active, deprecated, inactive, proposed, draft or retired.")
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Only those of this owner.")] = None,
    contract: Annotated[str | None, typer.Option("--contract", metavar="ID", help="Only those with a port under this contract.")] = None,
    text: Annotated[str | None, typer.Option("--text", metavar="WORDS", help="Words that must all occur.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """List data products by name."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json
    from factbook.products import ProductFilter

    wanted = ProductFilter(domain=domain, status=status, tag=tag, owner=owner, contract=contract, text=text)
    with opened() as factbook:
        page = factbook.own.products.page(wanted, limit=limit, cursor=cursor, as_of=as_of)
    show_json(page) if as_json else product_rows.show_page(page)


@app.command()
def show(name: Name, as_of: AsOf = None, as_json: Json = False) -> None:
    """Show one product, and what differs between its schema and its tables."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        product = factbook.own.products.get(name, as_of=as_of)
    show_json(product) if as_json else product_rows.show_one(product)


@app.command()
def register(file: File, as_json: Json = False) -> None:
    """Register a product that a file describes."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json
    from factbook.products.files import read_product
    from factbook.products.model import NewProduct

    new = read_product(file, NewProduct)
    with opened() as factbook:
        product = factbook.own.product_registry.register(new, by=product_rows.logged_in())
    show_json(product) if as_json else product_rows.show_changed(product, "registered")


@app.command()
def update(name: Name, file: File, if_version: IfVersion = None, as_json: Json = False) -> None:
    """Change a product: what the file gives replaces what was there, the rest stays.

    The version moves as semantic versioning says, unless the file names a higher one.
    """
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json
    from factbook.products.files import read_product
    from factbook.products.model import ProductUpdate

    change = read_product(file, ProductUpdate)
    must_be = None if if_version is None else [if_version]
    with opened() as factbook:
        product = factbook.own.product_registry.update(name, change, by=product_rows.logged_in(), if_match=must_be)
    show_json(product) if as_json else product_rows.show_changed(product, "changed")


@app.command()
def remove(name: Name, if_version: IfVersion = None, as_json: Json = False) -> None:
    """Take a product off the list. Its history stays."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say

    must_be = None if if_version is None else [if_version]
    with opened() as factbook:
        removed = factbook.own.product_registry.remove(name, by=product_rows.logged_in(), if_match=must_be)
    show_json(removed) if as_json else say(f"Removed {name} {removed.version}. Its history stays: factbook products history {name}")


@app.command()
def history(name: Name, limit: Limit = 20, cursor: Cursor = None, as_json: Json = False) -> None:
    """Show who changed what when, newest first."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        page = factbook.own.products.history(name, limit=limit, cursor=cursor)
    show_json(page) if as_json else product_rows.show_history(page)


@app.command()
def check(name: Name, as_of: AsOf = None, as_json: Json = False) -> None:
    """Say how the declared schema differs from the tables as the last scan saw them; ends with 1 where a reader is let down."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json
    from factbook.cli.exit_codes import ExitCode

    with opened() as factbook:
        found = factbook.own.products.check(name, as_of=as_of)
    show_json(found) if as_json else product_rows.show_check(found)
    if found.conformance.status == "differs":
        raise typer.Exit(ExitCode.NOT_PASSED)


@app.command()
def domains(limit: Limit = 100, cursor: Cursor = None, as_json: Json = False) -> None:
    """Count products per domain, with their owners."""
    from factbook.cli import product_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.own.product_analytics.domains(limit=limit, cursor=cursor)
    show_json(found) if as_json else product_rows.show_domains(found)
