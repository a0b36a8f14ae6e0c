"""Tokens that hold, and all the ways in which one does not."""

import base64
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from attachments.errors import KeysUnavailableError, UnauthenticatedError
from attachments.model import Caller
from attachments.settings import TokenClaim
from attachments.tokens import SharedSecret, TokenVerifier
from tests.unit.signed_tokens import (
    AUDIENCE,
    ISSUER,
    SECRET,
    Clock,
    by_secret,
    claims,
    handmade,
    signed,
    verifier,
)

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
