"""Style sheets, scripts and pictures: each has its digest in its address, so that browsers keep it for good and never keep an old one."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Scope

FOLDER = Path(__file__).parent / "static"
_FOR_GOOD = "public, max-age=31536000, immutable"


@cache
def asset(name: str) -> str:
    """Return the address of a file of :data:`FOLDER`; its query is a digest of what it holds."""
    return f"/ui/static/{name}?v={sha256((FOLDER / name).read_bytes()).hexdigest()[:12]}"


class _Kept(StaticFiles):
    """Files that browsers keep for a year, if they ask for what the file holds now, and else ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        asked = f"/ui/static/{path}?{scope['query_string'].decode('latin-1')}"
        is_current = response.status_code in (200, 304) and asked == asset(path)
        response.headers["Cache-Control"] = _FOR_GOOD if is_current else "no-cache"
        return response


def served() -> ASGIApp:
    """Return what serves the files, compressed for whoever takes that."""
    return GZipMiddleware(_Kept(directory=FOLDER))
