"""The SDK installed by itself: what comes with it, what importing it loads and costs, and that it emits."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.sdk.scripted import scripted
from tests.sdk.test_emitter import sent

ROOT = Path(__file__).parents[2]
COMES_ALONG = {"msgspec", "httpx2", "httpcore2", "h11", "anyio", "idna", "truststore", "typing-extensions"}


def needed(name: str, seen: set[str]) -> Iterator[Distribution]:
    """Yield what is installed with a package, as its metadata has it: what pip would bring."""
    if name in seen:
        return
    seen.add(name)
    found = distribution(name)
    yield found
    for text in found.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from needed(normal(requirement.name), seen)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def copy(package: Distribution, folder: Path) -> None:
    for file in package.files or ():
        if ".." not in file.parts and file.suffix != ".pyc":
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), place)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment with the SDK's wheel, and copies of what that requires: no index is asked."""
    folder = tmp_path_factory.mktemp("bare")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT / "packages" / "sdk", check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*install, "install", "--no-index", "--no-deps", str(wheel)], check=True)
    [packages] = (folder / "venv" / "lib").glob("*/site-packages")
    [sdk] = packages.glob("factbook_sdk-*.dist-info")
    for text in Distribution.at(sdk).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            for package in needed(normal(requirement.name), set()):
                copy(package, packages)
    return python


def run(python: Path, program: str, *arguments: str) -> str:
    ran = subprocess.run([python, "-W", "error", "-c", program, *arguments], capture_output=True, text=True, timeout=60, cwd=python.parent)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_nothing_of_the_server_comes_along(bare_python: Path) -> None:
    listed = "from importlib.metadata import distributions; print(*(each.name for each in distributions()))"
    assert {normal(name) for name in run(bare_python, listed).split()} == {"factbook-sdk", *COMES_ALONG}


def test_importing_it_is_quick_and_loads_no_http_client(bare_python: Path) -> None:
    program = """
import sys, time
started = time.process_time()
import factbook_sdk
took = time.process_time() - started
import factbook_sdk.emitter, factbook_sdk.repository.remote
print(took, *sorted({name.partition(".")[0] for name in sys.modules}))
"""
    run(bare_python, program)  # The first one writes the bytecode.
    took, *modules = run(bare_python, program).split()
    assert float(took) < 0.15
    assert {"factbook_sdk", "msgspec"} == set(modules) & {"factbook_sdk", "factbook", "msgspec", "httpx2", "httpcore2", "anyio", "ssl"}


def test_it_emits_and_asks_without_a_validator(bare_python: Path, tmp_path: Path) -> None:
    program = """
import sys
from datetime import UTC, datetime
from factbook_sdk import MetadataRecord, MetadataTarget
from factbook_sdk.emitter import Emitter
from factbook_sdk.repository.remote import RemoteRepository
target = MetadataTarget("shop", "public", "orders")
with Emitter(sys.argv[1], spool=sys.argv[2]) as emitter:
    emitter.emit(MetadataRecord(target, "job_run", {"attempt": 1}, datetime.now(UTC), "pipeline.v1"))
repository = RemoteRepository(sys.argv[1])
assert repository.tail().records == []
repository.close()
"""
    with scripted() as service:
        run(bare_python, program, service.url, str(tmp_path))
        assert sent(service) == [1]
