"""Tokens of several keys, and what verifies them."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attachments.model import Caller
from attachments.settings import TokenClaim
from attachments.tokens import KeySource, SharedSecret, TokenVerifier

SECRET = "a secret of the chat and of nobody else, 64 characters long ....."
ISSUER, AUDIENCE = "https://chat.example", "attachments"
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a token that holds; a change to None leaves one out."""
    all_claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "sender",
        "exp": int(time.time()) + 600,
        **changes,
    }
    return {name: value for name, value in all_claims.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **more: Any) -> str:
    headers = {"kid": kid} if kid else None
    return jwt.encode(claims(**more), key, algorithm, headers=headers)


def handmade(header: dict[str, Any], payload: dict[str, Any], key: bytes = SECRET.encode()) -> str:
    """An HS256 token with whatever header, as no library would make it."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(payload).encode())}"
    return f"{text}.{part(hmac.digest(key, text.encode(), hashlib.sha256))}"


def verifier(keys: KeySource) -> TokenVerifier:
    return TokenVerifier(
        keys,
        issuer=ISSUER,
        audience=AUDIENCE,
        admin=TokenClaim(name="role", value="admin"),
        service=TokenClaim(name="scope", value="chat-backend"),
    )


def by_secret(token: str) -> Caller:
    return verifier(SharedSecret(lambda: SECRET)).verify(f"Bearer {token}")


def jwk(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    kind: Any = jwt.algorithms.RSAAlgorithm if is_rsa else jwt.algorithms.ECAlgorithm
    entry = {**kind.to_jwk(key.public_key(), as_dict=True), "use": "sig", **more}
    return {**entry, "kid": kid} if kid else entry


PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
