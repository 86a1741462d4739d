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
LAZY_IN_THE_SDK = {"facts/registry.py": {"jsonschema_rs"}, "repository/transport.py": {"httpx2"}}
"""What a module may import when it is needed, and not before."""
HEAVY = {
    "alembic",
    "cryptography",
    "duckdb",
    "fastapi",
    "httpx2",
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
    is_for_types = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if not is_for_types and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


@pytest.mark.parametrize("path", sorted(SDK.rglob("*.py")), ids=lambda path: str(path.relative_to(SDK)))
def test_the_sdk_imports_only_what_it_may(path: Path) -> None:
    allowed = set(ALLOWED_IN_THE_SDK)
    if path.is_relative_to(SDK / "testing"):
        allowed |= {"pytest", "hypothesis"}
    lazily = LAZY_IN_THE_SDK.get(str(path.relative_to(SDK)), set())
    foreign = {package for package, on_import in _foreign_imports(path) if on_import or package not in lazily}
    assert foreign <= allowed


def _modules_loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in printed.splitlines()[-1].split()}


def test_starting_a_command_loads_nothing_heavy() -> None:
    assert not _modules_loaded_by("import factbook.cli.main") & HEAVY


def test_the_sdk_loads_nothing_of_the_server() -> None:
    everything = "import factbook_sdk.facts, factbook_sdk.repository.memory, factbook_sdk.repository.remote"
    assert not _modules_loaded_by(everything) & {*HEAVY, "factbook", "typer", "rich"}


def test_the_http_client_is_loaded_with_the_first_remote_repository() -> None:
    made = "from factbook_sdk.repository.remote import RemoteRepository; RemoteRepository('http://localhost:1')"
    assert "httpx2" in _modules_loaded_by(made)


def test_wiring_the_rooms_loads_nothing_heavy() -> None:
    assert not _modules_loaded_by("from factbook.app import Factbook; Factbook()") & HEAVY
