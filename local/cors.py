"""Which web pages may read an answer: S3's way and API Gateway's, which differ.

S3 page "How does Amazon S3 evaluate the CORS configuration on a bucket?", API Gateway page
"Configure CORS for HTTP APIs".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from xml.etree import ElementTree

from aiohttp import web

from local.signature import Head, RefusalError


@dataclass(frozen=True)
class CorsRule:
    """Origins, methods and headers that are allowed; in a bucket's they may have wildcards."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_s: int

    def allows(self, origin: str, method: str, headers: Sequence[str]) -> bool:
        return (
            any(fnmatchcase(origin, allowed) for allowed in self.origins)
            and method in self.methods
            and all(any(fnmatchcase(h, a.lower()) for a in self.headers) for h in headers)
        )

    def allowed_origin(self, origin: str) -> str:
        return "*" if "*" in self.origins else origin


def rules_of(configuration: bytes) -> list[CorsRule]:
    """The rules of a bucket's configuration, in S3's XML (S3 API, "GetBucketCors")."""

    def texts(rule: ElementTree.Element, name: str) -> tuple[str, ...]:
        return tuple(each.text or "" for each in rule.findall(f"{{*}}{name}"))

    return [
        CorsRule(
            origins=texts(rule, "AllowedOrigin"),
            methods=texts(rule, "AllowedMethod"),
            headers=texts(rule, "AllowedHeader"),
            exposed=texts(rule, "ExposeHeader"),
            max_age_s=int("".join(texts(rule, "MaxAgeSeconds")) or 0),
        )
        # It comes from moto, on this machine.
        for rule in ElementTree.fromstring(configuration).findall("{*}CORSRule")  # noqa: S314
    ]


def bucket_answer(rules: Sequence[CorsRule], head: Head) -> dict[str, str]:
    """The headers of S3's answer, by the first rule that fits; a preflight request that none
    allows is refused."""
    preflight = head.method == "OPTIONS"
    origin = head.headers.get("Origin", "")
    method = head.headers.get("Access-Control-Request-Method", "") if preflight else head.method
    names = head.headers.get("Access-Control-Request-Headers", "") if preflight else ""
    asked = [name.strip().lower() for name in names.split(",") if name.strip()]
    rule = next((rule for rule in rules if origin and rule.allows(origin, method, asked)), None)
    if rule is None:
        if preflight:
            raise RefusalError("AccessForbidden")
        return {}
    return {
        "Access-Control-Allow-Origin": rule.allowed_origin(origin),
        "Access-Control-Allow-Methods": ", ".join(rule.methods),
        "Access-Control-Allow-Headers": ", ".join(asked),
        "Access-Control-Expose-Headers": ", ".join(rule.exposed),
        "Access-Control-Max-Age": str(rule.max_age_s),
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


def api_answer(rule: CorsRule, request: web.Request) -> dict[str, str]:
    """The headers of an HTTP API's answer; none when the origin is not allowed."""
    origin = request.headers.get("Origin")
    if origin is None or not {origin, "*"} & set(rule.origins):
        return {}
    answer = {
        "Access-Control-Allow-Origin": rule.allowed_origin(origin),
        "Access-Control-Expose-Headers": ",".join(rule.exposed),
    }
    if is_preflight(request):
        answer |= {
            "Access-Control-Allow-Methods": ",".join(rule.methods),
            "Access-Control-Allow-Headers": ",".join(rule.headers),
            "Access-Control-Max-Age": str(rule.max_age_s),
        }
    return answer


def is_preflight(request: web.Request) -> bool:
    asks = {"Origin", "Access-Control-Request-Method"}
    return request.method == "OPTIONS" and all(name in request.headers for name in asks)
