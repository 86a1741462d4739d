"""The best path and the order of paths are what trying every path gives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.lineage.paths import Search
from factbook.lineage.walking import Best, Step, weigh

NODES = st.integers(0, 5)
EDGES = st.dictionaries(st.tuples(NODES, NODES), st.tuples(st.sampled_from([1.0, 0.9, 0.5, 0.0]), st.booleans()), max_size=14)

Edges = dict[tuple[int, int], tuple[float, bool]]


def steps_of(edges: Edges) -> dict[int, dict[int, Step]]:
    steps: dict[int, dict[int, Step]] = {}
    for place, ((start, end), (confidence, is_stale)) in enumerate(sorted(edges.items())):
        steps.setdefault(start, {})[end] = Step(start, end, confidence, is_stale, 1, place)
    return steps


def every_path(steps: dict[int, dict[int, Step]], start: int, end: int, seen: tuple[int, ...] = ()) -> Iterator[list[Step]]:
    for step in steps.get(start, {}).values():
        if step.end == end and step.end not in (*seen, start):
            yield [step]
        elif step.end not in (*seen, start):
            yield from ([step, *rest] for rest in every_path(steps, step.end, end, (*seen, start)))


def confidence_of(path: list[Step]) -> float:
    return prod(step.confidence for step in path)


def path_to(node: int, best: dict[int, Best]) -> list[Step]:
    found: list[Step] = []
    while (last := best[node].last) is not None:
        found.append(last)
        node = last.start
    return found[::-1]


@given(edges=EDGES)
def test_the_best_path_is_the_surest_then_the_freshest_then_the_shortest(edges: Edges) -> None:
    steps = steps_of(edges)
    best = weigh([0], steps)
    for end in range(1, 6):
        paths = list(every_path(steps, 0, end))
        assert (end in best) == bool(paths)
        if paths:
            surest = max((confidence_of(path), not any(step.is_stale for step in path), -len(path)) for path in paths)
            assert best[end].confidence == pytest.approx(surest[0])
            # Of products that differ by rounding alone either may be taken.
            if sum(confidence_of(path) == pytest.approx(surest[0]) for path in paths) == 1:
                assert best[end][1:3] == surest[1:]
            assert confidence_of(path_to(end, best)) == pytest.approx(surest[0])


@given(edges=EDGES, max_steps=st.integers(1, 5))
def test_paths_come_all_and_in_order(edges: Edges, max_steps: int) -> None:
    steps = steps_of(edges)
    found = list(Search(steps, max_steps=max_steps).between(0, 5))
    wanted = [path for path in every_path(steps, 0, 5) if len(path) <= max_steps]
    assert sorted(map(tuple, found)) == sorted(map(tuple, wanted))
    sure = [confidence_of(path) for path in found]
    assert all(one >= other - 1e-9 for one, other in pairwise(sure))


def test_of_equally_sure_paths_the_shorter_comes_first() -> None:
    steps = steps_of({(0, 1): (1.0, False), (1, 2): (1.0, False), (2, 5): (1.0, False), (0, 3): (1.0, False), (3, 5): (1.0, False)})
    assert [len(path) for path in Search(steps, max_steps=9).between(0, 5)] == [2, 3]
