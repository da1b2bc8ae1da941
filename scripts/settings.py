"""Settings: invoke.yaml, INVOKE_* variables and flags, merged by Invoke and validated once, here.

The rest of the code takes a `Settings` and never reads configuration again.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from scripts.errors import DeployError, ExitStatus

PROJECT_ROOT = Path(__file__).resolve().parent.parent

TargetName = Literal["local", "aws"]


@dataclass(frozen=True)
class AwsSettings:
    """The real account: where, which, and with whose credentials."""

    region: str
    account_id: str
    profile: str
    config_profile: str
    check_permissions: bool


@dataclass(frozen=True)
class StateSettings:
    """Terraform's state, and the releases beside it. `lock_timeout` is a Terraform duration (``30s``).

    `bucket` and `key` are of the backend ``s3``, `directory` (relative to the project) of ``local``.
    ``{environment}`` in them stands for the environment's name, and is replaced here already.
    """

    backend: Literal["s3", "local"]
    bucket: str
    key: str
    directory: str
    lock_timeout: str


@dataclass(frozen=True)
class ReleasesSettings:
    """How many releases stay deployable: their image and the files of their client."""

    keep: int


@dataclass(frozen=True)
class TerraformSettings:
    """How Terraform is run. `directory` is the shipped tree, relative to the project."""

    binary: str
    directory: str
    modules: Literal["auto", "bundled", "registry"]
    parallelism: int


@dataclass(frozen=True)
class LibreChatSettings:
    """Which LibreChat is deployed. `source` is a checkout's path, `config` a librechat.yaml's, or empty."""

    version: str
    base_image: str
    repository: str
    source: str
    config: str


@dataclass(frozen=True)
class FrontendSettings:
    """How the client is made: with npm, or taken out of LibreChat's image."""

    from_image: bool


@dataclass(frozen=True)
class ImageSettings:
    """How the container image is made."""

    builder: Literal["auto", "buildx", "pack"]
    platform: Literal["linux/amd64", "linux/arm64"]


@dataclass(frozen=True)
class LocalSettings:
    """The embedded AWS. Port 0 means any free port; `directory` is relative to the project."""

    directory: str
    port: int
    control_port: int
    environments: Literal["auto", "process", "container"]


@dataclass(frozen=True)
class ChatSettings:
    """The conversation of ``inv smoke --chat``: as whom, with which model, and what is said.

    `password_from` says where the password is (``env:NAME``, ``file:PATH``, ``ssm:NAME``), never what it is.
    An empty `user` is the stand-in's own, an empty `endpoint` or `model` the first that the app offers.
    `host` is where the user belongs to: with ``--base-url`` the password goes nowhere else.
    `timeout` is for the whole answer, in seconds.
    """

    user: str
    password_from: str
    host: str
    endpoint: str
    model: str
    message: str
    timeout: float


@dataclass(frozen=True)
class SmokeSettings:
    """Budgets of the smoke checks, in seconds except where the name says otherwise."""

    timeout: float
    cold_start: float
    stream_chunks: int
    stream_interval_ms: int
    streams_at_once: int
    chat: ChatSettings


