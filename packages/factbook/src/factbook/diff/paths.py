"""Write and read the path of a difference: where in a table's ``schema_snapshot`` it stands.

Parts are joined by dots. A part that holds a dot or a quote, or is empty, stands in double quotes, with quotes inside doubled:
``columns."unit.price".data_type``. What a list holds is named by its name, not by its place:

=====================================  =======================================================================================
``""``                                 the table or view itself, added or removed; or a schema
``object_type``, ``definition`` …      a field of the table; ``options.engine`` one option; ``partitioning`` its method or key
``columns.price``                      a column, added or removed
``columns.price.data_type``            a field of a column that is there on both sides; ``columns.price.position`` its order
``constraints.orders_pkey``            a constraint, added or removed; one without a name by type and columns
``constraints.orders_pkey.name``       a constraint renamed and otherwise equal; the path has the name after
``indexes.orders_day.parts``           a field of an index
``partitioning.partitions.p2026``      a partition inside its table
=====================================  =======================================================================================
"""

from __future__ import annotations

from factbook_sdk.facts.kinds.schema_snapshot import Constraint


def join_path(*parts: str) -> str:
    """Write the parts as a path."""
    return ".".join(_quoted(part) for part in parts)


def split_path(path: str) -> tuple[str, ...]:
    """Read a path back into its parts; no part for an empty one."""
    parts: list[str] = []
    rest = path
    while rest:
        if rest.startswith('"'):
            part, rest = _unquoted(rest)
        else:
            part, _, rest = rest.partition(".")
        parts.append(part)
    return tuple(parts)


def constraint_label(constraint: Constraint) -> str:
    """Return what names a constraint in a path: its name, or type and columns where the engine gave it none."""
    return constraint.name or f"{constraint.type}({', '.join(constraint.columns) or constraint.expression or ''})"


def _quoted(part: str) -> str:
    return part if part and "." not in part and '"' not in part else f'"{part.replace(chr(34), chr(34) * 2)}"'


def _unquoted(text: str) -> tuple[str, str]:
    """Return the quoted part that ``text`` begins with, and what follows its dot."""
    end = 1
    while end < len(text):
        if text[end] == '"':
            if text[end + 1 : end + 2] != '"':
                break
            end += 1
        end += 1
    return text[1:end].replace('""', '"'), text[end + 2 :]
