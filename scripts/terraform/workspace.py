"""Where Terraform runs for a target, and whether ``terraform init`` has anything to do there.

The real account: the shipped tree, in place. The embedded AWS: a copy under its own directory, so that
provider lock, ``.terraform`` and backend of the two targets never mix and the shipped tree stays
untouched. Every generated file is a *difference* of the rehearsal and is shown by ``inv local.diff``.

With the state in a directory (``state.backend: local``) both get one more generated file,
``backend_override.tf``, which git ignores. Terraform's own way to put another backend in the place of the
declared one (https://developer.hashicorp.com/terraform/language/files/override): whoever runs Terraform
there by hand works on the same state as we do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scripts.settings import Settings
from scripts.state import LocalState
from scripts.terraform.cli_config import cli_config, find_plugin_mirrors

LOCAL_PROVIDER_VERSION = "5.100.0"
"""What the filesystem mirrors hold and the bundled modules are written for."""

_OVERRIDE = f"""\
# Generated for the embedded AWS; the shipped tree accepts any version from 5.100 up to 7.
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{LOCAL_PROVIDER_VERSION}"
    }}
  }}
}}
"""

_BACKEND = """\
# Generated for the embedded AWS: its S3 answers under an IP address and has no regions to ask about.
# The endpoint itself comes from AWS_ENDPOINT_URL, as every endpoint does.
use_path_style              = true
skip_credentials_validation = true
skip_region_validation      = true
skip_requesting_account_id  = true
skip_metadata_api_check     = true
"""

_STATE_OVERRIDE = """\
# Generated, because of the setting state.backend: local. Another run with the backend s3 removes it.
terraform {{
  backend "local" {{
    path = {path}
  }}
}}
"""

_OVERRIDE_FILE, _BACKEND_FILE = "local_override.tf", "local_backend.hcl"
_STATE_OVERRIDE_FILE = "backend_override.tf"
_STAMP = "init.sha256"
_OURS_TO_KEEP = (".terraform", ".terraform.lock.hcl")


@dataclass(frozen=True)
class Workspace:
    """A prepared directory.

    Attributes:
        directory: The root module to run in.
        backend_config: Arguments of ``-backend-config``, in order.
        environment: Variables for Terraform beyond the target's own.
        modules: Where the public modules come from.
        differences: Generated files of the rehearsal, by name; empty on the real account.
        bundled_modules: Folder of the stand-ins, when they are used.
    """

    directory: Path
    backend_config: tuple[str, ...]
    modules: Literal["bundled", "registry"]
    environment: Mapping[str, str] = field(default_factory=dict)
    differences: Mapping[str, str] = field(default_factory=dict)
    bundled_modules: Path | None = None

    @property
    def initialised(self) -> bool:
        """Whether the last ``init`` saw exactly this configuration, and its result is still there."""
        data = self.directory / ".terraform"
        try:
            stamp = (data / _STAMP).read_text()
        except OSError:
            return False
        return stamp == self._fingerprint() and (data / "terraform.tfstate").exists()

    @property
    def remembered_backend(self) -> str:
        """Type of the backend that the last ``init`` configured; empty when there was none."""
        try:
            remembered = json.loads((self.directory / ".terraform" / "terraform.tfstate").read_text())
            return str(remembered["backend"]["type"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def init_command(self, binary: str, *options: str) -> str:
        """``terraform init`` as a person would type it."""
        backend = [f"-backend-config={value}" for value in self.backend_config]
        return shlex.join([binary, f"-chdir={self.directory}", "init", *options, *backend])

    def before_init(self) -> None:
        """Forget the installed stand-ins: Terraform would keep them, as their version never changes."""
        (self.directory / ".terraform" / _STAMP).unlink(missing_ok=True)
        if self.bundled_modules:
            shutil.rmtree(self.directory / ".terraform" / "modules", ignore_errors=True)

    def after_init(self) -> None:
        """Remember what was initialised."""
        (self.directory / ".terraform" / _STAMP).write_text(self._fingerprint())

    def _fingerprint(self) -> str:
        """Hash of all that ``init`` reads: configuration, stand-ins, backend, plugin sources.

        The registry's port is left out: it changes with every start, what it serves does not.
        """
        digest = hashlib.sha256()
        root = self.directory.parent.parent
        for path in (*_files(root, ".tf", ".hcl"), *_files(self.bundled_modules, "")):
            digest.update(f"{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        digest.update("\0".join((*self.backend_config, self.modules)).encode())
        return digest.hexdigest()


def in_place(settings: Settings) -> Workspace:
    """The shipped tree, for the real account."""
    modules: Literal["bundled", "registry"] = "registry"
    directory = settings.tfvars_path.parent
    override = directory / _STATE_OVERRIDE_FILE
    if settings.state.backend == "local":
        _write(override, _state_override(settings))
    else:
        override.unlink(missing_ok=True)
    return Workspace(directory, _backend_config(settings), modules)


def local_copy(settings: Settings, registry_url: str) -> Workspace:
    """A refreshed copy for the embedded AWS, with the differences written into it.

    Args:
        settings: The settings of the run.
        registry_url: Base address of the module registry of the embedded AWS.
    """
    copy = settings.local_directory / "terraform"
    directory = copy / "environments" / settings.environment
    bundled = settings.terraform.modules != "registry"
    differences = local_differences(settings)
    environment = {}
    if bundled:
        config = settings.local_directory / "terraform.tfrc"
        _write(config, cli_config(registry_url, find_plugin_mirrors()))
        environment["TF_CLI_CONFIG_FILE"] = str(config)
    generated = {directory / name: content for name, content in differences.items()}
    _mirror(settings.terraform_source, copy, keep=set(generated))
    for path, content in generated.items():
        _write(path, content)
    return Workspace(
        directory,
        (*_backend_config(settings), *([_BACKEND_FILE] if _BACKEND_FILE in differences else [])),
        "bundled" if bundled else "registry",
        environment,
        differences,
        settings.project_root / "scripts" / "local" / "modules" if bundled else None,
    )


def local_differences(settings: Settings) -> dict[str, str]:
    """The generated files by which the rehearsal's tree differs from the shipped one."""
    differences = (
        {_BACKEND_FILE: _BACKEND}
        if settings.state.backend == "s3"
        else {_STATE_OVERRIDE_FILE: _state_override(settings)}
    )
    if settings.terraform.modules != "registry":
        differences[_OVERRIDE_FILE] = _OVERRIDE
    return differences