@dataclass(frozen=True)
class Settings:
    """Everything a run may depend on. Immutable; `dataclasses.replace` makes a variation."""

    target: TargetName
    environment: str
    aws: AwsSettings
    state: StateSettings
    releases: ReleasesSettings
    terraform: TerraformSettings
    librechat: LibreChatSettings
    frontend: FrontendSettings
    image: ImageSettings
    local: LocalSettings
    smoke: SmokeSettings
    project_root: Path = PROJECT_ROOT

    @classmethod
    def load(cls, config: Mapping[str, Any], **flags: Any) -> Settings:
        """Settings from a merged configuration (Invoke's ``ctx.config``) and task flags.

        A flag that is None or empty was not given and changes nothing. Its name is the setting's, or
        the path of one in a group (``state.lock_timeout``).

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED` and the path of the first bad setting.
        """
        merged = {name: config.get(name) for name in _names(cls)}
        for path, value in flags.items():
            if value not in (None, ""):
                group, _, name = path.rpartition(".")
                merged |= {group: {**(merged[group] or {}), name: value}} if group else {name: value}
        if isinstance(merged["state"], Mapping):
            # Another environment must never find the state of this one.
            merged["state"] = {
                name: value.replace("{environment}", str(merged["environment"]))
                if isinstance(value, str)
                else value
                for name, value in merged["state"].items()
            }
        settings: Settings = _build(cls, merged, "")
        _require_short_stream(settings.smoke)
        return settings

    @property
    def local_directory(self) -> Path:
        """Absolute path of the embedded AWS's own directory."""
        return self.project_root / self.local.directory

    @property
    def state_directory(self) -> Path:
        """Absolute path of what the backend ``local`` keeps; each target and environment has its own."""
        return self.project_root / self.state.directory / self.target / self.environment

    @property
    def terraform_source(self) -> Path:
        """The shipped Terraform tree (environments and modules)."""
        return self.project_root / self.terraform.directory

    @property
    def tfvars_path(self) -> Path:
        """The environment's values."""
        return self.terraform_source / "environments" / self.environment / "terraform.tfvars.json"

    def shown(self, path: Path) -> str:
        """A path as a reader knows it: from the project's root when it lies in it."""
        return str(path.relative_to(self.project_root) if path.is_relative_to(self.project_root) else path)

    @cached_property
    def tfvars(self) -> dict[str, Any]:
        """The environment's values, parsed.

        Raises:
            DeployError: when the file is missing or is not a JSON object.
        """
        try:
            values = json.loads(self.tfvars_path.read_text())
            if not isinstance(values, dict):
                raise TypeError("not a JSON object")
        except (OSError, ValueError, TypeError) as error:
            raise DeployError(
                f"Cannot read {self.shown(self.tfvars_path)}",
                str(error),
                f"Create the file for the environment {self.environment!r}, or choose another one "
                "with INVOKE_ENVIRONMENT.",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error
        return values


def refuse_unknown(config: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Refuse settings that nothing reads: a misspelt one would silently be the default.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`, naming the nearest known name.
    """
    from invoke.config import Config

    invokes = set(Config.global_defaults())
    known = list(_paths(Settings))
    for path in set(_given(config)) - set(known):
        if path.split(".")[0] not in invokes:
            raise _unknown(f"setting {path} of invoke.yaml", path, known)
    variables = [_variable(path) for path in known]
    prefixes = ("INVOKE_DEBUG", *(_variable(name) for name in invokes))
    for name in set(environment) - set(variables):
        if name.startswith("INVOKE_") and not name.startswith(prefixes):
            raise _unknown(f"environment variable {name}", name, variables)


def _names(cls: type[Any]) -> Iterator[str]:
    """The fields of a group that can be set."""
    return (field.name for field in dataclasses.fields(cls) if field.name != "project_root")


def _paths(cls: type[Any], prefix: str = "") -> Iterator[str]:
    """Every setting's path, such as ``local.port``."""
    hints = typing.get_type_hints(cls)
    for name in _names(cls):
        group = dataclasses.is_dataclass(hints[name])
        yield from _paths(hints[name], f"{prefix}{name}.") if group else (prefix + name,)


def _given(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in config.items():
        path = f"{prefix}{name}"
        yield from _given(value, f"{path}.") if isinstance(value, Mapping) else (path,)


def _build(cls: type[Any], raw: Any, path: str) -> Any:
    """Turn nested mappings into dataclasses, checking every value against its annotation."""
    if not isinstance(raw, Mapping):
        raise _bad(path or "settings", raw, "a group of settings")
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for name in _names(cls):
        here = f"{path}.{name}".lstrip(".")
        hint, value = hints[name], raw.get(name)
        values[name] = (
            _build(hint, value, here)
            if isinstance(hint, type) and dataclasses.is_dataclass(hint)
            else _value(hint, value, here)
        )
    return cls(**values)


def _value(hint: Any, value: Any, path: str) -> Any:
    if typing.get_origin(hint) is Literal:
        if value in typing.get_args(hint):
            return value
        raise _bad(path, value, "one of " + ", ".join(typing.get_args(hint)))
    if hint is bool:
        # YAML reads an unquoted yes as true; a variable of the environment is always text.
        word = str(value).lower()
        if word in _WORDS:
            return _WORDS[word]
        raise _bad(path, value, "yes or no")
    if hint in (int, float):
        least, most = _RANGES[path]
        try:
            number = hint(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, bool) or not least <= number <= most:  # not a number is in no range
            kind = "a whole number" if hint is int else "a number"
            raise _bad(path, value, f"{kind} from {least} to {most}")
        return number
    text = "" if value is None else str(value)
    pattern, meaning = _PATTERNS.get(path, (r".*", "text"))
    if not re.fullmatch(pattern, text):
        raise _bad(path, text, meaning)
    return text


def _require_short_stream(smoke: SmokeSettings) -> None:
    """Refuse a measured stream that only a deployment with diagnostic_stream = "full" would send."""
    took = (smoke.stream_chunks - 1) * smoke.stream_interval_ms
    if took > LONGEST_STREAM_MS:
        raise DeployError(
            f"The measured stream is too long: {took / 1000:g} s",
            "That is (smoke.stream_chunks - 1) × smoke.stream_interval_ms. The function sends no longer ones "
            f"than {LONGEST_STREAM_MS / 1000:g} s to everybody (DIAGNOSTIC_STREAM=short).",
            "Correct one of the two in invoke.yaml, or in the environment variable "
            f"{_variable('smoke.stream_chunks')} or {_variable('smoke.stream_interval_ms')}.",
            status=ExitStatus.PREFLIGHT_FAILED,
        )


LONGEST_STREAM_MS = 16_000
"""What the handler allows everybody (container/src/diagnostics.mjs)."""

_WORDS = {"yes": True, "true": True, "no": False, "false": False}

_RANGES = {
    "terraform.parallelism": (1, 256),
    "releases.keep": (1, 100),
    "local.port": (0, 65535),
    "local.control_port": (0, 65535),
    "smoke.timeout": (1, 900),
    "smoke.cold_start": (1, 900),
    # Fewer or faster events say nothing about buffers; more are refused by the handler's route.
    "smoke.stream_chunks": (4, 100),
    "smoke.stream_interval_ms": (20, 5000),
    "smoke.streams_at_once": (2, 1000),
    "smoke.chat.timeout": (1, 900),
}

_PATTERNS = {
    "environment": (r"[a-z][a-z0-9-]{0,15}", "lower-case letters, digits and hyphens (16 at most)"),
    "aws.region": (r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region such as eu-west-1"),
    "aws.account_id": (r"\d{12}", "a 12-digit account id"),
    "state.bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "an S3 bucket name"),
    "state.key": (r"\S+", "an object key"),
    "state.directory": (r"\S.*", "a directory"),
    "state.lock_timeout": (r"\d+(s|m|h)", "a duration such as 30s or 5m"),
    "terraform.binary": (r"\S.*", "the name or path of the terraform binary"),
    "terraform.directory": (r"\S.*", "a directory"),
    "librechat.version": (r"\S+", "a LibreChat release tag"),
    "librechat.base_image": (
        # https://pkg.go.dev/github.com/distribution/reference
        r"[a-z0-9][\w.-]*(:\d+)?(/[a-z0-9][a-z0-9._-]*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
        "an image reference: NAME:TAG, or NAME:TAG@sha256:DIGEST to pin it",
    ),
    "librechat.repository": (r"[^-\s]\S*", "the URL of a git repository"),
    "local.directory": (r"\S.*", "a directory"),
    "smoke.chat.user": (r"(\S+@\S+)?", "a user's e-mail address"),
    "smoke.chat.password_from": (
        r"(env|file|ssm):\S.*",
        "env:NAME, file:PATH or ssm:NAME: where the password is, not the password",
    ),
    "smoke.chat.host": (r"[^\s/:@]*", "a host such as chat.example.com, without a scheme or a port"),
    "smoke.chat.message": (r"\S[\s\S]*", "what to say"),
}


_UNSHOWN = frozenset({"smoke.chat.password_from"})
"""Somebody may have put the secret itself where its place belongs."""


def _bad(path: str, value: Any, expected: str) -> DeployError:
    shown = "" if path in _UNSHOWN else f": {value!r}"
    return DeployError(
        f"Setting {path} is not valid{shown}",
        f"It must be {expected}.",
        f"Correct it in invoke.yaml or in the environment variable {_variable(path)}.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _unknown(what: str, name: str, known: list[str]) -> DeployError:
    near = difflib.get_close_matches(name, known, n=1)
    return DeployError(
        f"The {what} is not known",
        "Nothing reads it; a misspelt setting would silently be the default.",
        f"Did you mean {near[0]}?" if near else "invoke.yaml lists every setting.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def _variable(path: str) -> str:
    return "INVOKE_" + path.upper().replace(".", "_")
