"""Terraform module registry of the local target.

Terraform keeps the module addresses of the shipped root (``terraform-aws-modules/lambda/aws``); a
``host`` block (`scripts.terraform.cli_config`) sends its questions for registry.terraform.io here, where
the folders under ``modules/`` answer. Providers are not served.

Protocol: https://developer.hashicorp.com/terraform/internals/module-registry-protocol
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Awaitable, Callable
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
    app = web.Application(middlewares=[_refuse_foreign_hosts])
    app[_MODULES_DIR] = modules_dir
    module = "/v1/modules/{namespace}/{name}/{provider}"
    app.router.add_get(module + "/versions", _versions)
    app.router.add_get(module + "/{version}/download", _download)
    # add_get answers HEAD too, which Terraform's downloader (go-getter) asks before it fetches.
    app.router.add_get("/archives/{name}/{version}.tar.gz", _archive)
    return app


@web.middleware
async def _refuse_foreign_hosts(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer to this machine's own names only: a page's name may have been made to lead here."""
    if request.host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
        raise web.HTTPForbidden(text="This is not the registry that you look for.")
    return await handler(request)


_MODULES_DIR: Final = web.AppKey("modules_dir", Path)


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
