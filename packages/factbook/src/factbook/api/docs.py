"""``/docs``: Swagger UI from files of our own, so that it works without internet and no foreign script runs beside the data."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"

router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Add the pages and what they load."""
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")


@router.get("/docs")
def docs(request: Request) -> Response:
    """Show every route, to read and to try."""
    root = request.scope.get("root_path", "").rstrip("/")
    assets = f"{root}/static/swagger-ui"
    return get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="Factbook",
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon-32x32.png",
        swagger_ui_parameters={"persistAuthorization": False, "tryItOutEnabled": True},
    )


@router.get("/redoc")
@router.get("/")
def to_docs(request: Request) -> Response:
    """Lead to the one documentation there is."""
    return RedirectResponse(f"{request.scope.get('root_path', '').rstrip('/')}/docs")
