"""What passes between the process that reads SQL and the one that asks it: values alone, so that neither needs the other's libraries.

A statement is read in two steps. :class:`Parsed` says which tables it mentions; whoever asked says which columns those have; then
:class:`Traced` says which of them end in which output.
"""

from __future__ import annotations

from typing import Literal

import msgspec

DIRECT = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")
"""How a value comes from another, the strongest last. Terms of OpenLineage's column lineage facet."""

INDIRECT = ("FILTER", "JOIN", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL")
"""How a column decides about values without being one of them."""

_RANK = {subtype: rank for rank, subtype in enumerate(DIRECT)}


def is_direct(subtype: str) -> bool:
    """Return whether values come through, and not only what decides about them."""
    return subtype in _RANK


def stronger(one: str, other: str) -> str:
    """Return the stronger of two direct subtypes."""
    return one if _RANK[one] >= _RANK[other] else other


def through(outer: str, inner: str) -> str:
    """Return what a column is to an output, being ``inner`` to something that is ``outer`` to it."""
    if outer == "IDENTITY":
        return inner
    if outer not in _RANK:
        return outer
    return stronger(outer, inner) if inner in _RANK else inner


Parts = tuple[str, ...]
"""One to three identifiers; those that are taken as they are written stand in double quotes."""


class Read(msgspec.Struct, frozen=True, tag="read"):
    """The first step: read a statement. ``hides_literals`` has strings in it replaced by ``?``."""

    sql: str
    dialect: str
    hides_literals: bool = False


class Trace(msgspec.Struct, frozen=True, tag="trace"):
    """The second step: the columns of each table mentioned in the statement just read, ``None`` where they are not known."""

    columns: list[list[str] | None]


class Parsed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="parsed"):
    """What a statement does.

    ``writes``: it fills ``target``; ``reads``: it is a bare query; ``declares``: it creates ``target`` with ``columns`` and no rows;
    ``drops``: it removes ``target``; ``nothing``: nothing that has lineage. ``columns`` are the target's, as far as the statement names
    them; ``by_position`` says that outputs fill the target's own columns in order. ``text`` is the statement without its literals, where
    that was asked for. ``note`` says what of it was not read.
    """

    does: Literal["writes", "reads", "declares", "drops", "nothing"]
    target: Parts | None = None
    is_temporary: bool = False
    is_view: bool = False
    columns: list[str] | None = None
    by_position: bool = False
    mentions: list[Parts] = []
    text: str | None = None
    note: str | None = None


class Edge(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A column of the table ``mention``, and how it takes part: one of :data:`DIRECT` or :data:`INDIRECT`."""

    mention: int
    column: str
    subtype: str
    transformation: str | None = None


class Output(msgspec.Struct, frozen=True, gc=False):
    """A column the statement makes, in order, and what it is made from."""

    name: str
    edges: list[Edge]


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A name that means nothing that is known, and why."""

    name: str
    reason: str


class Traced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="traced"):
    """What a statement makes. ``rows`` are the columns that decide which rows there are; ``stars`` are tables whose columns are not
    known, so that ``*`` stayed what it is."""

    outputs: list[Output] = []
    rows: list[Edge] = []
    stars: list[int] = []
    unknown: list[Unknown] = []


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Why a statement was not understood."""

    reason: str


Question = Read | Trace
Answer = Parsed | Traced | Refused
