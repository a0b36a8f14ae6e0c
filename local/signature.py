"""What S3 judges by a request's head alone: its signature and its age.

Rules are from the S3 pages "Authenticating Requests (AWS Signature Version 4)" and "Error
responses".
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict

ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW = timedelta(minutes=15)
MAX_LIFETIME = timedelta(days=7)

# S3's own answers, one line an error: code, status, message.
REFUSALS = {
    "AccessDenied": (403, "Access Denied"),
    "AccessForbidden": (403, "CORSResponse: This CORS request is not allowed."),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "AuthorizationQueryParametersError": (400, "The X-Amz-* query parameters are malformed."),
    "BadDigest": (400, "The digest you specified did not match the calculated checksum."),
    "InvalidAccessKeyId": (403, "The access key id you provided does not exist in our records."),
    "InvalidArgument": (400, "Only one auth mechanism allowed"),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist."),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "PreconditionFailed": (412, "At least one of the preconditions you specified did not hold."),
    "SignatureDoesNotMatch": (403, "The signature we calculated does not match yours."),
}


class RefusalError(Exception):
    """What S3 does not accept: a code of `REFUSALS` and further elements of the XML answer."""

    def __init__(self, code: str, message: str = "", **details: str) -> None:
        self.status, usual = REFUSALS[code]
        self.elements = {"Code": code, "Message": message or usual, **details}
        super().__init__(code)

    def xml(self, **elements: str) -> str:
        elements = {**self.elements, **elements}
        body = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{body}</Error>'


@dataclass(frozen=True)
class Head:
    """The head of a request, path and query decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: CIMultiDict[str]

    @classmethod
    def parse(cls, method: str, target: str, headers: Iterable[tuple[str, str]]) -> "Head":
        """Read a request as it stood on the wire; a repeated query parameter is refused."""
        path, _, query = target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        if not path.startswith("/") or "#" in target or len(dict(pairs)) < len(pairs):
            raise RefusalError("InvalidURI")
        return cls(method, unquote(path), dict(pairs), CIMultiDict(headers))

    @property
    def bucket(self) -> str:
        return self.path.split("/")[1]

    def signed_part(self, names: Sequence[str]) -> AWSRequest:
        """What the signature covers, for botocore's signer."""
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
            for name, value in self.query.items()
            if name != "X-Amz-Signature"
        )
        url = f"http://s3{quote(self.path, safe='/~')}?{query}"
        request = AWSRequest(method=self.method, url=url)
        for name, value in self.headers.items():
            if name.lower() in names:
                request.headers[name] = value  # adds: a repeated header keeps all its values
        return request


@dataclass(frozen=True)
class Claim:
    """What a request says of its own signature."""

    presigned: bool
    credential: str
    signed_headers: str
    signature: str
    timestamp: str
    issued: datetime
    lifetime: timedelta

    @classmethod
    def of(cls, head: Head) -> "Claim":
        authorization = head.headers.get("Authorization", "")
        presigned = "X-Amz-Signature" in head.query
        if presigned and authorization:
            raise RefusalError("InvalidArgument")
        if presigned:
            said = {name.removeprefix("X-Amz-"): value for name, value in head.query.items()}
        elif authorization.startswith(f"{ALGORITHM} "):
            fields = authorization.removeprefix(ALGORITHM).split(",")
            said = dict(field.strip().partition("=")[::2] for field in fields)
            said["Date"] = head.headers.get("X-Amz-Date", "")
            said["Expires"] = str(CLOCK_SKEW.seconds)
        else:
            raise RefusalError("AccessDenied")
        try:
            return cls(
                presigned,
                said["Credential"],
                said["SignedHeaders"],
                said["Signature"],
                said["Date"],
                datetime.strptime(said["Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
                timedelta(seconds=int(said["Expires"])),
            )
        except (KeyError, ValueError, OverflowError) as error:
            raise malformed(presigned, "A part is missing or not valid") from error

    def access_key_id(self, region: str) -> str:
        access_key_id, *scope = self.credential.rsplit("/", 4)
        expected = [self.timestamp[:8], region, "s3", "aws4_request"]
        if scope != expected:
            raise malformed(self.presigned, f"Expecting the scope {'/'.join(expected)}")
        return access_key_id

    def check_time(self, now: datetime) -> None:
        if not timedelta() <= self.lifetime <= MAX_LIFETIME:
            raise malformed(self.presigned, "X-Amz-Expires must be from 0 seconds to a week")
        if now + CLOCK_SKEW < self.issued:
            raise RefusalError("AccessDenied", "Request is not valid yet")
        if now > self.issued + self.lifetime:
            raise RefusalError("AccessDenied", "Request has expired")


def malformed(presigned: bool, message: str) -> RefusalError:
    kind = "QueryParametersError" if presigned else "HeaderMalformed"
    return RefusalError(f"Authorization{kind}", message)


def verify(head: Head, *, credentials: Credentials, region: str, now: datetime) -> None:
    """Check the signature of a presigned or header-signed request, as S3 does at `now`.

    Raises RefusalError.
    """
    claim = Claim.of(head)
    if claim.access_key_id(region) != credentials.access_key:
        raise RefusalError("InvalidAccessKeyId")
    claim.check_time(now)
    signed = claim.signed_headers.split(";")
    names = {name.lower() for name in head.headers}
    if unsigned := [name for name in names if name.startswith("x-amz-") and name not in signed]:
        message = "There were headers present in the request which were not signed"
        raise RefusalError("AccessDenied", message, HeadersNotSigned=", ".join(unsigned))
    request = head.signed_part(signed)  # without a header that is signed and missing: 403 below
    request.context["timestamp"] = claim.timestamp
    kind = S3SigV4QueryAuth if claim.presigned else S3SigV4Auth
    signer = kind(credentials, "s3", region)
    canonical = signer.canonical_request(request)
    string_to_sign = signer.string_to_sign(request, canonical)
    signature = signer.signature(string_to_sign, request)
    if not hmac.compare_digest(signature.encode(), claim.signature.encode()):
        shown = {"CanonicalRequest": canonical, "StringToSign": string_to_sign}
        raise RefusalError("SignatureDoesNotMatch", **shown)
