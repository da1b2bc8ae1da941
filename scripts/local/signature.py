"""Verifies Signature Version 4 of a received request, by botocore's own signer.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. The signature is
made again from what was received and compared. Chunks of an ``aws-chunked`` body are the control plane's to
check; here their seed is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import ReadOnlyCredentials

ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW = timedelta(minutes=15)
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


class SignatureError(Exception):
    """The request is not signed as it must be. `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_signature(request: Received) -> Signature:
    """Read the signature from the Authorization header or, of a presigned request, from the query.

    Raises:
        SignatureError: when there is none, or it is not whole.
    """
    authorization = request.header("authorization")
    query = {name: values[-1] for name, values in parse_qs(request.query, keep_blank_values=True).items()}
    presigned = "X-Amz-Signature" in query
    if presigned == bool(authorization):
        if presigned:
            raise SignatureError("InvalidArgument", "Only one auth mechanism allowed")
        raise SignatureError("MissingAuthenticationToken", "Missing Authentication Token")
    if presigned:
        fields = {name.removeprefix("X-Amz-"): value for name, value in query.items()}
        algorithm = fields.get("Algorithm", "")
    else:
        algorithm, _, rest = authorization.partition(" ")
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        fields |= {"Date": request.header("x-amz-date"), "Expires": "0"}
        fields |= {"Security-Token": request.header("x-amz-security-token")}
    scope = fields.get("Credential", "").split("/")
    headers = tuple(fields.get("SignedHeaders", "").lower().split(";"))
    expires = fields.get("Expires", "")
    whole = len(scope) == 5 and scope[4] == "aws4_request" and expires.isascii() and expires.isdigit()
    if algorithm != ALGORITHM or not whole or "host" not in headers:
        raise SignatureError(
            "IncompleteSignature", "The request signature does not conform to AWS standards."
        )
    return Signature(
        *(scope[0], scope[1], scope[2], scope[3]),
        signed_headers=headers,
        value=fields.get("Signature", ""),
        timestamp=fields.get("Date", ""),
        session_token=fields.get("Security-Token", ""),
        presigned=presigned,
        expires=int(expires[:9]),
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
