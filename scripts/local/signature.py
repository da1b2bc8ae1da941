"""Verifies Signature Version 4 of a received request, by botocore's own signer.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. The signature is
made again from what was received and compared. Chunks of an ``aws-chunked`` body are the control plane's to
check; here their seed is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import ReadOnlyCredentials

ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<scope>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_SCOPE = re.compile(
    r"(?P<key>\w+)/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request", re.ASCII
)
_ONCE = (
    "authorization",
    "host",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-target",
)
_OLD_PARAMETERS = frozenset({"awsaccesskeyid", "signature"})
"""Of signature version 2, which nothing here uses."""
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Received:
    """A request as it came in: `path` and `query` encoded, header names in lower case, in their order."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """The value of a header; several as one, as RFC 9110 joins them."""
        return ", ".join(value for key, value in self.headers if key == name)

    def headers_joined(self) -> dict[str, str]:
        """The headers as the emulator reads them: one value a name."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            separator = "; " if name == "cookie" else ", "
            joined[name] = joined[name] + separator + value if name in joined else value
        return joined

    def with_body(self, body: bytes) -> Received:
        """The same request, once its body has been read."""
        return replace(self, body=body)


@dataclass(frozen=True)
class Signature:
    """What a request says about its own signature."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str = field(repr=False)
    timestamp: str
    session_token: str = field(repr=False)
    presigned: bool
    expires: int

    @property
    def authorization(self) -> str:
        """The one Authorization header that says this."""
        scope = f"{self.access_key_id}/{self.date}/{self.region}/{self.service}/aws4_request"
        headers = ";".join(self.signed_headers)
        return f"{ALGORITHM} Credential={scope}, SignedHeaders={headers}, Signature={self.value}"


class SignatureError(Exception):
    """The request is not signed as it must be. `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _incomplete() -> SignatureError:
    return SignatureError("IncompleteSignature", "The request signature does not conform to AWS standards.")


def read_signature(request: Received) -> Signature:
    """Read the signature from the Authorization header or, of a presigned request for S3, from the query.

    Whatever could be read in two ways is refused: a header or a parameter that comes twice, or both kinds.

    Raises:
        SignatureError: when there is none, or it is not whole.
    """
    for name in _ONCE:
        if sum(key == name for key, _ in request.headers) > 1:
            raise SignatureError("InvalidArgument", f"The header {name} comes more than once.")
    authorization = request.header("authorization")
    parameters = parse_qsl(request.query, keep_blank_values=True)
    names = [name.lower() for name, _ in parameters]
    in_query = [name for name in names if name.startswith("x-amz-") or name in _OLD_PARAMETERS]
    if in_query and (authorization or len(in_query) != len(set(in_query)) or set(in_query) & _OLD_PARAMETERS):
        raise SignatureError("InvalidArgument", "Only one auth mechanism allowed")
    if authorization:
        return _from_header(request, authorization)
    if "x-amz-signature" in in_query:
        return _from_query(dict(parameters))
    raise SignatureError("MissingAuthenticationToken", "Missing Authentication Token")


def _from_header(request: Received, authorization: str) -> Signature:
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        raise _incomplete()
    return _signature(
        found["scope"], found["headers"], found["signature"], request.header("x-amz-date"),
        request.header("x-amz-security-token"), presigned=False, expires=0,
    )  # fmt: skip


def _from_query(given: dict[str, str]) -> Signature:
    expires = given.get("X-Amz-Expires", "")
    signature = given.get("X-Amz-Signature", "")
    if given.get("X-Amz-Algorithm") != ALGORITHM or not re.fullmatch("[0-9]{1,6}", expires):
        raise _incomplete()
    found = _signature(
        given.get("X-Amz-Credential", ""), given.get("X-Amz-SignedHeaders", ""), signature,
        given.get("X-Amz-Date", ""), given.get("X-Amz-Security-Token", ""),
        presigned=True, expires=int(expires),
    )  # fmt: skip
    if found.service != "s3":
        raise SignatureError("IncompleteSignature", "Only requests for objects may be presigned.")
    return found


def _signature(
    scope: str, headers: str, value: str, timestamp: str, token: str, *, presigned: bool, expires: int
) -> Signature:
    parts = _SCOPE.fullmatch(scope)
    names = tuple(headers.split(";"))
    if parts is None or "host" not in names or headers != headers.lower():
        raise _incomplete()
    return Signature(
        *(parts["key"], parts["date"], parts["region"], parts["service"]),
        signed_headers=names,
        value=value,
        timestamp=timestamp,
        session_token=token,
        presigned=presigned,
        expires=expires,
    )


def verify(
    request: Received,
    signature: Signature,
    secret_access_key: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Refuse a request whose signature is not that of the key's owner, or is not of now.

    Raises:
        SignatureError: as AWS answers it.
    """
    _require_current(signature, now())
    payload = _payload_hash(request, signature)
    signer = _signer(signature)(
        ReadOnlyCredentials(signature.access_key_id, secret_access_key, None),
        *(signature.service, signature.region),
    )
    signed = AWSRequest(
        method=request.method, url=f"http://received{request.path}?{_query(request, signature)}"
    )
    signed.headers["X-Amz-Content-SHA256"] = payload
    signed.context["timestamp"] = signature.timestamp
    unsigned = {name for name, _ in request.headers if name.startswith("x-amz-")} - set(
        signature.signed_headers
    )
    if unsigned:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
        raise SignatureError("AccessDenied", f"There were headers present which were not signed: {unsigned}")
    for name in signature.signed_headers:
        values = [value for key, value in request.headers if key == name]
        if not values:
            raise SignatureError("SignatureDoesNotMatch", f"The signed header {name} is not in the request.")
        for value in values:
            signer.received.add_header(name, value)
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    if not hmac.compare_digest(signer.signature(text, signed).encode(), signature.value.encode()):
        raise SignatureError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )


class _Signer(SigV4Auth):  # type: ignore[misc]
    """A signer of exactly the headers that the request says are signed."""

    def __init__(self, credentials: ReadOnlyCredentials, service: str, region: str) -> None:
        super().__init__(credentials, service, region)
        self.received = HTTPHeaders()

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return self.received


class _S3Signer(_Signer):
    """S3 signs the path as it is sent, not normalized and encoded once more."""

    _normalize_url_path = S3SigV4Auth._normalize_url_path


class _S3QuerySigner(_Signer):
    _normalize_url_path = S3SigV4QueryAuth._normalize_url_path


def _signer(signature: Signature) -> type[_Signer]:
    if signature.service != "s3":
        return _Signer
    return _S3QuerySigner if signature.presigned else _S3Signer


def _query(request: Received, signature: Signature) -> str:
    """The query without the signature itself."""
    parts = request.query.split("&") if request.query else []
    return "&".join(part for part in parts if unquote(part.partition("=")[0]) != "X-Amz-Signature")


def _payload_hash(request: Received, signature: Signature) -> str:
    """What stands for the body in the signature.

    Raises:
        SignatureError: when the hash that was signed is not that of the body.
    """
    given = request.header("x-amz-content-sha256")
    if signature.service == "s3" and signature.presigned:
        return "UNSIGNED-PAYLOAD"
    if signature.service == "s3" and (given == "UNSIGNED-PAYLOAD" or given.startswith("STREAMING-")):
        return given
    actual = hashlib.sha256(request.body).hexdigest() if request.body else _EMPTY
    if given and given != actual:
        raise SignatureError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    return actual


def _require_current(signature: Signature, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignature", "The request has no valid X-Amz-Date.") from None
    if signature.timestamp[:8] != signature.date:
        raise SignatureError("SignatureDoesNotMatch", "Date in Credential scope does not match X-Amz-Date.")
    expiry = signed_at + (timedelta(seconds=signature.expires) if signature.presigned else CLOCK_SKEW)
    if not signed_at - CLOCK_SKEW <= now <= expiry:
        code = "AccessDenied" if signature.presigned else "RequestTimeTooSkewed"
        raise SignatureError(code, f"Signature expired or not yet current: {signature.timestamp}")
