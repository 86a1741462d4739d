"""Drawings as inline SVG: a table with those one foreign key away, and a histogram. Pure; styles are classes of the style sheet.

Drawn here and not by Mermaid in the reader's browser, which would take 3 MB of script (decision 0019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from markupsafe import Markup, escape

from factbook.export.relations import Key, Link, Place, Relations, neighbours
from factbook.export.saying import value_text
from factbook_sdk.facts.kinds.statistics_snapshot import Bin

MAX_DRAWN = 8
"""Tables drawn on each side."""

_MAX_ROWS = 8
_WIDTH, _GAP_X, _GAP_Y = 230, 90, 18
_HEAD, _ROW = 28, 20
_MAX_CHARACTERS = 27
"""What fits into a box's width in the type that the style sheet sets."""

Href = Callable[[Place], str | None]


class _Box(msgspec.Struct):
    place: Place
    label: str
    keys: list[Key]
    more: int
    x: int
    y: int = 0

    @property
    def height(self) -> int:
        return _HEAD + _ROW * (len(self.keys) + (self.more > 0)) + (6 if self.keys else 0)

    def port(self, column: str | None) -> int:
        """Return the height at which a line of a column arrives; of one that is not shown, the head's."""
        names = [key.name for key in self.keys]
        row = names.index(column) if column in names else -1
        return self.y + (_HEAD + 3 + _ROW * row + _ROW // 2 if row >= 0 else _HEAD // 2)


def neighbourhood(place: Place, relations: Relations, href: Href) -> Markup:
    """Return the drawing: what the table refers to on the left, what refers to it on the right; empty where nothing does."""
    outgoing, incoming = relations.outgoing(place), relations.incoming(place)
    left, right = neighbours(outgoing, place, outgoing=True), neighbours(incoming, place, outgoing=False)
    if not left and not right:
        return Markup()
    has_left = bool(left)
    middle_x = _WIDTH + _GAP_X if has_left else 0
    columns = [
        [_neighbour(other, place, relations, 0) for other in left[:MAX_DRAWN]],
        [_box(place, place, relations.keys(place), middle_x)],
        [_neighbour(other, place, relations, middle_x + _WIDTH + _GAP_X) for other in right[:MAX_DRAWN]],
    ]
    height = max(sum(box.height + _GAP_Y for box in boxes) - _GAP_Y for boxes in columns if boxes)
    for boxes in columns:
        y = (height - sum(box.height + _GAP_Y for box in boxes) + _GAP_Y) // 2
        for box in boxes:
            box.y, y = y, y + box.height + _GAP_Y
    leftmost, rightmost = ({box.place: box for box in boxes} for boxes in (columns[0], columns[2]))
    middle = columns[1][0]
    lines = [_line(middle, leftmost[link.other], link) for link in outgoing if link.other in leftmost]
    lines += [_line(rightmost[link.place], middle, link) for link in incoming if link.place in rightmost]
    width = middle_x + _WIDTH + (_GAP_X + _WIDTH if right else 0)
    drawn = [_drawn(box, href(box.place), is_middle=box is middle) for boxes in columns for box in boxes]
    label = escape(f"Diagram: {place[1]}, {len(left)} tables it refers to and {len(right)} that refer to it")
    size = f'viewBox="-1 -1 {width + 2} {height + 2}" width="{width + 2}" height="{height + 2}"'
    # Every text in it went through escape.
    return Markup(f'<svg class="er" {size} role="group" aria-label="{label}">{"".join(lines + drawn)}</svg>')  # noqa: S704


def histogram(bins: Sequence[Bin], column: str, bound: Callable[[float], str] = value_text) -> Markup:
    """Return bars, one a bin, each with its bounds and count for who points at it; ``bound`` says a bound in words."""
    if not bins:
        return Markup()
    most = max(item.count for item in bins) or 1
    bars = []
    for number, item in enumerate(bins):
        tall = round(44 * item.count / most, 1)
        said = escape(f"{bound(item.lower)} to {bound(item.upper)}: {item.count:,}")
        bars.append(f'<rect x="{number * 12}" y="{46 - tall:g}" width="10" height="{tall + 2:g}"><title>{said}</title></rect>')
    label = escape(f"Histogram of {column} from {bound(bins[0].lower)} to {bound(bins[-1].upper)}, {len(bins)} bars")
    size = f'viewBox="0 0 {len(bins) * 12} 48" preserveAspectRatio="none"'
    # Every text in it went through escape.
    return Markup(f'<svg class="histogram" {size} role="img" aria-label="{label}">{"".join(bars)}</svg>')  # noqa: S704


def _neighbour(place: Place, centre: Place, relations: Relations, x: int) -> _Box:
    """Return a neighbour's box: its primary key, and of its foreign keys those that lead to the table in the middle."""
    leading = {name for link in relations.outgoing(place) if link.other == centre for name in link.columns}
    return _box(place, centre, [key for key in relations.keys(place) if key.is_primary or key.name in leading], x)


def _box(place: Place, centre: Place, keys: list[Key], x: int) -> _Box:
    label = place[1] if place[0] == centre[0] else f"{place[0]}.{place[1]}"
    return _Box(place, label, keys[:_MAX_ROWS], len(keys) - _MAX_ROWS, x)


def _line(child: _Box, parent: _Box, link: Link) -> str:
    """Return the line from a foreign key, on the left side of its table, to the right side of the table it refers to."""
    x1, y1 = child.x, child.port(link.columns[0] if link.columns else None)
    theirs = link.other_columns[0] if link.other_columns else next((key.name for key in parent.keys if key.is_primary), None)
    x2, y2 = parent.x + _WIDTH, parent.port(theirs)
    bend = (x1 - x2) // 2
    foot = f"M{x1} {y1 - 5}L{x1 - 10} {y1}L{x1} {y1 + 5}" if not link.is_single else f"M{x1 - 7} {y1 - 5}V{y1 + 5}"
    bar = f"M{x2 + 7} {y2 - 5}V{y2 + 5}"
    said = escape(f"{', '.join(link.columns)} refers to {link.other[1]}")
    path = f"M{x1} {y1}C{x1 - bend} {y1} {x2 + bend} {y2} {x2} {y2}{foot}{bar}"
    return f'<path class="{"optional" if link.is_optional else "needed"}" d="{path}"><title>{said}</title></path>'


def _drawn(box: _Box, href: str | None, *, is_middle: bool) -> str:
    name = escape(f"{box.place[0]}.{box.place[1]}")
    parts = [
        f'<rect class="box" x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{box.height}" rx="6"/>',
        f'<text class="name" x="{box.x + 10}" y="{box.y + 19}">{_cut(box.label, _MAX_CHARACTERS)}<title>{name}</title></text>',
    ]
    for row, key in enumerate(box.keys):
        y = box.y + _HEAD + 3 + _ROW * row + 14
        role = "PK" if key.is_primary else "FK"
        parts.append(f'<text class="role" x="{box.x + 10}" y="{y}">{role}</text>')
        parts.append(f'<text x="{box.x + 36}" y="{y}">{_cut(key.name, _MAX_CHARACTERS - 3)}</text>')
    if box.more > 0:
        y = box.y + _HEAD + 3 + _ROW * len(box.keys) + 14
        parts.append(f'<text class="role" x="{box.x + 36}" y="{y}">and {box.more} more</text>')
    inner = "".join(parts)
    if is_middle or href is None:
        return f'<g class="{"middle" if is_middle else "away"}">{inner}</g>'
    return f'<a href="{escape(href)}">{inner}</a>'


def _cut(text: str, length: int) -> Markup:
    shown = " ".join(text.split())
    return escape(shown if len(shown) <= length else shown[: length - 1] + "…")
