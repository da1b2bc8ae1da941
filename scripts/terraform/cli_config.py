"""Terraform's CLI configuration on the local target: where modules and providers come from.

The registry that it points at is `scripts.local.registry`, a server and so nothing that a command should
have to load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PROVIDER_HOST: Final = "registry.terraform.io"
_AWS_PROVIDER: Final = f"{_PROVIDER_HOST}/hashicorp/aws"


def cli_config(registry_url: str, plugin_mirrors: Sequence[Path]) -> str:
    """Text of a Terraform CLI configuration: modules from `registry_url`, providers as found.

    With a mirror, ``terraform init`` needs no network. The real registry stays as the second choice
    for whatever no mirror holds, so that ``providers.v1`` must be named too: a ``host`` block
    replaces the discovery of the whole host.

    Args:
        registry_url: Root of the registry (``http://127.0.0.1:PORT``).
        plugin_mirrors: Folders as `find_plugin_mirrors` returns them.
    """
    services = {
        "modules.v1": f"{registry_url.rstrip('/')}/v1/modules/",
        "providers.v1": "https://registry.terraform.io/v1/providers/",
    }
    lines = [
        "disable_checkpoint = true",
        "",
        'host "registry.terraform.io" {',
        "  services = {",
        *(f"    {json.dumps(name)} = {json.dumps(url)}" for name, url in services.items()),
        "  }",
        "}",
        "",
        "provider_installation {",
    ]
    for mirror in plugin_mirrors:
        lines += ["  filesystem_mirror {", f"    path = {json.dumps(str(mirror))}"]
        lines += [f"    include = {json.dumps(_mirrored(mirror))}", "  }"]
    excluded = sorted({provider for mirror in plugin_mirrors for provider in _mirrored(mirror)})
    lines += ["  direct {", *([f"    exclude = {json.dumps(excluded)}"] if excluded else []), "  }", "}"]
    return "\n".join(lines) + "\n"


def find_plugin_mirrors(home: Path | None = None, opt: Path = Path("/opt")) -> list[Path]:
    """Folders on this machine that hold the AWS provider, in Terraform's own order of search.

    Terraform's implied mirror folders count only as long as no ``provider_installation`` is written,
    and ours is; so they are named again here.
    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    home = home or Path.home()
    data_home = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    data_dirs = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    implied = [
        home / ".terraform.d" / "plugins",
        data_home / "terraform" / "plugins",
        *(Path(folder) / "terraform" / "plugins" for folder in data_dirs if folder),
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
    ]
    provided = sorted(opt.iterdir()) if opt.is_dir() else []
    found = [folder for folder in (*implied, *provided) if (folder / _AWS_PROVIDER).is_dir()]
    return list(dict.fromkeys(found))


def _mirrored(mirror: Path) -> list[str]:
    """Addresses of the providers in a mirror: the ones that must not be asked for over the network."""
    return sorted(str(folder.relative_to(mirror)) for folder in mirror.glob("*/*/*") if folder.is_dir())
