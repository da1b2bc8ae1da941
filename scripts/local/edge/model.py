"""What Terraform deployed, as far as the data planes need it: plain frozen data.

`discovery` fills it from the control plane; tests write it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

HTTP_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Selection:
    """Which viewer headers, cookies or query strings a policy lets through to the origin."""

    behavior: Literal["none", "whitelist", "allExcept", "all"] = "none"
    names: frozenset[str] = frozenset()

    def includes(self, name: str) -> bool:
        """Whether the policy lets this one through. Header names are given in lower case."""
        if self.behavior == "whitelist":
            return name in self.names
        if self.behavior == "allExcept":
            return name not in self.names
        return self.behavior == "all"


@dataclass(frozen=True)
class ForwardingPolicy:
    """A cache policy or an origin request policy, reduced to what reaches the origin.

    Attributes:
        cloudfront_headers: ``CloudFront-*`` headers that CloudFront adds itself.
    """

    headers: Selection = Selection()
    cookies: Selection = Selection()
    query_strings: Selection = Selection()
    cloudfront_headers: Selection = Selection()


@dataclass(frozen=True)
class HeaderRule:
    """A response header that CloudFront sets; `override` replaces the origin's."""

    name: str
    value: str
    override: bool = False


@dataclass(frozen=True)
class CorsPolicy:
    """CORS headers for requests from these origins; empty values are not sent."""

    origins: tuple[str, ...]
    override: bool
    headers: Mapping[str, str]
    preflight_headers: Mapping[str, str]


@dataclass(frozen=True)
class ResponseHeadersPolicy:
    """A response headers policy; names of removed headers in lower case."""

    rules: tuple[HeaderRule, ...] = ()
    removed: frozenset[str] = frozenset()
    cors: CorsPolicy | None = None


@dataclass(frozen=True)
class CacheBehavior:
    """A cache behavior.

    Attributes:
        path_pattern: ``*`` for the default behavior.
        forwarding: The cache policy and the origin request policy; what either includes is sent.
        accept_gzip: The cache policy's EnableAcceptEncodingGzip.
        accept_brotli: The cache policy's EnableAcceptEncodingBrotli.
        caches: Whether the cache policy lets CloudFront keep anything (its maximum TTL is not 0).
        edge_functions: ARNs of CloudFront Functions and Lambda@Edge functions by event type.
    """

    path_pattern: str
    target_origin_id: str
    allowed_methods: frozenset[str] = frozenset({"GET", "HEAD"})
    forwarding: tuple[ForwardingPolicy, ...] = ()
    accept_gzip: bool = False
    accept_brotli: bool = False
    caches: bool = False
    compress: bool = False
    edge_functions: Mapping[str, str] = field(default_factory=dict)
    response_headers: ResponseHeadersPolicy | None = None


@dataclass(frozen=True)
class Origin:
    """An origin. Times in seconds."""

    id: str
    domain_name: str
    origin_path: str = ""
    is_s3: bool = False
    custom_headers: tuple[tuple[str, str], ...] = ()
    read_timeout: float = 30
    connection_attempts: int = 3


@dataclass(frozen=True)
class ErrorPage:
    """A custom error response that replaces an answer by a page."""

    path: str
    response_code: int


@dataclass(frozen=True)
class Distribution:
    """A distribution; `behaviors` in order of precedence, the default one last."""

    id: str
    domain_name: str
    aliases: tuple[str, ...]
    enabled: bool
    origins: Mapping[str, Origin]
    behaviors: tuple[CacheBehavior, ...]
    error_pages: Mapping[int, ErrorPage] = field(default_factory=dict)


@dataclass(frozen=True)
class IntegrationResponse:
    """An integration response of a MOCK integration."""

    status: int
    selection_pattern: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Integration:
    """A method's integration."""

    type: str
    uri: str = ""
    http_method: str = "POST"
    response_transfer_mode: str = "BUFFERED"
    timeout_ms: int = 29_000
    credentials: str = ""
    passthrough_behavior: str = "WHEN_NO_MATCH"
    request_templates: Mapping[str, str] = field(default_factory=dict)
    responses: tuple[IntegrationResponse, ...] = ()


@dataclass(frozen=True)
class Method:
    """A method of a resource; its HTTP method may be ``ANY``."""

    http_method: str
    integration: Integration | None
    authorization_type: str = "NONE"
    api_key_required: bool = False


@dataclass(frozen=True)
class Resource:
    """A resource and its methods; `path` is a template such as ``/api/{proxy+}``."""

    id: str
    path: str
    methods: Mapping[str, Method] = field(default_factory=dict)


@dataclass(frozen=True)
class Throttling:
    """Limits of a method: requests a second, and the size of the token bucket."""

    rate: float
    burst: int


@dataclass(frozen=True)
class Stage:
    """A stage with the resources of the deployment it serves, which may be older than the API's own.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html

    Attributes:
        throttling: By ``{resource path}/{HTTP method}``; ``*/*`` for every method without its own.
    """

    name: str
    deployment_id: str
    resources: tuple[Resource, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    throttling: Mapping[str, Throttling] = field(default_factory=dict)


@dataclass(frozen=True)
class RestApi:
    """A REST API with its stages."""

    id: str
    stages: Mapping[str, Stage]
    binary_media_types: tuple[str, ...] = ()
    execute_api_endpoint: bool = True


@dataclass(frozen=True)
class Statement:
    """A statement of a function's resource policy, parsed JSON values as AWS returns them."""

    effect: str
    principal: Any
    action: Any
    resource: Any
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class ControlPlane:
    """Everything deployed in the account that the edge serves.

    Attributes:
        function_policies: Resource policies by the function's ARN as integrations name it.
    """

    account_id: str
    region: str
    distributions: tuple[Distribution, ...] = ()
    rest_apis: Mapping[str, RestApi] = field(default_factory=dict)
    function_policies: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)
