"""What may be imported where, beyond what import contracts can say: an allowance for the SDK, and what a start may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDK = ROOT / "packages" / "sdk" / "src" / "factbook_sdk"
ALLOWED_IN_THE_SDK = {"msgspec", "factbook_sdk"}
HEAVY = {
    "alembic",
    "cryptography",
    "duckdb",
    "fastapi",
    "jsonschema_rs",
    "psycopg",
    "pydantic",
    "pymysql",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}


def _foreign_imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the top-level package of every import that is not of the standard library, and whether it happens on import."""
    tree = ast.parse(path.read_text())
    on_import = {node for statement in tree.body for node in _outside_functions(statement)}
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            package = name.partition(".")[0]
            if package not in sys.stdlib_module_names:
                yield package, node in on_import


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


@pytest.mark.parametrize("path", sorted(SDK.rglob("*.py")), ids=lambda path: str(path.relative_to(SDK)))
def test_the_sdk_imports_nothing_but_msgspec(path: Path) -> None:
    allowed = set(ALLOWED_IN_THE_SDK)
    if path.is_relative_to(SDK / "testing"):
        allowed |= {"pytest", "hypothesis"}
    lazily = {"jsonschema_rs"} if path == SDK / "facts" / "registry.py" else set()
    foreign = {package for package, on_import in _foreign_imports(path) if on_import or package not in lazily}
    assert foreign <= allowed


def _modules_loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in printed.splitlines()[-1].split()}


def test_starting_a_command_loads_nothing_heavy() -> None:
    assert not _modules_loaded_by("import factbook.cli.main") & HEAVY


def test_the_sdk_loads_nothing_of_the_server() -> None:
    assert not _modules_loaded_by("import factbook_sdk.facts, factbook_sdk.repository.memory") & {*HEAVY, "factbook", "typer", "rich"}


def test_wiring_the_rooms_loads_nothing_heavy() -> None:
    assert not _modules_loaded_by("from factbook.app import Factbook; Factbook()") & HEAVY
