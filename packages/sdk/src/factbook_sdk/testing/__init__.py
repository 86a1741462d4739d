"""Contract suites: what every implementation must do, to be bound in a few lines of a test module."""
