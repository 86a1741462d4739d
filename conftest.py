"""Give `tests` and `acceptance` the same servers and test data."""

pytest_plugins = ["tests.plugin"]
