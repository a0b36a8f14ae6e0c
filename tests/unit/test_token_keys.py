"""The keys of a key server: fetched, kept, changed, and not to be had."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from attachments.errors import KeysUnavailableError, UnauthenticatedError
from attachments.model import Caller
from attachments.tokens import KeySet
from tests.conftest import KeyServer
from tests.unit.signed_tokens import (
    EC_KEY,
    OTHER_RSA_KEY,
    PUBLIC_PEM,
    RSA_KEY,
    SECRET,
    Clock,
    claims,
    handmade,
    jwk,
    signed,
    verifier,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def by_keys(key_server: KeyServer, clock: Clock) -> Callable[[str], Caller]:
    """Verification against a key server with one RSA and one EC key."""
    key_server.document = {"keys": [jwk(RSA_KEY, "rsa-1"), jwk(EC_KEY, "ec-1")]}
    checked = verifier(KeySet(key_server.url, clock))
    return lambda token: checked.verify(f"Bearer {token}")


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
