"""``python -m factbook``."""

from factbook.cli.main import run

run()
