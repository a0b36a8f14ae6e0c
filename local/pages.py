"""The dashboard's static files, with the headers that CloudFront sends along on AWS.

The template alone says which headers these are. What only the local stack has: `config.json`, which
names the demo, and the demo's users in `local-demo.json`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local.template import TemplateError

DEMO = "local-demo.json"
# The service token is the chat backend's: a page has no use for it.
DEMO_USERS = ("sender", "participant", "stranger", "admin")
# `mimetypes` reads the machine's own tables, which may say anything.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
# Vite puts a hash of the content into the name of everything below this folder.
IMMUTABLE = "assets"


@dataclass(frozen=True)
class Dashboard:
    """`description` is the stack's, as in `stack.json`."""

    folder: Path
    headers: Mapping[str, str]
    description: Callable[[], Mapping[str, Any]]

    async def __call__(self, request: web.Request) -> web.StreamResponse | None:
        """The file at the request's path, None where there is none."""
        name = request.path.lstrip("/") or "index.html"
        if name == "config.json":
            return self._json({"api": "", "demo": DEMO})
        if name == DEMO:
            return self._json(self._demo()) if _from_here(request) else None
        if "\0" in name:
            return None
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()) or path.suffix not in TYPES:
            return None
        if not path.is_file():
            return None
        lasting = path.parent.name == IMMUTABLE
        caching = "public, max-age=31536000, immutable" if lasting else "no-cache"
        headers = {"Content-Type": TYPES[path.suffix], "Cache-Control": caching}
        return web.FileResponse(path, headers={**self.headers, **headers})

    def _json(self, content: Mapping[str, Any]) -> web.Response:
        headers = {**self.headers, "Cache-Control": "no-store"}
        return web.json_response(content, headers=headers)

    def _demo(self) -> Mapping[str, Any]:
        described = self.description()
        return {
            "tokens": {user: described["tokens"][user] for user in DEMO_USERS},
            "conversation_id": described["conversation_id"],
            "message_id": described["message_id"],
        }


def security_headers(template: Mapping[str, Any], *, api: str, files: str) -> dict[str, str]:
    """What `DashboardHeaders` of the template (as written) adds to each answer.

    `api` and `files` stand in for the origins of API and bucket. Strict-Transport-Security is left
    out: browsers ignore it over plain HTTP (RFC 6797, section 8.1). Raises TemplateError.
    """
    try:
        properties = template["Resources"]["DashboardHeaders"]["Properties"]
        config = properties["ResponseHeadersPolicyConfig"]
        security = config["SecurityHeadersConfig"]
        policy, origins = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
        for name, origin in zip(origins, (api, files), strict=True):
            policy = policy.replace(f"${{{name}}}", origin)
        own = {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
        return {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": security["FrameOptions"]["FrameOption"],
            "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
            **own,
        }
    except (KeyError, ValueError) as error:
        raise TemplateError(f"DashboardHeaders lacks {error}.") from error


def _from_here(request: web.Request) -> bool:
    """Whether a page of this server asks, or no page at all: tokens are for nobody else.

    Another site can make a browser ask under a name of its own that resolves to 127.0.0.1; then the
    `Host` gives it away (DNS rebinding).
    """
    own = request.host.rpartition(":")[0] in {"127.0.0.1", "localhost"}
    return own and request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}
