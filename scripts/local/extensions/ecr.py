"""The image registry: authentication, layers on disk, and manifests that name only what was pushed.

Restores:

- the registry wants the basic credentials of GetAuthorizationToken, which are this embedded AWS's own
  (https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html#registry_auth_http);
- a manifest whose layers are not there is refused
  (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html, LayersNotFoundException);
- layers go with their repository (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html).

Layers are files under the state directory, because MiniStack would write them into its JSON state as
base64, and saving has to be quick.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from scripts.local.credentials import Credentials
from scripts.local.extensions import Context, Response, replace

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


class LayerFiles(MutableMapping[str, bytes]):
    """The layers of one repository by digest, each a file. Deep copies share the files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __getitem__(self, digest: str) -> bytes:
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def __contains__(self, digest: object) -> bool:
        return self._path(str(digest)).exists()

    def __setitem__(self, digest: str, layer: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(digest)
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(layer)
        partial.replace(path)

    def __delitem__(self, digest: str) -> None:
        self._path(digest).unlink()

    def __iter__(self) -> Iterator[str]:
        if self._directory.exists():
            names = (path.name for path in self._directory.iterdir() if path.suffix != ".partial")
            yield from (name.replace("-", ":", 1) for name in names)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __deepcopy__(self, memo: dict[int, Any]) -> LayerFiles:
        return self

    def _path(self, digest: str) -> Path:
        return self._directory / Path(digest.replace(":", "-", 1)).name


def registry_authorization(credentials: Credentials) -> str:
    """The Authorization header that the registry wants, from what GetAuthorizationToken hands out."""
    return "Basic " + base64.b64encode(f"AWS:{credentials.derive('ecr')}".encode()).decode()


def install(context: Context) -> None:
    """Put layers on disk and wrap the registry and the deletion of repositories."""
    from ministack.services import ecr

    layers = context.state / "layers"

    def files(name: str) -> LayerFiles:
        return LayerFiles(layers / name.replace("/", "~"))

    def creating(original: Any) -> Any:
        def create(data: dict[str, Any]) -> Response:
            response: Response = original(data)
            if response[0] < 400:
                ecr._layer_blobs[data["repositoryName"]] = files(data["repositoryName"])
            return response

        return create

    def deleting(original: Any) -> Any:
        def delete(data: dict[str, Any]) -> Response:
            response: Response = original(data)
            if response[0] < 400:
                name = data["repositoryName"]
                stored = ecr._layer_blobs.pop(name, None)
                ecr._manifest_blobs.pop(name, None)
                ecr._uploads.pop(name, None)
                for digest in list(stored or {}):
                    del stored[digest]
            return response

        return delete

    def saving(original: Any) -> Any:
        def get_state() -> dict[str, Any]:
            state: dict[str, Any] = original()
            state.pop("layer_blobs")
            return state

        return get_state

    def loading(original: Any) -> Any:
        def load(data: dict[str, Any]) -> None:
            original(data)
            for (account, region, name), _ in ecr._repositories.all_items():
                ecr._layer_blobs.set_scoped(account, region, name, files(name))

        return load

    token = registry_authorization(context.credentials).partition(" ")[2]

    def authorizing(original: Any) -> Any:
        def get_authorization_token(data: dict[str, Any]) -> Response:
            status, headers, body = original(data)
            answer = json.loads(body)
            answer["authorizationData"][0]["authorizationToken"] = token
            return status, headers, json.dumps(answer).encode()

        return get_authorization_token

    replace(ecr, "_get_authorization_token", authorizing)
    replace(ecr, "_create_repository", creating)
    replace(ecr, "_delete_repository", deleting)
    replace(ecr, "get_state", saving)
    replace(ecr, "load_persisted_state", loading)
    replace(ecr, "_v2_put_manifest", _complete)
    replace(ecr, "handle_registry_request", _authenticated)


def _complete(original: Any) -> Any:
    def put_manifest(name: str, ref: str, headers: dict[str, str], body: bytes) -> Response:
        from ministack.services import ecr

        try:
            manifest = json.loads(body)
        except ValueError:
            refusal: Response = ecr._registry_error(400, "MANIFEST_INVALID", "manifest is not JSON", {})
            return refusal
        media_type = headers.get("content-type") or manifest.get("mediaType")
        stored = (
            ecr._manifest_blobs.get(name, {}) if media_type in _INDEXES else ecr._layer_blobs.get(name, {})
        )
        parts = [manifest.get("config"), *manifest.get("layers", []), *manifest.get("manifests", [])]
        for digest in (part["digest"] for part in parts if part):
            if digest not in stored:
                missing: Response = ecr._registry_error(
                    404, "BLOB_UNKNOWN", f"layers are missing: {digest}", {"digest": digest}
                )
                return missing
        response: Response = original(name, ref, headers, body)
        return response

    return put_manifest


def _authenticated(original: Any) -> Any:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        from ministack.services import ecr

        _, _, token = ecr._get_authorization_token({})
        expected = json.loads(token)["authorizationData"][0]["authorizationToken"]
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not hmac.compare_digest(given.strip().encode(), expected.encode()):
            status, answer, text = ecr._registry_error(401, "UNAUTHORIZED", "authentication required")
            realm = f"http://{headers.get('host', '')}/"
            return (
                status,
                {**answer, "Www-Authenticate": f'Basic realm="{realm}",service="ecr.amazonaws.com"'},
                text,
            )
        response: Response = await original(method, path, headers, body, query)
        return response

    return handle
