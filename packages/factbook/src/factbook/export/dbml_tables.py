"""A table, its enums and its references in DBML (dbml.dbdiagram.io/docs). Pure: entries in, text out, what is lost counted."""

from __future__ import annotations

from collections.abc import Iterator

from factbook.export.catalog import TableEntry
from factbook.export.contract import Tally
from factbook.export.dbml_text import default, expression, quoted, settings, string, type_name
from factbook.export.relations import Link, Place, Relations
from factbook.export.saying import DATABASE, Said, descriptions, labels
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart

_METHODS = frozenset({"brin", "btree", "gin", "gist", "hash", "spgist"})
_ACTIONS = frozenset({"cascade", "restrict", "set null", "set default", "no action"})


def table(entry: TableEntry, name: str, enum: dict[str, str], tally: Tally) -> Iterator[str]:
    """Yield the lines of a table. ``enum`` holds the enum's name for each column that has one."""
    snapshot = entry.snapshot
    primary = next((item.columns for item in snapshot.constraints if item.type == "primary_key"), [])
    unique = {item.columns[0] for item in snapshot.constraints if item.type == "unique" and len(item.columns) == 1}
    yield f"Table {name} {{\n"
    for column in snapshot.columns:
        parts = _column_settings(entry, column, [*primary] == [column.name], column.name in unique)
        if column.generated:
            tally.lose("Generated columns have no place in DBML: their expressions are in notes")
        yield f"  {quoted(column.name)} {enum.get(column.name) or type_name(column.data_type)}{settings(parts)}\n"
    yield from _block("checks", [_check(item) for item in snapshot.constraints if item.type == "check" and item.expression])
    yield from _block("indexes", list(_indexes(entry, primary, tally)))
    if text := _table_note(entry):
        yield f"\n  Note: {string(text)}\n"
    yield "}\n\n"
    tally.lose("Views have no place in DBML: they are tables whose notes say so", int("view" in snapshot.object_type))
    tally.lose("Partitioning has no place in DBML", int(snapshot.partitioning is not None or snapshot.partition_of is not None))
    tally.lose("Exclusion constraints have no place in DBML", sum(item.type == "exclusion" for item in snapshot.constraints))


def enums(entry: TableEntry, schema: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (column, enum's name, values) of columns with a set of values; ``schema`` is the schema's name in the document."""
    for column in entry.snapshot.columns:
        values = [value for value in dict.fromkeys(column.enum_values) if value]
        if not values or column.array_dimensions or column.data_type.endswith("]"):
            continue
        own = column.data_type.rpartition(".")[2].strip('"')
        is_anonymous = "(" in own
        yield column.name, f"{quoted(schema)}.{quoted(f'{entry.table}_{column.name}' if is_anonymous else own)}", values


def enum(name: str, values: list[str]) -> str:
    """Return an enum."""
    return f"Enum {name} {{\n" + "".join(f"  {quoted(value)}\n" for value in values) + "}\n\n"


def ends(link: Link, names: dict[Place, str], relations: Relations) -> tuple[str, str] | None:
    """Return both ends of a reference, the table's own first; ``None`` for one to what is not there, or of columns to themselves."""
    theirs = link.other_columns or relations.primary(link.other)
    if link.other not in names or len(theirs) != len(link.columns) or not relations.columns(link.other).issuperset(theirs):
        return None
    child, parent = endpoint(names[link.place], link.columns), endpoint(names[link.other], theirs)
    return None if child == parent else (child, parent)


def reference(link: Link, child: str, parent: str) -> str:
    """Return a reference between two ends."""
    actions = (("delete", link.on_delete), ("update", link.on_update))
    kept = [f"{when}: {action.lower()}" for when, action in actions if action and action.lower() in _ACTIONS]
    # In a one-to-one reference the second end holds the foreign key.
    arrow = f"{parent} - {child}" if link.is_single else f"{child} > {parent}"
    return f"Ref{f' {quoted(link.name)}' if link.name else ''}: {arrow}{settings(kept)}\n"


def endpoint(table_name: str, columns: list[str]) -> str:
    """Return one end of a reference."""
    shown = ", ".join(map(quoted, columns))
    return f"{table_name}.{shown}" if len(columns) == 1 else f"{table_name}.({shown})"


def _column_settings(entry: TableEntry, column: Column, is_primary: bool, is_unique: bool) -> list[str]:
    parts = ["pk"] if is_primary else []
    parts += ["unique"] if is_unique and not is_primary else []
    parts += [] if column.nullable else ["not null"]
    counts = column.identity is not None or (column.default or "").startswith("nextval(")
    parts += ["increment"] if counts else []
    if column.default is not None and not column.generated and not counts:
        parts.append(f"default: {default(column.default)}")
    said = _words(descriptions(entry, column.name), labels(entry, column.name))
    if column.generated:
        said.append(f"generated {column.generated}: {column.generation_expression or ''}")
    return [*parts, f"note: {string(chr(10).join(said))}"] if said else parts


def _table_note(entry: TableEntry) -> str:
    kind = entry.snapshot.object_type
    said = _words(descriptions(entry), labels(entry))
    return "\n".join(said if kind == "table" else [kind.replace("_", " ").capitalize(), *said])


def _words(described: list[Said], labelled: list[Said]) -> list[str]:
    return [item.text if item.author == DATABASE else f"{item.text} ({item.author})" for item in described] + [
        f"{item.what}: {item.text} ({item.author})" for item in labelled
    ]


def _check(item: Constraint) -> str:
    return expression(item.expression or "") + settings([f"name: {string(item.name)}"] if item.name else [])


def _block(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"\n  {title} {{\n"
        yield from (f"    {line}\n" for line in lines)
        yield "  }\n"


def _indexes(entry: TableEntry, primary: list[str], tally: Tally) -> Iterator[str]:
    snapshot = entry.snapshot
    if len(primary) > 1:
        yield f"({', '.join(map(quoted, primary))}) [pk]"
    covered = {tuple(primary)}
    for index in snapshot.indexes:
        columns = tuple(part.column or "" for part in index.parts)
        if index.primary or not index.parts:
            continue
        if index.unique and not index.predicate:
            covered.add(columns)
        tally.lose("Descending keys of indexes have no place in DBML", int(any(part.descending for part in index.parts)))
        yield f"({', '.join(map(_part, index.parts))}){settings(_index_settings(index))}"
    for item in snapshot.constraints:
        if item.type == "unique" and len(item.columns) > 1 and tuple(item.columns) not in covered:
            yield f"({', '.join(map(quoted, item.columns))})" + settings(["unique", *([f"name: {string(item.name)}"] if item.name else [])])


def _part(part: IndexPart) -> str:
    return quoted(part.column) if part.column is not None else expression(part.expression or "")


def _index_settings(index: Index) -> list[str]:
    """Return an index's settings. That rows are unique where a condition holds is less than unique, so that a note says it."""
    parts = [f"name: {string(index.name)}"]
    parts += ["unique"] if index.unique and not index.predicate else []
    parts += [f"type: {index.method}"] if index.method in _METHODS else []
    said = [f"{'unique ' if index.unique else ''}where {index.predicate}"] if index.predicate else []
    said += [f"include {', '.join(index.include)}"] if index.include else []
    return [*parts, f"note: {string('; '.join(said))}"] if said else parts
