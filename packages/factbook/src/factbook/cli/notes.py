"""``factbook notes``: say what data is, see what everybody says, and judge what machines suggest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json

if TYPE_CHECKING:
    from factbook.knowledge.editing import NewNote

app = typer.Typer(help="Say what data is, see what everybody says, and judge what machines suggest.", no_args_is_help=True)

PlaceText = Annotated[
    str, typer.Argument(metavar="PLACE", help="SOURCE, SOURCE/SCHEMA, SOURCE/SCHEMA/TABLE or SOURCE/SCHEMA/TABLE/COLUMN; - is no schema.")
]
AuthorText = Annotated[
    str | None, typer.Option("--author", metavar="WHO", help="person:NAME, agent:NAME or rule:NAME; default: the person who is logged in.")
]
ExpectedText = Annotated[
    str | None, typer.Option("--expected", metavar="VERSION", help="Only if the notes are still of the version that was read.")
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; default: stdout.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write the same as JSON, which `import` reads as well.")]
Items = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most lines to show.")]

Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="What it is.")]
Owners = Annotated[list[str] | None, typer.Option("--owner", metavar="NAME", help="Who answers for it; may be given again.")]
Stewards = Annotated[list[str] | None, typer.Option("--steward", metavar="NAME", help="Who looks after it; may be given again.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be given again.")]
Classes = Annotated[
    list[str] | None, typer.Option("--classification", metavar="CLASS", help="As public, personal or secret; may be given again.")
]
TermKeys = Annotated[list[str] | None, typer.Option("--term", metavar="KEY", help="A term of the glossary; may be given again.")]
Certified = Annotated[str | None, typer.Option("--certified", metavar="TEXT", help="That it may be relied on: yes, or how.")]
Deprecated = Annotated[
    str | None, typer.Option("--deprecated", metavar="TEXT", help="That it should not be used any more: yes, or what instead.")
]
Links = Annotated[list[str] | None, typer.Option("--link", metavar="URL", help="Where more is written; may be given again.")]
Custom = Annotated[list[str] | None, typer.Option("--custom", metavar="NAME=VALUE", help="Whatever else; may be given again.")]


@app.command()
def show(place: PlaceText, as_of: AsOf = None, limit: Items = 100, cursor: Cursor = None, as_json: Json = False) -> None:
    """Show what is known of a place and of everything in it, with who says it."""
    from factbook.cli import note_rows
    from factbook.cli.documents import show_json
    from factbook.knowledge import parse_place

    with opened() as factbook:
        page = factbook.notes.reading.page(parse_place(place), limit=limit, cursor=cursor, as_of=as_of)
    show_json(page) if as_json else note_rows.show_page(page)


@app.command("set")
def set_notes(
    place: PlaceText,
    description: Description = None,
    owner: Owners = None,
    steward: Stewards = None,
    tag: Tags = None,
    classification: Classes = None,
    term: TermKeys = None,
    certified: Certified = None,
    deprecated: Deprecated = None,
    link: Links = None,
    custom: Custom = None,
    reason: Reason = None,
    author: AuthorText = None,
    expected: ExpectedText = None,
    as_json: Json = False,
) -> None:
    """Give properties these values, in place of what you said of them before."""
    from factbook.cli.note_rows import notes_of

    notes = notes_of(description, owner, steward, tag, classification, term, certified, deprecated, link, custom, reason)
    _change(place, author, expected, as_json, said=notes)


@app.command()
def add(
    place: PlaceText,
    owner: Owners = None,
    steward: Stewards = None,
    tag: Tags = None,
    classification: Classes = None,
    term: TermKeys = None,
    link: Links = None,
    reason: Reason = None,
    author: AuthorText = None,
    expected: ExpectedText = None,
    as_json: Json = False,
) -> None:
    """Say more, beside what you said before."""
    from factbook.cli.note_rows import notes_of

    notes = notes_of(None, owner, steward, tag, classification, term, None, None, link, None, reason)
    _change(place, author, expected, as_json, more=notes)


@app.command()
def remove(
    place: PlaceText,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME", help="All you say of it: description, owner, tag …; may be given again."),
    ] = None,
    owner: Owners = None,
    steward: Stewards = None,
    tag: Tags = None,
    classification: Classes = None,
    term: TermKeys = None,
    link: Links = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything you say of the place, what you reject as well.")] = False,
    author: AuthorText = None,
    expected: ExpectedText = None,
    as_json: Json = False,
) -> None:
    """Take back what you said. What others say stays."""
    from factbook.cli import note_rows
    from factbook.knowledge import NoteChange, parse_place

    values = note_rows.notes_of(None, owner, steward, tag, classification, term, None, None, link, None, None)
    with opened() as factbook:
        writing, who = factbook.notes.writing, note_rows.author_of(author)
        if everything:
            own = writing.withdraw(parse_place(place), who, expected=expected)
        else:
            change = NoteChange(remove=note_rows.removals_of(properties, values))
            own = writing.change(parse_place(place), who, change, expected=expected)
    note_rows.show_own(own, as_json=as_json)


def _change(
    place: str,
    author: str | None,
    expected: str | None,
    as_json: bool,
    *,
    said: list[NewNote] | None = None,
    more: list[NewNote] | None = None,
) -> None:
    from factbook.cli import note_rows
    from factbook.knowledge import NoteChange, parse_place

    with opened() as factbook:
        change = NoteChange(set=said or [], add=more or [])
        own = factbook.notes.writing.change(parse_place(place), note_rows.author_of(author), change, expected=expected)
    note_rows.show_own(own, as_json=as_json)


@app.command()
def search(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What occurs in it.", show_default=False)] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only where this tag is said.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only where this owner is said.")] = None,
    term: Annotated[str | None, typer.Option("--term", metavar="KEY", help="Only where this term is said.")] = None,
    classification: Annotated[str | None, typer.Option("--classification", metavar="CLASS", help="Only where this is said.")] = None,
    source_id: Annotated[str | None, typer.Option("--source", metavar="ID", help="Only in this source.")] = None,
    as_of: AsOf = None,
    limit: Items = 100,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Find what is said, by words or whole values."""
    from factbook.cli import note_rows
    from factbook.cli.documents import show_json
    from factbook.knowledge import NoteFilter

    wanted = NoteFilter(text=text, tag=tag, owner=owner, term=term, classification=classification, source_id=source_id)
    with opened() as factbook:
        page = factbook.notes.search.page(wanted, limit=limit, cursor=cursor, as_of=as_of)
    show_json(page) if as_json else note_rows.show_found(page)


