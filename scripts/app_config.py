"""librechat.yaml: the domain it is written for, and whether LibreChat could read it.

Pure functions over text. Uploading is another module's task, and values are never shown: the file may
hold secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scripts.errors import DeployError


@dataclass(frozen=True)
class AppConfig:
    """A configuration that is fit for a deployment.

    Attributes:
        text: The file's content.
        version: LibreChat's version of the configuration schema, for example ``1.2.8``.
        replacements: How many times the old domain was replaced.
    """

    text: str
    version: str
    replacements: int


def prepare(text: str, domain: str, *, replaced_domain: str) -> AppConfig:
    """The configuration for `domain`: `replaced_domain` replaced everywhere (FR-027), then validated.

    Raises:
        DeployError: when LibreChat could not read the result.
    """
    replaced, count = replace_domain(text, replaced_domain, domain)
    return AppConfig(replaced, validate(replaced), count)


def replace_domain(text: str, old: str, new: str) -> tuple[str, int]:
    """Replace a domain everywhere, comments included, in any case. Returns the text and the number."""
    return re.subn(re.escape(old), lambda _match: new, text, flags=re.IGNORECASE)


def validate(text: str) -> str:
    """Check what LibreChat insists on, and return the version of the schema.

    LibreChat ends at once when the file is not valid, and starts silently on defaults when it is not
    there: both are better found before an upload.

    Raises:
        DeployError: naming the place, never the content.
    """
    import yaml

    try:
        config = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _invalid(f"{place}{error.problem}") from error
    except yaml.YAMLError as error:
        raise _invalid("it is not YAML") from error
    if not isinstance(config, dict):
        raise _invalid("it is empty" if config is None else "its top level is not a mapping")
    version = config.get("version")
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise _invalid('it needs `version`, a string of three numbers such as "1.2.8"')
    return version


def _invalid(why: str) -> DeployError:
    return DeployError(
        "librechat.yaml is not valid",
        why,
        "Correct the file; https://www.librechat.ai/docs/configuration/librechat_yaml lists its keys.",
    )
