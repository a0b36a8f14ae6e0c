"""Signs a webhook (Standard Webhooks, "Signature scheme", symmetric)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


def keys_of(secret: str) -> list[bytes]:
    """The keys of a secret, or of several with spaces between, while it is rotated.

    Each is Base64 of 24 to 64 bytes, with or without `whsec_`. Raises ValueError.
    """
    keys = []
    for part in secret.split():
        try:
            key = base64.b64decode(part.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError("The webhook secret is not Base64.") from error
        if len(key) not in KEY_BYTES:
            raise ValueError(f"The webhook secret has {len(key)} bytes, not 24 to 64.")
        keys.append(key)
    if not keys:
        raise ValueError("The webhook secret is empty.")
    return keys


def headers_of(
    body: bytes, *, event_id: str, sent_at: int, keys: Sequence[bytes]
) -> dict[str, str]:
    """What tells the receiver that the body is ours, and which delivery it is.

    `event_id` stays the same from try to try; `sent_at`, in seconds since 1970, is of this one.
    There is a signature by each key: whoever knows one of them can verify.
    """
    signed = f"{event_id}.{sent_at}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }
