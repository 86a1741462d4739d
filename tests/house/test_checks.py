"""The house's static checks, so that the test command holds them too."""

from __future__ import annotations

import pytest
from tools import check


@pytest.mark.parametrize("step", check.STEPS)
def test_the_house_is_in_order(step: str) -> None:
    passed, output = check.run(step)
    assert passed, f"{step} failed:\n{output}"
