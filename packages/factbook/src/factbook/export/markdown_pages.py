"""A table's page and the indexes above it, as GitHub's Markdown. Pure: entries in, text out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from factbook.export.catalog import TableEntry
from factbook.export.changes import Changed
from factbook.export.markdown_text import code, fence, table, text
from factbook.export.relations import Link, Place, Relations, mermaid
from factbook.export.saying import DATABASE, Said, descriptions, labels, value_text
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics

Linked = Callable[[Place], str]
"""A table's name as a link from the page in hand, or as code where it has no page."""


class Listed(msgspec.Struct, frozen=True):
    """What an index says of a table."""

    place: Place
    object_type: str
    columns: int
    description: str


def listed(entry: TableEntry) -> Listed:
    """Return what an index says of a table; a long description is cut."""
    said = (entry.description() or "").strip().splitlines()
    first = said[0] if said else ""
    shown = first if len(first) <= 160 else first[:159] + "…"
    return Listed((entry.schema, entry.table), words(entry.snapshot.object_type), len(entry.snapshot.columns), shown)


def words(name: str) -> str:
    """Return a word of our vocabulary as people write it: ``materialized view``."""
    return name.replace("_", " ")


def tables_list(tables: Iterable[Listed], linked: Linked) -> str:
    """Return the table of tables of an index."""
    rows = ([linked(item.place), item.object_type, f"{item.columns:,}", text(item.description)] for item in tables)
    return table(("table", "type", "columns", "description"), rows)


def source_head(source_id: str, scan: CatalogScan | None, schemas: int, tables: int) -> str:
    """Return the head of a source's index."""
    of = f"{text(scan.engine)} {text(scan.engine_version)}, " if scan is not None else ""
    return f"# {text(source_id)}\n\n{of}{_count(schemas, 'schema')}, {_count(tables, 'table')} and views\n"


def page(entry: TableEntry, relations: Relations, changes: Sequence[Changed], linked: Linked, *, level: int = 1) -> str:
    """Return everything known of one table. Headings begin at ``level``; sections that have nothing to say are absent."""
    head = f"{'#' * level} {text(f'{entry.schema}.{entry.table}')}"
    parts = [head, *_introduction(entry), *_sections(entry, relations, changes, linked, "#" * (level + 1))]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _introduction(entry: TableEntry) -> Iterator[str]:
    snapshot, observation = entry.snapshot, entry.observation
    facts = [words(snapshot.object_type), f"source {code(entry.source_id)}"]
    if snapshot.owner:
        facts.append(f"owned by role {code(snapshot.owner)}")
    if observation is not None and observation.row_estimate is not None:
        facts.append(f"about {_count(observation.row_estimate, 'row')}")
    if observation is not None and observation.size_bytes is not None:
        facts.append(f"{observation.size_bytes:,} bytes")
    yield ", ".join(facts)
    for said in descriptions(entry):
        yield _signed(said)
    rows = ([text(said.what), text(said.text), _author(said)] for said in labels(entry))
    yield from filter(None, [table(("note", "value", "by"), rows)])


def _sections(entry: TableEntry, relations: Relations, changes: Sequence[Changed], linked: Linked, mark: str) -> Iterator[str]:
    place, snapshot = (entry.schema, entry.table), entry.snapshot
    sections = (
        ("Columns", _columns(entry, relations, linked)),
        ("Relations", fence(mermaid(place, relations), "mermaid") if relations.outgoing(place) or relations.incoming(place) else ""),
        ("References", table(("columns", "refer to", "on update", "on delete", "name"), map(_outgoing(linked), relations.outgoing(place)))),
        ("Referenced by", table(("table", "columns", "refer to", "name"), map(_incoming(linked), relations.incoming(place)))),
        ("Constraints", table(("name", "type", "columns", "expression"), map(_constraint, _others(snapshot.constraints)))),
        ("Indexes", table(("name", "columns", "unique", "method", "where", "include"), map(_index, snapshot.indexes))),
        ("Partitions", _partitions(entry)),
        ("Definition", fence(snapshot.definition, "sql") if snapshot.definition else ""),
        ("Statistics", _statistics(entry)),
        ("Changes", table(("when", "change", "severity", "what", "before", "after", "reason"), map(_change, changes))),
    )
    for title, body in sections:
        if body:
            yield f"{mark} {title}\n\n{body}"


