"""Terraform module registry of the local target, and the CLI configuration that points at it.

Terraform keeps the module addresses of the shipped root (``terraform-aws-modules/lambda/aws``); a
``host`` block sends its questions for registry.terraform.io here, where the folders under ``modules/``
answer. Providers are not served: they come from a filesystem mirror or from the real registry.

Protocol: https://developer.hashicorp.com/terraform/internals/module-registry-protocol
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

MODULES_DIR: Final = Path(__file__).resolve().parent / "modules"

NAMESPACE: Final = "terraform-aws-modules"
PROVIDER: Final = "aws"

MODULE_VERSIONS: Final = {
    "cloudfront": "6.6.0",
    "ecr": "3.2.0",
    "elasticache": "1.10.3",
    "lambda": "8.8.1",
    "s3-bucket": "5.15.4",
}
"""The version that each stand-in answers for: the one that the root pins and the contract describes."""


def make_app(modules_dir: Path = MODULES_DIR) -> web.Application:
    """The registry as an application; its modules.v1 service lies at ``/v1/modules/``."""
    app = web.Application()
    app[_MODULES_DIR] = modules_dir
    module = "/v1/modules/{namespace}/{name}/{provider}"
    app.router.add_get(module + "/versions", _versions)
    app.router.add_get(module + "/{version}/download", _download)
    # add_get answers HEAD too, which Terraform's downloader (go-getter) asks before it fetches.
    app.router.add_get("/archives/{name}/{version}.tar.gz", _archive)
    return app


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


_MODULES_DIR: Final = web.AppKey("modules_dir", Path)
_PROVIDER_HOST: Final = "registry.terraform.io"
_AWS_PROVIDER: Final = f"{_PROVIDER_HOST}/hashicorp/aws"


def _mirrored(mirror: Path) -> list[str]:
    """Addresses of the providers in a mirror: the ones that must not be asked for over the network."""
    return sorted(str(folder.relative_to(mirror)) for folder in mirror.glob("*/*/*") if folder.is_dir())


async def _versions(request: web.Request) -> web.Response:
    version = _version(request)
    return web.json_response({"modules": [{"versions": [{"version": version}]}]})


async def _download(request: web.Request) -> web.Response:
    version = _version(request)
    if request.match_info["version"] != version:
        raise web.HTTPNotFound(text=f"Only version {version} is bundled.")
    location = f"/archives/{request.match_info['name']}/{version}.tar.gz"
    return web.Response(status=204, headers={"X-Terraform-Get": location})


async def _archive(request: web.Request) -> web.Response:
    name, version = request.match_info["name"], request.match_info["version"]
    if MODULE_VERSIONS.get(name) != version:
        raise web.HTTPNotFound
    return web.Response(body=_pack(request.app[_MODULES_DIR] / name), content_type="application/gzip")


def _version(request: web.Request) -> str:
    """The bundled version of the module that a request names."""
    match = request.match_info
    version = MODULE_VERSIONS.get(match["name"])
    if version is None or (match["namespace"], match["provider"]) != (NAMESPACE, PROVIDER):
        # Terraform shows this body, so it says what can be done.
        text = f"{match['name']} is not bundled; use the real registry (--modules registry)."
        raise web.HTTPNotFound(text=text)
    return version


def _pack(folder: Path) -> bytes:
    """A tar.gz of the folder's Terraform files, the same bytes for the same content."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(folder.glob("*.tf")):
            entry = tarfile.TarInfo(path.name)
            content = path.read_bytes()
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
