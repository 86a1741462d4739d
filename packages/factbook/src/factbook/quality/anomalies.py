"""Numbers that do not fit their own history: pure, deterministic, and without a look ahead.

Each point is judged by the points before it. The band is ``centre - k * spread .. centre + k * spread``: the centre is the median, the
spread 1.4826 * MAD (Rousseeuw and Croux, 1993), on a side where the history reaches further that of the side, and never less than a stated
floor, so that a number that never moved may move a little. A history that goes one way in most of its steps is carried on by its median
step first. Where each weekday has its own level, and that explains the numbers better, the centre is that of the weekday.

Anomalies stay in the history: median and MAD hardly mind them, and a season could not be learnt without its weekends. (A moving average
would mind, so for it they are cut to the edge of the band.) ``settles_after`` anomalies in a row on one side are a new level, and history
begins with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import Literal

import msgspec

Method = Literal["robust_band", "moving_average"]


class Point(msgspec.Struct, frozen=True, order=True):
    """One measurement. ``at`` is aware; weekdays are those of UTC."""

    at: datetime
    value: float


class Options(msgspec.Struct, frozen=True):
    """``minimum_points`` below which nothing is said; ``window`` points that make a band; ``width`` is k.

    ``floor_share`` of the centre, and at least ``floor``, is the smallest spread. A weekday needs ``points_per_weekday`` earlier points.
    """

    method: Method = "robust_band"
    minimum_points: int = 14
    window: int = 60
    width: float = 4.5
    floor_share: float = 0.01
    floor: float = 0.0
    points_per_weekday: int = 2
    settles_after: int = 5


class Band(msgspec.Struct, frozen=True):
    """What history allows, made of ``points`` earlier measurements. ``drift`` is what each step adds."""

    low: float
    centre: float
    high: float
    points: int
    seasonality: Literal["weekday"] | None = None
    drift: float = 0.0

    def direction(self, value: float) -> Literal["above", "below"] | None:
        """Return on which side of the band a value lies, ``None`` inside."""
        return "above" if value > self.high else "below" if value < self.low else None

    def distance(self, value: float) -> float:
        """Return how many half-widths of its side a value lies from the centre."""
        half = self.high - self.centre if value > self.centre else self.centre - self.low
        return abs(value - self.centre) / half if half else 0.0


class Judgement(msgspec.Struct, frozen=True):
    """One point and the band it was held against; no band while there are too few points before it."""

    point: Point
    band: Band | None
    direction: Literal["above", "below"] | None = None


_SAME_WAY = 0.75
"""A history drifts if at least this share of its steps goes one way."""
_EXPLAINS = 0.25
"""A season must shrink the spread to at most this share."""
_TO_SIGMA = 1.4826
_TO_MEAN_SIGMA = 1.2533


def judge_series(points: Sequence[Point], options: Options) -> list[Judgement]:
    """Judge every point by those before it, in the order of time; points in any order give the same answer."""
    history: list[Point] = []
    outside = 0
    last: str | None = None
    found: list[Judgement] = []
    for point in sorted(points):
        band = band_of(history, point.at, options)
        direction = band.direction(point.value) if band is not None else None
        found.append(Judgement(point, band, direction))
        outside = 0 if direction is None else outside + 1 if direction == last else 1
        last = direction
        history.append(_damped(point, band, options))
        if outside >= options.settles_after:
            history, outside = [one.point for one in found[-outside:]], 0
        history = history[-options.window :]
    return found


def _damped(point: Point, band: Band | None, options: Options) -> Point:
    if options.method == "robust_band" or band is None:
        return point
    return Point(point.at, min(max(point.value, band.low), band.high))


def band_of(history: Sequence[Point], at: datetime, options: Options) -> Band | None:
    """Return the band for the point that follows ``history`` at a moment; ``None`` if there are too few."""
    if len(history) < options.minimum_points:
        return None
    values = [point.value for point in history]
    if options.method == "moving_average":
        centre, spread = fmean(values), pstdev(values)
        return _band(centre, (spread, spread), len(values), None, 0.0, options)
    drift = _drift(values)
    # Each earlier value is carried on to the step of the one that is judged.
    carried = [value + drift * (len(values) - index) for index, value in enumerate(values)]
    seasonal = _weekday(history, carried, at, options)
    if seasonal is not None:
        return _band(seasonal[0], (seasonal[1], seasonal[1]), len(values), "weekday", drift, options)
    centre = median(carried)
    return _band(centre, _spreads(carried, centre), len(values), None, drift, options)


def _band(
    centre: float, spreads: tuple[float, float], points: int, seasonality: Literal["weekday"] | None, drift: float, options: Options
) -> Band:
    below, above = (options.width * max(spread, options.floor, options.floor_share * abs(centre)) for spread in spreads)
    return Band(centre - below, centre, centre + above, points, seasonality, drift)


def _drift(values: Sequence[float]) -> float:
    steps = [after - before for before, after in pairwise(values)]
    up = sum(step > 0 for step in steps)
    down = sum(step < 0 for step in steps)
    return median(steps) if max(up, down) >= _SAME_WAY * len(steps) else 0.0


def _deviation(distances: Sequence[float]) -> float:
    return _TO_SIGMA * median(distances)


def _spreads(values: Sequence[float], centre: float) -> tuple[float, float]:
    """Return the spread below and above the centre; where one side reaches further than the other, it has its own."""
    both = _deviation([abs(value - centre) for value in values])
    below = _deviation([centre - value for value in values if value <= centre])
    above = _deviation([value - centre for value in values if value >= centre])
    return max(both, below), max(both, above)


def _weekday(history: Sequence[Point], values: Sequence[float], at: datetime, options: Options) -> tuple[float, float] | None:
    """Return the weekday's own centre, and the spread of all points around the centres of their weekdays; ``None`` if weekdays explain
    nothing."""
    by_day: defaultdict[int, list[float]] = defaultdict(list)
    for point, value in zip(history, values, strict=True):
        by_day[point.at.weekday()].append(value)
    known = {day: own for day, own in by_day.items() if len(own) >= options.points_per_weekday}
    if at.weekday() not in known or len(known) < 2:
        return None
    centres = {day: median(own) for day, own in known.items()}
    fewest = min(len(own) for own in known.values())
    # Few points lie close to their own median: what is left is made as wide as it would be around the true one.
    spread = _deviation([abs(value - centres[day]) for day, own in known.items() for value in own]) * (fewest + 1) / fewest
    among = [value for own in known.values() for value in own]
    # The mean sees a minority that the median does not: of seven equal days two weekends are no spread at all.
    plain = _TO_MEAN_SIGMA * fmean(abs(value - median(among)) for value in among)
    return (
        (centres[at.weekday()], spread) if spread < _EXPLAINS * plain and max(centres.values()) - min(centres.values()) > spread else None
    )
