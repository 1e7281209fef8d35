"""The interactive documentation at `/docs`, from vendored files: the page loads nothing from another site."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_FILES = Path(__file__).parent / "vendor" / "swagger-ui-5.35.0"
_MOUNT = "/docs/files"


def install(app: FastAPI) -> None:
    """Serve the page and its files."""
    app.mount(_MOUNT, StaticFiles(directory=_FILES), name="docs-files")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Nestex",
            swagger_js_url=f"{_MOUNT}/swagger-ui-bundle.js",
            swagger_css_url=f"{_MOUNT}/swagger-ui.css",
            swagger_favicon_url=f"{_MOUNT}/favicon-32x32.png",
            swagger_ui_parameters={"validatorUrl": None},  # else it would ask another site about our document
        )
