"""``factbook contracts``: agree on what readers may rely on, in the standards' own documents, and check that it is so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json, Quiet

app = typer.Typer(help="Import, export and check data contracts (ODCS) and data products (ODPS).", no_args_is_help=True)

ContractId = Annotated[str, typer.Argument(metavar="ID", help="The contract's id.", show_default=False)]
Status = Annotated[str | None, typer.Option("--status", metavar="STATUS", help="proposed, draft, active, deprecated or retired.")]
OutFile = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there instead of to stdout.")]


@app.command("import")
def import_documents(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Contracts or products, YAML or JSON.", show_default=False)],
    bind: Annotated[
        list[str] | None,
        typer.Option("--bind", metavar="OBJECT=SOURCE.SCHEMA.TABLE", help="The table an object of the document is about; repeatable."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a version that is there and says otherwise, or take a lower one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import contracts (ODCS) and products (ODPS). A document that its schema does not take is refused, and nothing of it is stored."""
    from factbook.cli import contract_rows
    from factbook.cli.documents import show_json

    reads = [contract_rows.read(file) for file in files]
    wish = contract_rows.wish(bind or [], replace=replace)
    with opened() as factbook:
        done = [contract_rows.take_in(factbook, read, wish) for read in reads]
    show_json(done) if as_json else contract_rows.show_imported(done)


@app.command("list")
def list_contracts(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most contracts to show.")] = 50,
    cursor: Cursor = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """List contracts by id, with the tables they are bound to."""
    from factbook.cli import contract_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        page = factbook.own.contracts.page(limit=limit, cursor=cursor, as_of=as_of)
    show_json(page) if as_json else contract_rows.show_page(page)


@app.command()
def show(
    contract_id: ContractId,
    history: Annotated[bool, typer.Option("--history", help="Show how it came to be what it is.")] = False,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show a contract: whose it is, what it promises, of which tables."""
    from factbook.cli import contract_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        room = factbook.own.contracts
        found = room.history(contract_id) if history else room.get(contract_id, as_of=as_of)
    show_json(found) if as_json else contract_rows.show_one(found)


@app.command()
def export(
    contract_id: ContractId,
    product: Annotated[bool, typer.Option("--product", help="The id is the name of a data product, which is written as ODPS.")] = False,
    output: OutFile = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write a contract as ODCS, in YAML or with --json in JSON: the document as it came, with what was edited here."""
    from factbook.cli import contract_rows

    with opened() as factbook:
        room = factbook.own.product_documents if product else factbook.own.contracts
        document = room.document(contract_id, as_of=as_of)
    contract_rows.write(document, "json" if as_json else "yaml", output)


@app.command()
def edit(
    contract_id: ContractId,
    status: Status = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Who answers for it.")] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")] = None,
    version: Annotated[str | None, typer.Option("--contract-version", metavar="VERSION", help="Its version from now on.")] = None,
    as_json: Json = False,
) -> None:
    """Change what a contract says of itself; its export says so, and all else stays as it was written."""
    from factbook.cli import contract_rows
    from factbook.cli.documents import show_json

    wanted = contract_rows.edit(status=status, owner=owner, description=description, version=version)
    with opened() as factbook:
        found = factbook.own.contracts.edit(contract_id, wanted, by=contract_rows.logged_in())
    show_json(found) if as_json else contract_rows.show_one(found)


@app.command()
def check(
    contract_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The contract; left out: all that are in force.", show_default=False)
    ] = None,
    structure_only: Annotated[bool, typer.Option("--structure-only", help="Ask no source: judge by the last scans alone.")] = False,
    allow_sql: Annotated[bool, typer.Option("--allow-sql", help="Run the contract's own SQL in the source.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check what contracts promise: structure by the last scan, data and service levels by asking the source.

    Ends with 1 if a promise is broken, with 5 if all else holds and some could not be judged, such as that of a table nobody scanned.
    """
    from factbook.cli import contract_check, contract_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        ids = [contract_id] if contract_id is not None else contract_rows.in_force(factbook)
        found = [
            contract_check.check(factbook, each, structure_only=structure_only, allows_sql=allow_sql, quiet=quiet or as_json)
            for each in ids
        ]
    show_json(contract_check.documents(found)) if as_json else contract_check.show(found)
    code = contract_check.code_of(found)
    if code is not ExitCode.OK:
        raise typer.Exit(code)


@app.command()
def draft(
    table: Annotated[str, typer.Argument(metavar="SOURCE.SCHEMA.TABLE", help="A table that was scanned.", show_default=False)],
    output: OutFile = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write a contract that promises what a table keeps now, in YAML or with --json in JSON: columns, types, keys, and what a full count
    showed of its data."""
    from factbook.cli import contract_rows

    with opened() as factbook:
        document = factbook.own.contracts.draft(table, as_of=as_of)
    contract_rows.write(document, "json" if as_json else "yaml", output)


@app.command()
def remove(contract_id: ContractId, as_json: Json = False) -> None:
    """End a contract; its history stays."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say

    with opened() as factbook:
        factbook.own.contracts.remove(contract_id)
    show_json({"id": contract_id, "ended": True}) if as_json else say(f"{contract_id} is ended")