def source_fingerprint(settings: Settings) -> str:
    """Hash of the shipped tree, values included: equal hashes plan the same."""
    digest = hashlib.sha256()
    for path in _files(settings.terraform_source, ".tf", ".hcl", ".json", ".js", ".tftpl"):
        if path.name == _STATE_OVERRIDE_FILE:
            continue  # where the state lives does not change what is planned
        digest.update(f"{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _backend_config(settings: Settings) -> tuple[str, ...]:
    """The shipped file first, then the settings, so that an override in them takes effect."""
    if settings.state.backend == "local":
        return ()  # the generated file says it all
    return (
        "backend.hcl",
        f"bucket={settings.state.bucket}",
        f"key={settings.state.key}",
        f"region={settings.aws.region}",
    )


def _state_override(settings: Settings) -> str:
    """The backend in a directory. A JSON string is one of HCL, but for the marks of a template."""
    path = json.dumps(str(LocalState(settings).file), ensure_ascii=False)
    return _STATE_OVERRIDE.format(path=path.replace("${", "$${").replace("%{", "%%{"))


def _files(root: Path | None, *suffixes: str) -> Iterator[Path]:
    """Regular files under `root` with one of the suffixes, in a stable order; never Terraform's own."""
    if root is None or not root.is_dir():
        return
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in (".terraform", "node_modules"))
        for name in sorted(files):
            if name.endswith(suffixes) and not _is_terraforms(name):
                yield Path(folder, name)


def _is_terraforms(name: str) -> bool:
    return name in _OURS_TO_KEEP or ".tfstate" in name


def _mirror(source: Path, copy: Path, *, keep: set[Path]) -> None:
    """Make `copy` equal to `source`, touching only what differs."""
    wanted = {path.relative_to(source) for path in _files(source, "") if path.name != _STATE_OVERRIDE_FILE}
    for relative in wanted:
        _write_bytes(copy / relative, (source / relative).read_bytes())
    for path in list(_files(copy, "")):
        if path.relative_to(copy) not in wanted and path not in keep:
            path.unlink()


def _write(path: Path, content: str) -> None:
    _write_bytes(path, content.encode())


def _write_bytes(path: Path, content: bytes) -> None:
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
