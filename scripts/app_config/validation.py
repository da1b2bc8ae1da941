"""Whether LibreChat could read the file, and what it would do with it that nobody wants.

Its schema is ``configSchema`` in ``packages/data-provider/src/config.ts`` of LibreChat v0.8.2. Here is
the part that stops a start or silently drops something, not the whole of it: LibreChat validates again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from scripts.app_config.document import Document, invalid, parse

_MAPPINGS = (
    "actions", "balance", "endpoints", "fileConfig", "fileStrategies", "interface", "mcpServers",
    "mcpSettings", "memory", "modelSpecs", "ocr", "rateLimits", "registration", "speech", "transactions",
    "turnstile", "webSearch",
)  # fmt: skip
_KINDS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(_MAPPINGS, (dict, "a mapping")),
    **dict.fromkeys(("filteredTools", "includedTools"), (list, "a list")),
    **dict.fromkeys(("cache", "secureImageLinks"), (bool, "true or false")),
    **dict.fromkeys(("fileStrategy", "imageOutputType", "version"), (str, "a string")),
}
_REQUIRED = {"modelSpecs": "list", "turnstile": "siteKey"}
_IMAGE_TYPES = ("jpeg", "png", "webp")
_BUILT_IN = (
    "agents", "anthropic", "assistants", "azureAssistants", "azureOpenAI", "bedrock", "google", "openAI",
)  # fmt: skip
_CUSTOM_NEEDS = ("name", "apiKey", "baseURL", "models")
"""Without one of them `loadCustomEndpointsConfig` leaves a custom endpoint out and says nothing."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)\}")


def validate(text: str) -> str:
    """Check what LibreChat insists on, and return the version of the schema.

    LibreChat ends at once when the file is not valid, and starts silently on defaults when it is not
    there: both are better found before an upload.

    Raises:
        DeployError: naming each fault's place, never the content.
    """
    config = parse(text).content
    if not isinstance(config, dict):
        raise invalid("it is empty" if config is None else "its top level is not a mapping")
    if faults := list(_faults(config)):
        raise invalid("\n".join(faults))
    return str(config["version"])


def remarks(document: Document, variables: Collection[str]) -> tuple[str, ...]:
    """What LibreChat takes, or may take, otherwise than it looks.

    Args:
        document: A valid file.
        variables: Names of the environment variables that LibreChat will have.
    """
    content = document.content
    return (
        *_unknown_keys(content),
        *_left_out(content),
        *_lost_uploads(content),
        *_unset(document, variables),
    )


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    version = config.get("version")
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+\.\d+", version):
        yield 'it needs `version`, a string of three numbers such as "1.2.8"'
    for key, (kind, meaning) in _KINDS.items():
        # A key with nothing under it is null, which the schema refuses: leave the key out instead.
        if key != "version" and key in config and not isinstance(config[key], kind):
            yield f"`{key}` must be {meaning}" + (", or be left out" if config[key] is None else "")
    if isinstance(image := config.get("imageOutputType"), str) and image not in _IMAGE_TYPES:
        yield f"`imageOutputType` must be one of {', '.join(_IMAGE_TYPES)}"
    for key, needed in _REQUIRED.items():
        if isinstance(group := config.get(key), dict) and not group.get(needed):
            yield f"`{key}` needs `{needed}`"
    if isinstance(endpoints := config.get("endpoints"), dict):
        yield from _endpoint_faults(endpoints)
    for name, server in _group(config, "mcpServers").items():
        if not isinstance(server, dict) or not ("url" in server or {"command", "args"} <= server.keys()):
            yield f"`mcpServers.{name}` needs `url`, or `command` and `args`"


def _endpoint_faults(endpoints: Mapping[str, Any]) -> Iterator[str]:
    if not endpoints:
        yield "`endpoints` needs at least one endpoint, or must be left out"
    custom = endpoints.get("custom", [])
    if not isinstance(custom, list) or not all(isinstance(endpoint, dict) for endpoint in custom):
        yield "`endpoints.custom` must be a list of mappings"
        return
    for number, endpoint in enumerate(custom):
        if endpoint.get("name") in _BUILT_IN:
            yield f"`endpoints.custom[{number}].name` must not be the name of a built-in endpoint"


def _unknown_keys(config: Mapping[str, Any]) -> Iterator[str]:
    known = {"": _KINDS, "endpoints.": {"all", "custom", *_BUILT_IN}}
    for prefix, names in known.items():
        for key in _group(config, prefix[:-1]) if prefix else config:
            if key not in names:
                yield (
                    f"`{prefix}{key}` is not a key of LibreChat v0.8.2; a LibreChat that does not know it "
                    "refuses the whole file."
                )


def _left_out(config: Mapping[str, Any]) -> Iterator[str]:
    for number, endpoint in enumerate(_group(config, "endpoints").get("custom", [])):
        if missing := [f"`{key}`" for key in _CUSTOM_NEEDS if not endpoint.get(key)]:
            yield (
                f"`endpoints.custom[{number}]` has no {', '.join(missing)}: LibreChat leaves it out "
                "without a word."
            )


def _lost_uploads(config: Mapping[str, Any]) -> Iterator[str]:
    """FR-030. LibreChat's order: of the kind of file, the default among them, then the older single key."""
    chosen = _group(config, "fileStrategies")
    usual = chosen.get("default") or config.get("fileStrategy") or "local"
    kinds = {kind: chosen.get(kind) or usual for kind in ("avatar", "image", "document")}
    if lost := [kind for kind, strategy in kinds.items() if strategy == "local"]:
        yield (
            f"Uploads ({', '.join(lost)}) would go to the disk of one execution environment, and be lost "
            "with it: write `fileStrategy: s3`."
        )


def _unset(document: Document, variables: Collection[str]) -> Iterator[str]:
    lines: dict[str, int] = {}
    for scalar in document.scalars:
        for name in _REFERENCE.findall(scalar.value):
            lines.setdefault(name, scalar.line)
    for name, line in lines.items():
        if name not in variables:
            yield (
                f"${{{name}}} (line {line}) is no variable of the function: LibreChat would use these very "
                "characters. Add it to ssm_parameters or environment_variables in terraform.tfvars.json."
            )


def _group(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    group = config.get(key)
    return group if isinstance(group, dict) else {}
