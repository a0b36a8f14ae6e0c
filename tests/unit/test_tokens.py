"""Tokens that hold, and all the ways in which one does not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attachments.errors import KeysUnavailableError, UnauthenticatedError
from attachments.model import Caller
from attachments.settings import TokenClaim
from attachments.tokens import KeySet, KeySource, SharedSecret, TokenVerifier
from tests.conftest import KeyServer

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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def by_keys(key_server: KeyServer, clock: Clock) -> Callable[[str], Caller]:
    """Verification against a key server with one RSA and one EC key."""
    key_server.document = {"keys": [jwk(RSA_KEY, "rsa-1"), jwk(EC_KEY, "ec-1")]}
    checked = verifier(KeySet(key_server.url, clock))
    return lambda token: checked.verify(f"Bearer {token}")


# ---------------------------------------------------------------- what a token says


def test_a_token_names_its_user() -> None:
    assert by_secret(signed()) == Caller("sender")


@pytest.mark.parametrize(
    ("more", "caller"),
    [
        ({"role": "admin"}, Caller("sender", admin=True)),
        ({"role": ["user", "admin"]}, Caller("sender", admin=True)),
        ({"scope": "chat-backend"}, Caller("sender", service=True)),
        ({"role": "administrator"}, Caller("sender")),
        ({"role": "user admin"}, Caller("sender")),
        ({"role": {"admin": True}}, Caller("sender")),
        ({"role": True, "scope": 1}, Caller("sender")),
        ({"admin": True}, Caller("sender")),
    ],
)
def test_only_the_set_claim_and_value_make_an_admin_or_the_service(
    more: dict[str, Any], caller: Caller
) -> None:
    assert by_secret(signed(**more)) == caller


def test_a_claim_may_be_true_or_false() -> None:
    checked = TokenVerifier(
        SharedSecret(lambda: SECRET),
        issuer=ISSUER,
        audience=AUDIENCE,
        admin=TokenClaim.parse("is_admin=true"),
        service=TokenClaim.parse("role=service"),
    )
    assert checked.verify(f"Bearer {signed(is_admin=True)}").admin
    assert not checked.verify(f"Bearer {signed(is_admin=False)}").admin


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(scheme: str) -> None:
    checked = verifier(SharedSecret(lambda: SECRET))
    assert checked.verify(f" {scheme}  {signed()} ") == Caller("sender")


# ---------------------------------------------------------------- tokens that do not hold

NOW = int(time.time())
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: signed("another secret, just as long as the true one is"), id="key"),
        pytest.param(lambda: jwt.encode(claims(), "", "none"), id="none"),
        pytest.param(lambda: handmade({"alg": "none"}, claims()), id="none but signed"),
        pytest.param(lambda: handmade({"alg": "HS512"}, claims()), id="other algorithm"),
        pytest.param(lambda: handmade({}, claims()), id="no algorithm"),
        pytest.param(lambda: signed(aud="other"), id="audience"),
        pytest.param(lambda: signed(aud=[AUDIENCE, "other"]), id="audience list"),
        pytest.param(lambda: signed(aud=None), id="no audience"),
        pytest.param(lambda: signed(iss="https://evil.example"), id="issuer"),
        pytest.param(lambda: signed(iss=ISSUER + ".evil.example"), id="issuer prefix"),
        pytest.param(lambda: signed(iss=ISSUER[:-1]), id="issuer cut short"),
        pytest.param(lambda: handmade({"alg": "HS256"}, claims(iss=[ISSUER])), id="issuer list"),
        pytest.param(lambda: signed(iss=None), id="no issuer"),
        pytest.param(lambda: signed(exp=NOW - 1), id="expired"),
        pytest.param(lambda: signed(exp=None), id="no expiry"),
        pytest.param(lambda: handmade({"alg": "HS256"}, claims(exp="soon")), id="odd expiry"),
        pytest.param(
            lambda: handmade({"alg": "HS256"}, claims(exp=float("inf"))), id="endless expiry"
        ),
        pytest.param(lambda: signed(nbf=NOW + 3600), id="not yet"),
        pytest.param(lambda: signed(sub=None), id="no user"),
        pytest.param(lambda: signed(sub=""), id="empty user"),
        pytest.param(lambda: signed(sub="x" * 129), id="long user"),
        pytest.param(lambda: handmade({"alg": "HS256"}, claims(sub=7)), id="user number"),
        pytest.param(
            lambda: handmade({"alg": "HS256", "crit": ["x"], "x": 1}, claims()), id="unknown crit"
        ),
        pytest.param(lambda: handmade({"alg": "HS256", "crit": []}, claims()), id="empty crit"),
        pytest.param(lambda: handmade({"alg": "HS256", "kid": ["a"]}, claims()), id="odd kid"),
        pytest.param(lambda: signed()[:-2] + "AA", id="signature"),
        pytest.param(lambda: signed().rpartition(".")[0], id="no signature"),
        pytest.param(lambda: signed().rpartition(".")[0] + ".", id="empty signature"),
        pytest.param(lambda: "e30.e30.e30", id="nothing in it"),
        pytest.param(lambda: "W1tbW1s.e30.e30", id="no JSON"),
        pytest.param(lambda: base64.b64encode(b"[" * 4000).decode() + ".e30.e30", id="nested"),
        pytest.param(lambda: "a.b", id="two parts"),
        pytest.param(lambda: signed() + ".x", id="four parts"),
        pytest.param(lambda: "\ud800é.é.é", id="not ASCII"),
        pytest.param(lambda: signed(padding="x" * 8192), id="huge"),
    ],
)  # fmt: skip
def test_a_token_that_does_not_hold_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(UnauthenticatedError):
        by_secret(make())


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Basic c2VuZGVyOnB3",
        "{token}",
        "Token {token}",
        "Bearer {token}, Bearer {token}",
        "Bearer {token},{token}",
        "Bearer {token} {token}",
    ],
)
def test_a_header_without_exactly_one_token_is_refused(header: str | None) -> None:
    header = header and header.replace("{token}", signed())
    with pytest.raises(UnauthenticatedError):
        verifier(SharedSecret(lambda: SECRET)).verify(header)


def test_no_refusal_says_what_the_token_held() -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        by_secret(signed("another secret, just as long as the true one is", sub="ann"))
    assert "ann" not in refused.value.detail


# ---------------------------------------------------------------- the shared secret


def test_a_secret_is_fetched_once_in_five_minutes_and_so_can_be_rotated() -> None:
    clock, secrets = Clock(), [SECRET]
    fetched: list[float] = []

    def fetch() -> str:
        fetched.append(clock.now)
        return secrets[0]

    checked = verifier(SharedSecret(fetch, clock))
    checked.verify(f"Bearer {signed()}")
    secrets[0] = "a new secret that is at least as long as the old one was ......"
    clock.now += 300
    checked.verify(f"Bearer {signed()}")
    assert len(fetched) == 1
    clock.now += 1
    assert checked.verify(f"Bearer {signed(secrets[0])}") == Caller("sender")
    with pytest.raises(UnauthenticatedError):
        checked.verify(f"Bearer {signed()}")
    assert len(fetched) == 2


def test_a_secret_that_cannot_be_read_lets_nobody_in() -> None:
    def fetch() -> str:
        raise ConnectionError("no route")

    with pytest.raises(KeysUnavailableError):
        verifier(SharedSecret(fetch)).verify(f"Bearer {signed()}")


# ---------------------------------------------------------------- keys of a key server


def test_rsa_and_ec_keys_of_the_key_server_hold(by_keys: Callable[[str], Caller]) -> None:
    assert by_keys(signed(RSA_KEY, "RS256", "rsa-1")) == Caller("sender")
    assert by_keys(signed(EC_KEY, "ES256", "ec-1", role="admin")) == Caller("sender", admin=True)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: signed(OTHER_RSA_KEY, "RS256", "rsa-1"), id="wrong key"),
        pytest.param(lambda: signed(RSA_KEY, "RS256"), id="no kid"),
        pytest.param(lambda: signed(RSA_KEY, "RS256", "ec-1"), id="kid of another kind"),
        pytest.param(lambda: signed(RSA_KEY, "RS512", "rsa-1"), id="other algorithm"),
        pytest.param(lambda: signed(SECRET, "HS256", "rsa-1"), id="secret instead"),
        pytest.param(
            lambda: handmade({"alg": "HS256", "kid": "rsa-1"}, claims(), PUBLIC_PEM),
            id="public key as secret",
        ),
        pytest.param(
            lambda: jwt.encode(
                claims(),
                OTHER_RSA_KEY,
                "RS256",
                headers={"kid": "rsa-1", "jwk": jwk(OTHER_RSA_KEY, "rsa-1")},
            ),
            id="key in the token",
        ),
    ],
)
def test_a_token_of_another_key_is_refused(
    by_keys: Callable[[str], Caller], make: Callable[[], str]
) -> None:
    with pytest.raises(UnauthenticatedError):
        by_keys(make())


def test_a_key_address_in_the_token_is_not_asked(
    by_keys: Callable[[str], Caller], key_server: KeyServer
) -> None:
    headers = {"kid": "evil", "jku": key_server.url, "x5u": key_server.url}
    token = jwt.encode(claims(), OTHER_RSA_KEY, "RS256", headers=headers)
    with pytest.raises(UnauthenticatedError):
        by_keys(token)
    assert key_server.requests == 1


def test_keys_are_fetched_once_in_five_minutes(
    by_keys: Callable[[str], Caller], key_server: KeyServer, clock: Clock
) -> None:
    for _ in range(3):
        by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
        clock.now += 100
    assert key_server.requests == 1
    clock.now += 1
    by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
    assert key_server.requests == 2


def test_an_unknown_key_is_fetched_at_most_once_a_minute(
    by_keys: Callable[[str], Caller], key_server: KeyServer, clock: Clock
) -> None:
    by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
    for number in range(50):
        with pytest.raises(UnauthenticatedError):
            by_keys(signed(OTHER_RSA_KEY, "RS256", f"unknown-{number}"))
        clock.now += 2
    assert key_server.requests == 2


def test_a_new_key_holds_within_a_minute_and_a_removed_one_no_more(
    by_keys: Callable[[str], Caller], key_server: KeyServer, clock: Clock
) -> None:
    by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
    key_server.document = {"keys": [jwk(OTHER_RSA_KEY, "rsa-2")]}
    clock.now += 61
    assert by_keys(signed(OTHER_RSA_KEY, "RS256", "rsa-2")) == Caller("sender")
    with pytest.raises(UnauthenticatedError):
        by_keys(signed(RSA_KEY, "RS256", "rsa-1"))


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (500, {}),
        (404, {}),
        (200, []),
        (200, {"keys": 7}),
        (200, {"keys": [7]}),
        (200, {"keys": ["kid"]}),
        (200, "x" * 300_000),
    ],
)
def test_without_an_answer_of_the_key_server_nobody_is_let_in(
    by_keys: Callable[[str], Caller], key_server: KeyServer, status: int, document: Any
) -> None:
    key_server.status, key_server.document = status, document
    with pytest.raises(KeysUnavailableError):
        by_keys(signed(RSA_KEY, "RS256", "rsa-1"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe{}", b'{"keys": [', b"[" * 100_000])
def test_garbage_of_the_key_server_lets_nobody_in(
    by_keys: Callable[[str], Caller], key_server: KeyServer, body: bytes
) -> None:
    key_server.body = body
    with pytest.raises(KeysUnavailableError):
        by_keys(signed(RSA_KEY, "RS256", "rsa-1"))


@pytest.mark.parametrize("pause_s", [0.1, 60.0], ids=["a byte now and then", "nothing at all"])
def test_a_key_server_that_is_slow_is_given_up_in_time(
    key_server: KeyServer, monkeypatch: pytest.MonkeyPatch, pause_s: float
) -> None:
    monkeypatch.setattr(KeySet, "TIMEOUT_S", 0.5)
    key_server.document = {"keys": [jwk(RSA_KEY, "rsa-1")]}
    key_server.pause_s = pause_s
    begun = time.monotonic()
    with pytest.raises(KeysUnavailableError):
        verifier(KeySet(key_server.url)).verify(f"Bearer {signed(RSA_KEY, 'RS256', 'rsa-1')}")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_key_server_does_not_send_us_elsewhere(
    by_keys: Callable[[str], Caller], key_server: KeyServer, status: int
) -> None:
    key_server.status, key_server.headers = status, {"Location": f"{key_server.url}/elsewhere"}
    with pytest.raises(KeysUnavailableError):
        by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
    assert key_server.requests == 1


def test_a_key_server_that_is_down_is_asked_every_five_seconds(
    by_keys: Callable[[str], Caller], key_server: KeyServer, clock: Clock
) -> None:
    key_server.status = 500
    for _ in range(20):
        with pytest.raises(KeysUnavailableError):
            by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
        clock.now += 0.5
    assert key_server.requests == 2
    key_server.status = 200
    assert by_keys(signed(RSA_KEY, "RS256", "rsa-1")) == Caller("sender")


def test_known_keys_hold_for_their_life_while_the_key_server_is_down(
    by_keys: Callable[[str], Caller], key_server: KeyServer, clock: Clock
) -> None:
    by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
    key_server.status = 500
    clock.now += 300
    with pytest.raises(KeysUnavailableError):
        by_keys(signed(OTHER_RSA_KEY, "RS256", "rsa-2"))
    assert by_keys(signed(RSA_KEY, "RS256", "rsa-1")) == Caller("sender")
    clock.now += 1
    with pytest.raises(KeysUnavailableError):
        by_keys(signed(RSA_KEY, "RS256", "rsa-1"))
    assert key_server.requests == 2


def test_a_key_server_that_is_down_lets_nobody_in() -> None:
    with pytest.raises(KeysUnavailableError):
        verifier(KeySet("http://127.0.0.1:1/keys")).verify(
            f"Bearer {signed(RSA_KEY, 'RS256', 'rsa-1')}"
        )


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"kty": "OKP", "kid": "other", "crv": "Ed25519", "x": "AA"}, id="kind"),
        pytest.param({"kty": "RSA", "kid": "other", "e": "AQAB"}, id="incomplete"),
        pytest.param(
            {"kty": "EC", "kid": "other", "crv": "P-999", "x": "AA", "y": "AA"}, id="curve"
        ),
        pytest.param({"kty": ["RSA"], "kid": "other"}, id="odd kind"),
        pytest.param(jwk(OTHER_RSA_KEY, None), id="no kid"),
        pytest.param({**jwk(OTHER_RSA_KEY, None), "kid": ["other"]}, id="odd kid"),
        pytest.param(jwk(OTHER_RSA_KEY, "other", use="enc"), id="for encryption"),
        pytest.param({"kty": "oct", "kid": "other", "k": "c2VjcmV0"}, id="symmetric"),
    ],
)
def test_a_key_that_is_not_for_us_disturbs_no_other(
    by_keys: Callable[[str], Caller], key_server: KeyServer, entry: dict[str, Any]
) -> None:
    key_server.document = {"keys": [entry, jwk(RSA_KEY, "rsa-1")]}
    assert by_keys(signed(RSA_KEY, "RS256", "rsa-1")) == Caller("sender")
    with pytest.raises(UnauthenticatedError):
        by_keys(signed(OTHER_RSA_KEY, "RS256", "other"))
