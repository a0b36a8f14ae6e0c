"""Bearer tokens: who is calling.

A token is a JWT (RFC 7519, RFC 8725): signed by HS256 with the shared secret, or by RS256 or ES256
with a key of the JWKS. The kind of key fixes the algorithm; the token's header never chooses.
"""

import json
import math
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from typing import Any, ClassVar, Protocol

import jwt
from jwt.types import Options

from attachments.errors import KeysUnavailableError, UnauthenticatedError
from attachments.model import Caller
from attachments.settings import TokenClaim

Key = Any  # what PyJWT takes: bytes for HS256, a public key object for RS256 and ES256
MAX_TOKEN_CHARACTERS = 8192
MAX_USER_ID_CHARACTERS = 128


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The keys come from the address that was set, not from wherever it points to."""

    def redirect_request(self, *_: object) -> None:
        return None


_NO_REDIRECTS = urllib.request.build_opener(_NoRedirects)


class KeySource(Protocol):
    """Where verification keys come from."""

    def find(self, key_id: str | None) -> tuple[Key, list[str]]:
        """The key for a token's `kid`, with the algorithms that this key allows.

        Raises UnauthenticatedError if there is none, KeysUnavailableError if it cannot be fetched.
        """
        ...


class SharedSecret:
    """HS256 with one secret, fetched anew every five minutes so that it can be rotated."""

    LIFE_S = 300.0

    def __init__(
        self, fetch: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._secret: bytes | None = None
        self._fetched_at = 0.0

    def find(self, key_id: str | None) -> tuple[Key, list[str]]:  # noqa: ARG002 one key for all
        if self._secret is None or self._clock() - self._fetched_at > self.LIFE_S:
            try:
                self._secret = self._fetch().encode()
            except Exception as error:
                raise KeysUnavailableError("The token secret cannot be read.") from error
            self._fetched_at = self._clock()
        return self._secret, ["HS256"]


class KeySet:
    """The public keys of a JWKS address (RFC 7517), by `kid`.

    Fetched with a timeout and kept five minutes; an unknown `kid` fetches again, at most once a
    minute, so that keys can be rotated and nobody can make us hammer the key server. One that does
    not answer is left in peace for five seconds.
    """

    LIFE_S = 300.0
    REFETCH_S = 60.0
    RETRY_S = 5.0
    TIMEOUT_S = 3.0
    MAX_BYTES = 256 * 1024
    ALGORITHMS: ClassVar[Mapping[str, str]] = {"RSA": "RS256", "EC": "ES256"}

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, tuple[Key, list[str]]] = {}
        self._fetched_at = -math.inf
        self._failed_at = -math.inf
        self._lock = threading.Lock()

    def find(self, key_id: str | None) -> tuple[Key, list[str]]:
        if not key_id:
            raise UnauthenticatedError("The token names no key (kid).")
        with self._lock:
            age = self._clock() - self._fetched_at
            if age > (self.LIFE_S if key_id in self._keys else self.REFETCH_S):
                self._refresh()
            if key_id not in self._keys:
                raise UnauthenticatedError("The token's key is not known.")
            return self._keys[key_id]

    def _refresh(self) -> None:
        if self._clock() - self._failed_at < self.RETRY_S:
            raise KeysUnavailableError("The key server does not answer.")
        try:
            self._keys = self._fetch()
        except KeysUnavailableError:
            self._failed_at = self._clock()
            raise
        self._fetched_at = self._clock()

    def _fetch(self) -> dict[str, tuple[Key, list[str]]]:
        try:
            with _NO_REDIRECTS.open(self._url, timeout=self.TIMEOUT_S) as answer:
                document = json.loads(self._read(answer))
            entries = [entry for entry in document["keys"] if isinstance(entry.get("kid"), str)]
        except Exception as error:
            raise KeysUnavailableError("The key server does not answer.") from error
        return {entry["kid"]: key for entry in entries if (key := self._usable(entry)) is not None}

    def _read(self, answer: HTTPResponse) -> bytes:
        """The body; the socket's timeout alone would let a byte now and then go on for ever.

        Raises TimeoutError, and ValueError for a body that is too long.
        """
        deadline = time.monotonic() + self.TIMEOUT_S
        body = b""
        while piece := answer.read1(self.MAX_BYTES):
            body += piece
            if len(body) > self.MAX_BYTES:
                raise ValueError("The key set is too long.")
            if time.monotonic() > deadline:
                raise TimeoutError
        return body

    def _usable(self, entry: Mapping[str, Any]) -> tuple[Key, list[str]] | None:
        """The key of an entry. One that is not for us is passed over (RFC 7517, section 5)."""
        if entry.get("use", "sig") != "sig":
            return None
        try:
            algorithm = self.ALGORITHMS[entry["kty"]]
            return jwt.PyJWK(dict(entry), algorithm=algorithm).key, [algorithm]
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            return None


class TokenVerifier:
    """From the Authorization header to the caller."""

    _OPTIONS: ClassVar[Options] = {
        "require": ["exp", "iss", "aud", "sub"],
        "verify_signature": True,
        "strict_aud": True,
        # When it was issued decides nothing, and clocks differ; `exp` and `nbf` are checked.
        "verify_iat": False,
    }

    def __init__(
        self, keys: KeySource, *, issuer: str, audience: str, admin: TokenClaim, service: TokenClaim
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._admin = admin
        self._service = service

    def verify(self, authorization: str | None) -> Caller:
        """Who the token speaks for.

        Raises UnauthenticatedError for a missing token or one that does not hold, and
        KeysUnavailableError when that cannot be told.
        """
        token = _bearer(authorization)
        try:
            header = jwt.get_unverified_header(token)
            key, algorithms = self._keys.find(header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                issuer=self._issuer,
                audience=self._audience,
                options=self._OPTIONS,
            )
        except jwt.ExpiredSignatureError as error:
            raise UnauthenticatedError("The token has expired.") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise UnauthenticatedError("The token does not hold.") from error
        return self._caller(claims)

    def _caller(self, claims: dict[str, Any]) -> Caller:
        user_id = claims["sub"]
        if not isinstance(user_id, str) or not 0 < len(user_id) <= MAX_USER_ID_CHARACTERS:
            raise UnauthenticatedError("The token names no user.")
        return Caller(
            user_id=user_id,
            admin=_carries(claims, self._admin),
            service=_carries(claims, self._service),
        )


def _bearer(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer` header (RFC 6750, section 2.1)."""
    if not authorization:
        raise UnauthenticatedError("Send a token: Authorization: Bearer <token>.")
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARACTERS:
        raise UnauthenticatedError("Send a token: Authorization: Bearer <token>.")
    return token


def _carries(claims: Mapping[str, Any], wanted: TokenClaim) -> bool:
    value = claims.get(wanted.name)
    if isinstance(value, list):
        return wanted.value in value
    if isinstance(value, bool):
        return str(value).lower() == wanted.value
    return value == wanted.value