@app.command()
def history(
    place: PlaceText,
    limit: Items = 100,
    after_offset: Annotated[int | None, typer.Option("--after-offset", metavar="N", min=0, help="Continue after this offset.")] = None,
    as_json: Json = False,
) -> None:
    """Show what each author said from when on, newest last."""
    from factbook.cli import note_rows
    from factbook.cli.documents import show_json
    from factbook.knowledge import parse_place

    with opened() as factbook:
        page = factbook.notes.reading.history(parse_place(place), limit=limit, after_offset=after_offset)
    show_json(page) if as_json else note_rows.show_history(page)


@app.command("export")
def export_notes(
    source_id: Annotated[str, typer.Argument(metavar="SOURCE", help="The source to write notes of.")],
    output: Output = None,
    author: AuthorText = None,
    as_json: AsJson = False,
) -> None:
    """Write what an author says of a source as YAML, for git."""
    from factbook.cli import note_rows

    with opened() as factbook:
        text = factbook.notes.files.export(source_id, note_rows.author_of(author))
    note_rows.write_document(text, output, as_json=as_json)


@app.command("import")
def import_notes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `factbook notes export` writes.")],
    dry_run: DryRun = False,
    prune: Annotated[bool, typer.Option("--prune", help="Take back what the author says of places that the file does not name.")] = False,
    author: Annotated[str | None, typer.Option("--author", metavar="WHO", help="Whose it is, if the file does not say so.")] = None,
    as_json: Json = False,
) -> None:
    """Let the author of a file say what stands in it. The same file again changes nothing."""
    from factbook.cli import note_rows
    from factbook.cli.documents import show_json

    text = note_rows.read_text(file)
    with opened() as factbook:
        report = factbook.notes.files.bring(text, file.name, author=note_rows.author_of(author), dry_run=dry_run, prune=prune)
    show_json(report) if as_json else note_rows.show_import(report)


@app.command()
def suggest(
    source_id: Annotated[str, typer.Argument(metavar="SOURCE", help="The source that is suggested something of.")],
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="ID", help="Make this one your own note; may be given again.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option("--reject", metavar="ID", help="Say that this one is wrong; may be given again.")
    ] = None,
    reason: Reason = None,
    author: AuthorText = None,
    limit: Items = 100,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Show what machines suggest and nobody has judged: guesses of agents, and labels that follow lineage. Or judge some of it."""
    from factbook.cli import note_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        who = note_rows.author_of(author)
        judged = [factbook.suggestions.accept(source_id, item, who, reason=reason) for item in accept or ()]
        judged += [factbook.suggestions.reject(source_id, item, who, reason=reason) for item in reject or ()]
        page = None if judged else factbook.suggestions.page(source_id, limit=limit, cursor=cursor)
    if page is None:
        note_rows.show_judged(judged, as_json=as_json)
    else:
        show_json(page) if as_json else note_rows.show_suggestions(page)
