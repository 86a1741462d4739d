"""A command line to ask, and a database to ask about."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import structlog
from tests.cli.running import Answer, environment

from factbook import demo
from factbook.cli.main import main


class Cli(Protocol):
    """Run a command in this process."""

    def __call__(self, *arguments: str, stdin: str = "") -> Answer: ...


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def cli(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Give the command line, with a data folder of its own and nothing of the real environment."""
    for name in os.environ.keys() - environment(data_dir).keys():
        if name.startswith("FACTBOOK_") or name in ("META_DB_URL", "SOURCE_DB_URL", "API_KEY", "LOG_LEVEL", "NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    for name, value in environment(data_dir).items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def run(*arguments: str, stdin: str = "") -> Answer:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    yield run
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def chinook(tmp_path: Path) -> Path:
    """Give a copy of the sample database that a test may change."""
    return demo.ensure_source(tmp_path / "chinook.sqlite")


@pytest.fixture
def scanned(cli: Cli, chinook: Path) -> Cli:
    """Give a command line that knows the sample database as ``chinook``."""
    assert cli("scan", f"sqlite:///{chinook}").code == 0
    return cli
