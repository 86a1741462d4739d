"""``factbook glossary``: the words of the business, and how they stand to each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.notes import AsJson, AuthorText, DryRun, ExpectedText, Output
from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json

app = typer.Typer(help="Keep the words of the business, and how they stand to each other.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="KEY", help="The term's key, such as active-customer.")]


@app.command("list")
def list_terms(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What occurs in key, name, definition or synonyms.", show_default=False)
    ] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Only draft, approved or deprecated ones.")] = None,
    domain: Annotated[str | None, typer.Option("--domain", metavar="NAME", help="Only those of this domain.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only those this one answers for.")] = None,
    tree: Annotated[bool, typer.Option("--tree", help="All terms, each under those that are broader.")] = False,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most terms to show.")] = 100,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List terms; relations that lead nowhere are named."""
    from factbook.cli import term_rows

    with opened() as factbook:
        if tree:
            term_rows.show_tree(factbook.glossary.tree(limit=limit, as_of=as_of), as_json=as_json)
            return
        wanted = term_rows.filter_of(text, status, domain, owner)
        page = factbook.glossary.page(wanted, limit=limit, cursor=cursor, as_of=as_of)
    term_rows.show_page(page, as_json=as_json)


@app.command()
def show(key: Key, as_of: AsOf = None, as_json: Json = False) -> None:
    """Show a term: what is broader and narrower, who names it, and where it is used."""
    from factbook.cli import term_rows

    with opened() as factbook:
        found = factbook.glossary.get(key, as_of=as_of)
    term_rows.show_term(found, as_json=as_json)


@app.command("set")
def set_term(
    key: Key,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="The word itself; a new term needs it.")] = None,
    definition: Annotated[str | None, typer.Option("--definition", metavar="TEXT", help="What it means.")] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="draft, approved or deprecated.")] = None,
    domain: Annotated[str | None, typer.Option("--domain", metavar="NAME", help="Where the word is used so.")] = None,
    synonym: Annotated[list[str] | None, typer.Option("--synonym", metavar="TEXT", help="Another word for it; may be given again.")] = None,
    owner: Annotated[list[str] | None, typer.Option("--owner", metavar="NAME", help="Who answers for it; may be given again.")] = None,
    relation: Annotated[
        list[str] | None,
        typer.Option(
            "--relation", metavar="TYPE:KEY", help="broader, narrower, related, synonym_of or replaced_by, and a term; may be given again."
        ),
    ] = None,
    author: AuthorText = None,
    expected: ExpectedText = None,
    as_json: Json = False,
) -> None:
    """Make a term, or change what is named of it; lists are replaced as a whole."""
    from factbook.cli import note_rows, term_rows

    with opened() as factbook:
        before, version = term_rows.before(factbook, key)
        wanted = term_rows.changed(key, before, name, definition, status, domain, synonym, owner, relation)
        done = factbook.glossary.put(key, wanted, author=note_rows.author_of(author), expected=expected or version)
    term_rows.show_changed(done, as_json=as_json)


@app.command()
def remove(key: Key, author: AuthorText = None, expected: ExpectedText = None, as_json: Json = False) -> None:
    """Take a term away. What names it stays, and is shown as dangling."""
    from factbook.cli.documents import show_json
    from factbook.cli.note_rows import author_of
    from factbook.cli.terminal import say

    with opened() as factbook:
        factbook.glossary.remove(key, author=author_of(author), expected=expected)
    show_json({"key": key, "removed": True}) if as_json else say(f"{key} is gone")


@app.command("export")
def export_terms(output: Output = None, as_json: AsJson = False) -> None:
    """Write all terms as YAML, for git."""
    from factbook.cli import note_rows
    from factbook.knowledge.term_files import format_terms

    with opened() as factbook:
        note_rows.write_document(format_terms(factbook.glossary.all_terms()), output, as_json=as_json)


@app.command("import")
def import_terms(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `factbook glossary export` writes.")],
    dry_run: DryRun = False,
    prune: Annotated[bool, typer.Option("--prune", help="Take away terms that the file does not name.")] = False,
    author: AuthorText = None,
    as_json: Json = False,
) -> None:
    """Make the terms of a file those of the glossary, all or none. The same file again changes nothing."""
    from factbook.cli import note_rows, term_rows
    from factbook.knowledge.term_files import bring_terms

    text = note_rows.read_text(file)
    with opened() as factbook:
        report = bring_terms(factbook.glossary, text, file.name, author=note_rows.author_of(author), dry_run=dry_run, prune=prune)
    term_rows.show_import(report, as_json=as_json)