def _columns(entry: TableEntry, relations: Relations, linked: Linked) -> str:
    place = (entry.schema, entry.table)
    primary = {name for item in entry.snapshot.constraints if item.type == "primary_key" for name in item.columns}
    unique = {item.columns[0] for item in entry.snapshot.constraints if item.type == "unique" and len(item.columns) == 1}
    targets = {name: item.other for item in relations.outgoing(place) for name in item.columns}

    def key(name: str) -> str:
        roles = ["primary"] if name in primary else ["unique"] if name in unique else []
        return ", ".join([*roles, *([f"→ {linked(targets[name])}"] if name in targets else [])])

    rows = (
        [
            code(column.name),
            code(column.data_type),
            "" if column.nullable else "not null",
            key(column.name),
            code(_default(column)),
            _said_of_column(entry, column.name),
        ]
        for column in entry.snapshot.columns
    )
    return table(("column", "type", "null", "key", "default", "description"), rows)


def _default(column: Column) -> str:
    if column.generated:
        return f"{column.generated} {column.generation_expression or ''}".strip()
    return column.identity or column.default or ""


def _said_of_column(entry: TableEntry, column: str) -> str:
    said = [_signed(item) for item in descriptions(entry, column)]
    said += [f"{text(item.what)}: {text(item.text)} ({_author(item)})" for item in labels(entry, column)]
    return "<br>".join(said)


def _signed(said: Said) -> str:
    return text(said.text) if said.author == DATABASE else f"{text(said.text)} ({_author(said)})"


def _author(said: Said) -> str:
    return text(said.author) if said.confidence is None else f"{text(said.author)}, {said.confidence:.0%} sure"


def _outgoing(linked: Linked) -> Callable[[Link], list[str]]:
    return lambda item: [
        _codes(item.columns),
        f"{linked(item.other)} {_codes(item.other_columns)}".strip(),
        _action(item.on_update),
        _action(item.on_delete),
        code(item.name or ""),
    ]


def _incoming(linked: Linked) -> Callable[[Link], list[str]]:
    return lambda item: [linked(item.place), _codes(item.columns), _codes(item.other_columns), code(item.name or "")]


def _action(action: str | None) -> str:
    return "" if action is None else text(action.lower())


def _others(constraints: Iterable[Constraint]) -> Iterator[Constraint]:
    """Yield what no other section shows."""
    return (item for item in constraints if item.type not in ("foreign_key", "not_null"))


def _constraint(item: Constraint) -> list[str]:
    return [code(item.name or ""), words(item.type), _codes(item.columns), code(item.expression or "")]


def _index(item: Index) -> list[str]:
    parts = ", ".join(code(part.column or part.expression or "") + (" descending" if part.descending else "") for part in item.parts)
    unique = "yes" if item.unique else ""
    return [code(item.name), parts, unique, text(item.method or ""), code(item.predicate or ""), _codes(item.include)]


def _partitions(entry: TableEntry) -> str:
    parts = []
    if entry.snapshot.partition_of is not None:
        parent = entry.snapshot.partition_of
        parts.append(
            f"Partition of {code('.'.join(filter(None, (parent.schema, parent.table))))} {code(parent.bound or '')}".rstrip() + "\n"
        )
    if entry.snapshot.partitioning is not None:
        kept = entry.snapshot.partitioning
        parts.append(f"By {text(kept.strategy)}: {code(kept.key)}\n")
        parts.append(table(("partition", "values"), ([code(part.name), code(part.values or "")] for part in kept.partitions)))
    return "\n".join(filter(None, parts))


def _statistics(entry: TableEntry) -> str:
    measured = entry.statistics
    if measured is None:
        return ""
    rows = f"{measured.row_count:,} rows" if measured.row_count is not None else "rows not counted"
    when = f", {entry.measured_at:%Y-%m-%d %H:%M} UTC" if entry.measured_at is not None else ""
    names = ("column", "null", "distinct", "minimum", "maximum", "mean", "most frequent")
    return f"{rows} ({measured.origin}{when})\n\n" + table(names, (_measured(item, measured.row_count) for item in measured.columns))


def _measured(item: ColumnStatistics, rows: int | None) -> list[str]:
    nulls = "" if item.null_count is None else f"{item.null_count / rows:.1%}" if rows else f"{item.null_count:,}"
    distinct = "" if item.distinct_count is None else f"{'≈ ' if item.distinct_is_estimate else ''}{item.distinct_count:,}"
    frequent = ", ".join(f"{code(value_text(found.value)) or 'null'} ({found.count:,})" for found in item.frequent[:5])
    mean = "" if item.mean is None else f"{item.mean:.6g}"
    return [code(item.name), nulls, distinct, code(value_text(item.minimum)), code(value_text(item.maximum)), mean, frequent]


def _change(item: Changed) -> list[str]:
    moment = f"{item.moment:%Y-%m-%d %H:%M}"
    return [moment, item.change, item.severity, code(item.path), code(item.before), code(item.after), text(item.reason)]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(code, names))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
