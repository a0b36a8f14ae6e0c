"""Signatures, held to the examples that AWS publishes."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials

from local.signature import Head, RefusalError, verify

EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_TIME = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = hashlib.sha256(b"").hexdigest()


def example(
    target: str, headers: dict[str, str], method: str = "GET", *, after: timedelta = timedelta()
) -> None:
    head = Head.parse(method, target, {"Host": "examplebucket.s3.amazonaws.com", **headers}.items())
    verify(head, credentials=EXAMPLE, region="us-east-1", now=EXAMPLE_TIME + after)


def example_headers(signed: str, signature: str, payload: str = EMPTY) -> dict[str, str]:
    credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    return {
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": payload,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},"
        f"SignedHeaders={signed},Signature={signature}",
    }


GET_OBJECT = {"Range": "bytes=0-9"} | example_headers(
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
)
PRESIGNED = (
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


def test_the_published_get_object_example_is_accepted() -> None:
    example("/test.txt", GET_OBJECT)


def test_the_published_put_object_example_is_accepted() -> None:
    payload = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    headers = {
        "Date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    } | example_headers(
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        payload,
    )
    example("/test$file.text", headers, "PUT")


@pytest.mark.parametrize(
    ("target", "signature"),
    [
        ("/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "/?prefix=J&max-keys=2",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_bucket_examples_are_accepted(target: str, signature: str) -> None:
    example(target, example_headers("host;x-amz-content-sha256;x-amz-date", signature))


def test_the_published_presigned_example_is_accepted_until_it_expires() -> None:
    example(PRESIGNED, {})
    example(PRESIGNED, {}, after=timedelta(days=1))
    with pytest.raises(RefusalError, match="AccessDenied"):
        example(PRESIGNED, {}, after=timedelta(days=1, seconds=1))


def test_a_clock_may_differ_by_fifteen_minutes() -> None:
    a_little, too_much = timedelta(minutes=15), timedelta(minutes=15, seconds=1)
    example(PRESIGNED, {}, after=-a_little)
    with pytest.raises(RefusalError, match="AccessDenied"):
        example(PRESIGNED, {}, after=-too_much)
    for sign in (-1, 1):
        example("/test.txt", GET_OBJECT, after=sign * a_little)
        with pytest.raises(RefusalError, match="AccessDenied"):
            example("/test.txt", GET_OBJECT, after=sign * too_much)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("=86400", "=604801"),
        ("=86400", "=-1"),
        ("=86400", "=soon"),
        ("us-east-1", "eu-west-1"),
        ("%2Fs3%2F", "%2Fsqs%2F"),
        ("%2F20130524%2F", "%2F20130523%2F"),
        ("20130524T000000Z", "yesterday"),
        ("&X-Amz-Expires=86400", ""),
    ],
)
def test_malformed_query_authentication_is_refused(old: str, new: str) -> None:
    with pytest.raises(RefusalError, match="AuthorizationQueryParametersError"):
        example(PRESIGNED.replace(old, new), {})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Range": "bytes=0-99"}, "SignatureDoesNotMatch"),
        ({"Host": "examplebucket.s3.amazonaws.com:8080"}, "SignatureDoesNotMatch"),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "SignatureDoesNotMatch"),
        ({"x-amz-acl": "public-read"}, "AccessDenied"),
        ({"Authorization": "AWS AKIAIOSFODNN7EXAMPLE:x"}, "AccessDenied"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "AuthorizationHeaderMalformed"),
        (
            {"Authorization": GET_OBJECT["Authorization"].replace("AKIA", "AKIB")},
            "InvalidAccessKeyId",
        ),
        (
            {"Authorization": GET_OBJECT["Authorization"].replace("host;", "")},
            "SignatureDoesNotMatch",
        ),
    ],
)
def test_an_altered_header_signed_request_is_refused(change: dict[str, str], expected: str) -> None:
    with pytest.raises(RefusalError, match=expected):
        example("/test.txt", GET_OBJECT | change)


@pytest.mark.parametrize("target", ["*", "/a?b=1&b=2", "/a#b"])
def test_a_target_that_cannot_be_read_is_refused(target: str) -> None:
    with pytest.raises(RefusalError, match="InvalidURI"):
        example(target, GET_OBJECT)
