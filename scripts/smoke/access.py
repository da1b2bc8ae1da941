"""Access to the handler's diagnostic stream, which holds an execution environment for as long as it lasts.

The handler takes a token that ends within 15 minutes and is signed with what only the function's own
configuration holds (container/README.md): whoever may read that configuration may ask for the stream.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.aws import HURRIED, Aws, error_code
from scripts.smoke.model import NotCheckedError

HEADER = "x-diagnostic-token"

VALID_SECONDS = 600
"""The handler takes up to 900: the difference is room for two clocks that differ."""


@dataclass(frozen=True)
class Access:
    """The right to ask for diagnostic streams. `key` is a secret, and so is every token."""

    key: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """The header with a new token, for one request: a long run outlives any single one."""
        return {HEADER: token(self.key, int(time.time()) + VALID_SECONDS)}


def token(key: str, expires: int) -> str:
    """A token that is good until `expires`, in Unix seconds."""
    signed = f"diagnostic-stream:{expires}".encode("ascii")
    return f"{expires}.{hmac.new(key.encode('ascii'), signed, hashlib.sha256).hexdigest()}"


def read(aws: Aws | None, outputs: Mapping[str, Any]) -> Access:
    """The key out of the function's configuration; blocks.

    Args:
        aws: The account; None when nothing but the address is known.
        outputs: Terraform's outputs, which name the function.

    Raises:
        NotCheckedError: when it cannot be had.
    """
    function = str(outputs.get("function_name") or "")
    if aws is None or not function:
        raise NotCheckedError(
            "the diagnostic stream needs a token, which is made from the function's configuration, and only "
            "the address is known"
        )
    from botocore.exceptions import BotoCoreError, ClientError

    client = aws.with_patience(HURRIED).client("lambda")
    try:
        # https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
        configuration = client.get_function_configuration(FunctionName=function)
    except (BotoCoreError, ClientError) as error:
        raise NotCheckedError(
            "the diagnostic stream needs a token, and the function's configuration, from which it is made, "
            f"cannot be read ({error_code(error) or error})"
        ) from error
    variables = (configuration.get("Environment") or {}).get("Variables") or {}
    # The version in use comes first.
    key = str(variables.get("ORIGIN_KEY_HASHES", "")).partition(",")[0]
    if not key:
        raise NotCheckedError(
            "the diagnostic stream needs a token, and the function has no ORIGIN_KEY_HASHES to make it from: "
            "deploy again"
        )
    return Access(key)
