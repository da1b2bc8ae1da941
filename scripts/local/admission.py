"""Which requests reach the control plane: those that AWS would let in, and none that a page has sent.

The control plane listens on loopback, where every page in a browser of this machine, every other user and
the code of the function can send requests too. So each request is refused that

- is meant for another host (DNS rebinding), or was sent by a page (`Origin`, `Sec-Fetch-Site`:
  https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site);
- asks for an administration route of the emulator, all of which but the health check are closed;
- is not signed with credentials of this embedded AWS, or whose signature does not match (`signature`);
- is for a service that the deployment does not use.

Three kinds come in without a signature: the health check; the image registry's, which wants its own
password (`extensions.ecr`); and viewers' requests that the edge hands on, by the host name of their
distribution, which reach the content of buckets and nothing else. Presigned requests for objects are let in
from a page as well: the signature is the permission, as on S3. No answer carries a CORS header, but for what
a distribution's own policy says.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape

from scripts.local.credentials import Credentials
from scripts.local.extensions import AsgiApp, Message, Receive, Send, chosen_ids, data_plane
from scripts.local.extensions.ecr import registry_authorization
from scripts.local.signature import Received, Signature, SignatureError, read_signature, verify

SERVICES = frozenset(
    {
        "acm", "apigateway", "cloudfront", "ec2", "ecr", "elasticache", "iam", "lambda", "logs", "route53",
        "s3", "servicequotas", "ssm", "sts", "tagging",
    }
)  # fmt: skip
"""Signing names of the services that the deployment and its checks use."""

_QUERY_SERVICES = frozenset({"ec2", "elasticache", "iam", "sts"})
HEALTH = "/_ministack/health"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_REGISTRY_HOST = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")
_REGISTRY_PATH = re.compile(r"/v2(/.*)?")
_ACCOUNT_ID = re.compile(r"\d{12}")
_DISTRIBUTION_HOST = re.compile(r"[a-z0-9]+\.cloudfront\.net")
_NO_PAGE = frozenset({"", "none", "same-origin"})
_JSON_SERVICES = frozenset({"acm", "apigateway", "ecr", "lambda", "logs", "servicequotas", "ssm", "tagging"})


class Refused(Exception):
    """A request that goes no further; `code` and `status` are AWS's where AWS has them."""

    def __init__(self, status: int, code: str, message: str, service: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.service = status, code, service


class Admission:
    """The filter, as an ASGI application in front of the emulator's.

    Args:
        app: The emulator.
        root: The credentials of the account.
        account_id: The account.
    """

    def __init__(self, app: AsgiApp, root: Credentials, account_id: str) -> None:
        self._app = app
        self._root = root
        self._registry = registry_authorization(root)
        self._account_id = account_id

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # nothing here speaks WebSocket
        else:
            try:
                await self._serve(scope, receive, send)
            except Refused as refused:
                await _answer(refused, send)

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request = _received(scope)
        host = request.header("host").rpartition(":")[0] or request.header("host")
        if _DISTRIBUTION_HOST.fullmatch(host):
            viewer = request.with_body(await _whole(receive))
            await data_plane.serve_viewer(scope, receive, viewer, send)
            return
        is_registry = _REGISTRY_PATH.fullmatch(request.path) is not None
        if host not in _LOOPBACK and not (is_registry and _REGISTRY_HOST.fullmatch(host)):
            raise Refused(403, "AccessDenied", f"The embedded AWS is not {host[:200]!r}.")
        presigned = request.method in ("GET", "HEAD") and "X-Amz-Signature=" in request.query
        if request.header("origin") or (
            request.header("sec-fetch-site").lower() not in _NO_PAGE and not presigned
        ):
            raise Refused(403, "AccessDenied", "The embedded AWS takes no requests from pages in a browser.")
        if (request.method, request.path) == ("GET", HEALTH):
            await _send(send, 200, "application/json", b'{"status": "running"}')
            return
        if is_registry:
            # Without the password nothing of a body is read: the registry refuses it by its headers.
            body = await _whole(receive) if request.header("authorization") == self._registry else b""
            await data_plane.serve_registry(scope, receive, request.with_body(body), _without_cors(send))
            return
        signature, secret = self._announced(scope, request)
        body = await _whole(receive)
        request = request.with_body(body)
        try:
            verify(request, signature, secret)
        except SignatureError as error:
            raise Refused(403, error.code, str(error), signature.service) from error
        is_root = self._is_root(signature)
        if request.path == chosen_ids.ROUTE:
            if not is_root:
                raise Refused(403, "AccessDenied", "Only the account may choose ids.")
            chosen_ids.announce(body)
            await _send(send, 204, "text/plain", b"")
            return
        self._authorize(scope, request, signature, is_root)
        # What was verified is what the emulator reads: one header, in one form.
        await self._app(_signed_once(scope, signature), _replay(body, receive), _without_cors(send))

    def _announced(self, scope: dict[str, Any], request: Received) -> tuple[Signature, str]:
        """The signature that a request says it has, and the secret by which to check it. Needs no body."""
        service = ""
        try:
            signature = read_signature(request)
            service = signature.service
            return signature, self._secret(signature)
        except SignatureError as error:
            if error.code == "MissingAuthenticationToken" and _routed(scope, request)[0] == "s3":
                raise Refused(403, "AccessDenied", "Access Denied", "s3") from error
            raise Refused(403, error.code, str(error), service) from error

    def _is_root(self, signature: Signature) -> bool:
        """Whether the key is the account's, or the id of another account: its root user has the same secret.

        The configuration bucket belongs to another account, and so access to it can be rehearsed.
        """
        key = signature.access_key_id
        return key == self._root.access_key_id or _ACCOUNT_ID.fullmatch(key) is not None

    def _secret(self, signature: Signature) -> str:
        """The secret of the request's access key."""
        from ministack.core import iam_evaluator

        if self._is_root(signature):
            return self._root.secret_access_key
        found = iam_evaluator.resolve_credential(
            signature.access_key_id, self._account_id, signature.session_token
        )
        if isinstance(found, iam_evaluator.ResolvedCredential):
            return str(found.secret_access_key)
        message = "The security token included in the request is invalid."
        raise SignatureError("InvalidClientTokenId", message)

    def _authorize(
        self, scope: dict[str, Any], request: Received, signature: Signature, is_root: bool
    ) -> None:
        """Refuse what no policy of IAM could speak of; the policies themselves are the control plane's."""
        from ministack.core.iam_actions import extract_iam_action

        service = signature.service
        if any(re.match("/+_", path) for path in (request.path, scope["path"])):
            raise Refused(
                403, "AccessDenied", "The administration routes of the emulator are closed.", service
            )
        served, headers, query = _routed(scope, request)
        for name in (service, served):
            if name not in SERVICES:
                why = f"The embedded AWS has no {name[:40]!r}: the deployment does not use that service."
                raise Refused(403, "AccessDenied", why, service)
        if served != service:
            why = f"Credential should be scoped to correct service: {served!r}."
            raise Refused(403, "SignatureDoesNotMatch", why, service)
        if service in _QUERY_SERVICES and _actions(request) > 1:
            raise Refused(400, "InvalidParameterCombination", "A request has one action.", service)
        if not is_root and not extract_iam_action(
            served, request.method, scope["path"], headers, request.body, query
        ):
            raise Refused(403, "AccessDenied", "No action of IAM covers this request.", service)


def _signed_once(scope: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """The request with the header that was verified in the place of its own."""
    if signature.presigned:
        return scope
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
    return {**scope, "headers": [*others, (b"authorization", signature.authorization.encode("latin-1"))]}


def _routed(scope: dict[str, Any], request: Received) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The service to which the emulator gives the request, and by what it decides: headers and parameters.

    The parameters are those of the query and of a form in the body.
    """
    from ministack import app
    from ministack.core.router import detect_service

    method, path, headers = request.method, scope["path"], request.headers_joined()
    query = parse_qs(request.query, keep_blank_values=True)
    parameters: dict[str, Any] = app._routing_params(method, path, headers, request.body, query)
    return str(detect_service(method, path, headers, parameters)), headers, parameters


def _actions(request: Received) -> int:
    """How many actions a request names; its query and its body could each be read alone."""
    form = request.body.decode("latin-1")
    return sum(
        name == "Action"
        for text in (request.query, form)
        for name, _ in parse_qsl(text, keep_blank_values=True)
    )


def _received(scope: dict[str, Any]) -> Received:
    return Received(
        scope["method"],
        (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0],
        scope.get("query_string", b"").decode("latin-1"),
        tuple((name.decode("latin-1").lower(), _text(value)) for name, value in scope.get("headers", [])),
    )


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _whole(receive: Receive) -> bytes:
    """The body. A client that leaves in its middle has asked for nothing."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "IncompleteBody", "The connection was closed before the end of the body.")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands over the body read before, once."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _without_cors(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (k, v) for k, v in message.get("headers", []) if not k.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return sending


async def _answer(refused: Refused, send: Send) -> None:
    """The refusal, in the form that the service's SDK reads."""
    if refused.service in _JSON_SERVICES:
        document = {"__type": refused.code, "message": str(refused)}
        await _send(
            send, refused.status, "application/x-amz-json-1.1", json.dumps(document).encode(), refused.code
        )
        return
    error = f"<Code>{refused.code}</Code><Message>{escape(str(refused))}</Message>"
    # S3 has an element of its own; the others' is that of the query protocol.
    s3 = refused.service == "s3"
    text = f"<Error>{error}</Error>" if s3 else f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
    await _send(send, refused.status, "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


async def _send(send: Send, status: int, media_type: str, body: bytes, error: str = "") -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    if error:
        headers.append((b"x-amzn-errortype", error.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
