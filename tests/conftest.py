"""How Hypothesis searches in these tests. Servers and test data come from `tests/plugin.py`."""

import os

from hypothesis import HealthCheck, settings

# No deadline: how fast a machine is says nothing about whether the code is right. In CI the same examples are drawn every time.
settings.register_profile("factbook", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("factbook"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "factbook")
