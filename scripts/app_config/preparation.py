"""A librechat.yaml made fit for one deployment: domain replaced, validated, free of secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.app_config.document import parse
from scripts.app_config.secrets_in_clear import Finding, find_secrets
from scripts.app_config.validation import remarks, validate
from scripts.errors import DeployError, ExitStatus

FUNCTION_VARIABLES = (
    "AWS_BUCKET_NAME", "AWS_REGION", "CONFIG_PATH", "CONFIG_S3_BUCKET", "CONFIG_S3_KEY", "CONFIG_VERSION",
    "DIAGNOSTIC_STREAM", "DOMAIN_CLIENT", "DOMAIN_SERVER", "FORBIDDEN_DOMAIN", "LIBRECHAT_SSM_PARAMETERS",
    "ORIGIN_KEY_HASHES", "REDIS_URI", "RESPONSE_GRACE_MS", "SSE_HEARTBEAT_MS", "USE_REDIS",
)  # fmt: skip
"""What infrastructure/terraform/modules/backend sets, and AWS_REGION, which Lambda sets."""


@dataclass(frozen=True)
class AppConfig:
    """A configuration that is fit for a deployment.

    Attributes:
        text: The file's content.
        version: LibreChat's version of the configuration schema, for example ``1.2.8``.
        replacements: How many times the old domain was replaced.
        secrets: What looks like a secret in clear.
        remarks: What is allowed and probably not meant.
    """

    text: str
    version: str
    replacements: int
    secrets: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()

    def require_no_secrets(self, allowed: Collection[str] = ()) -> None:
        """Refuse a file that holds secrets in clear.

        Args:
            allowed: Places of findings that are none.

        Raises:
            DeployError: naming line and key of each, never the value.
        """
        refused = [finding for finding in self.secrets if finding.place not in allowed]
        if refused:
            raise DeployError(
                "librechat.yaml holds secrets in clear; nothing was uploaded",
                "\n".join(map(str, refused)),
                "Put each into SSM (ssm_parameters in terraform.tfvars.json) and write ${NAME} in its "
                "place.\nIf it is no secret: " + " ".join(f"--allow-secret '{r.place}'" for r in refused),
                status=ExitStatus.PREFLIGHT_FAILED,
            )


def prepare(
    text: str, domain: str, *, replaced_domain: str, variables: Collection[str] | None = None
) -> AppConfig:
    """The configuration for `domain`: `replaced_domain` replaced everywhere (FR-027), then validated.

    Args:
        text: The file as its author wrote it.
        domain: What users will open.
        replaced_domain: What the file was written for.
        variables: Names that ``${NAME}`` may have; None: not looked at.

    Raises:
        DeployError: when LibreChat could not read the result. Secrets are findings, not yet errors.
    """
    replaced, count = replace_domain(text, replaced_domain, domain)
    version = validate(replaced)
    notes = remarks(parse(replaced), variables) if variables is not None else ()
    return AppConfig(replaced, version, count, find_secrets(replaced), notes)


def replace_domain(text: str, old: str, new: str) -> tuple[str, int]:
    """Replace a domain everywhere, comments included, in any case. Returns the text and the number."""
    return re.subn(re.escape(old), lambda _match: new, text, flags=re.IGNORECASE)


def known_variables(tfvars: Mapping[str, Any]) -> frozenset[str]:
    """Names of the variables that LibreChat has in this deployment."""
    own = (tfvars.get("ssm_parameters", {}), tfvars.get("environment_variables", {}))
    return frozenset(FUNCTION_VARIABLES).union(*own)
