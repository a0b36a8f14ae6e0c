"""The API document as a page: Swagger UI, out of the files that Powertools brings along."""

from importlib.resources import files
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parents[1]
SWAGGER_UI = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>OffChat Attachments: the API</title>
<link rel="stylesheet" href="swagger-ui.css">
<div id="api"></div>
<script src="swagger-ui.js"></script>
<script src="start.js"></script>
</html>
"""
START = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true,
  defaultModelsExpandDepth: 0, validatorUrl: null
});
"""
# Swagger UI sets styles on its elements and draws its icons from data URLs.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


async def docs_pages(request: web.Request) -> web.StreamResponse | None:
    """What stands below `/docs/`, None for any other path."""
    if request.path == "/docs":
        raise web.HTTPFound("/docs/")
    match request.path:
        case "/docs/":
            text, media_type = PAGE, "text/html"
        case "/docs/openapi.json":
            text, media_type = (ROOT / "docs" / "openapi.json").read_text(), "application/json"
        case "/docs/start.js":
            text, media_type = START, "text/javascript"
        case "/docs/swagger-ui.js":
            text = (SWAGGER_UI / "swagger-ui-bundle.min.js").read_text()
            media_type = "text/javascript"
        case "/docs/swagger-ui.css":
            text, media_type = (SWAGGER_UI / "swagger-ui.min.css").read_text(), "text/css"
        case _:
            return None
    return web.Response(text=text, content_type=media_type, charset="utf-8", headers=HEADERS)
