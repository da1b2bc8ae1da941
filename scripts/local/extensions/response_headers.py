"""Response headers policies: what was not configured is not there, and security headers have their own place.

Restores, for
https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ResponseHeadersPolicyConfig.html:

- parts of a policy that were not given are absent from it. MiniStack answers with empty lists, in which
  Terraform sees a change (the provider's acceptance tests, run in real accounts, find no such blocks:
  https://github.com/hashicorp/terraform-provider-aws/blob/v5.100.0/internal/service/cloudfront/response_headers_policy_test.go);
- a custom header cannot have the name of a security header, which has a setting of its own
  (``InvalidArgument``).
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from scripts.local.extensions import Context, replace

_LISTS = ("CustomHeadersConfig", "RemoveHeadersConfig")
_SECURITY_HEADERS = frozenset(
    {
        "content-security-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "x-xss-protection",
    }
)


def install(context: Context) -> None:
    """Wrap what reads a policy and what shows it."""
    from ministack.services import cloudfront

    def building(original: Any) -> Any:
        def build(parent: Element, config: dict[str, Any]) -> None:
            original(parent, config)
            for name in _LISTS:
                found = cloudfront._find(parent, name)
                if found is not None and cloudfront._text(found, "Quantity") == "0":
                    parent.remove(found)

        return build

    def parsing(original: Any) -> Any:
        def parse(element: Element) -> Any:
            config, refusal = original(element)
            for header in (config or {}).get("CustomHeaders", ()):
                if header["Header"].lower() in _SECURITY_HEADERS:
                    message = (
                        f"The parameter CustomHeaders contains {header['Header']} that is a security "
                        "header and cannot be set as custom header."
                    )
                    return None, cloudfront._error("InvalidArgument", message, 400)
            return config, refusal

        return parse

    replace(cloudfront, "_build_rhp_config_xml", building)
    replace(cloudfront, "_parse_rhp_config", parsing)
    # The table of operations holds the functions themselves.
    cloudfront._RHP_SPEC["build_config"] = cloudfront._build_rhp_config_xml
    cloudfront._RHP_SPEC["parse"] = cloudfront._parse_rhp_config
