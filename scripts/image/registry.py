"""A client of one repository in a container registry (HTTP API V2).

https://distribution.github.io/distribution/spec/api/. Only what pushing an image and reading it back
needs. Not for building, and it knows nothing of AWS: the caller brings the authorization.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scripts.errors import DeployError

if TYPE_CHECKING:
    import httpx

_MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    # Asked for as well, so that an index is seen as an index instead of being resolved for us.
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)

_PAUSES = (0.2, 1.0)
"""Seconds before the second and the third attempt."""


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as the registry gives it out."""

    content: bytes
    media_type: str


class Repository:
    """One repository.

    Args:
        endpoint: Where to connect, for example ``https://ACCOUNT.dkr.ecr.REGION.amazonaws.com``.
        host: The registry's own name; differs from the endpoint's on the local target.
        name: The repository's name within the registry.
        authorization: Value of the Authorization header.
        use_proxies: Whether ``HTTPS_PROXY`` and the like apply; never to the embedded registry.
    """

    def __init__(
        self, endpoint: str, host: str, name: str, authorization: str, *, use_proxies: bool = False
    ) -> None:
        import httpx

        self.name = name
        self._http: httpx.Client = httpx.Client(
            base_url=endpoint,
            headers={"Authorization": authorization, "Host": host},
            timeout=httpx.Timeout(60, connect=10),
            # With a transport of our own, httpx would read no proxy from the environment.
            trust_env=use_proxies,
        )

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def manifest(self, reference: str) -> StoredManifest | None:
        """The manifest under a tag or digest; None when there is none."""
        response = self._request(
            "GET",
            f"/v2/{self.name}/manifests/{reference}",
            accept=(200, 404),
            headers={"Accept": ", ".join(_MANIFEST_TYPES)},
        )
        if response.status_code == 404 and _error_code(response) != "NAME_UNKNOWN":
            return None
        if response.status_code == 404:
            raise self._refused(response)
        return StoredManifest(response.content, response.headers.get("Content-Type", "").partition(";")[0])

    def blob(self, digest: str) -> bytes:
        """The content of a small blob."""
        return self._request(
            "GET", f"/v2/{self.name}/blobs/{digest}", accept=(200,), follow_redirects=True
        ).content

    def upload(self, digest: str, path: Path) -> bool:
        """Upload a blob unless it is there. Returns whether it was uploaded."""
        if self._request("HEAD", f"/v2/{self.name}/blobs/{digest}", accept=(200, 404)).status_code == 200:
            return False
        session = self._request("POST", f"/v2/{self.name}/blobs/uploads/", accept=(202,))
        content = {"Content-Type": "application/octet-stream"}
        session = self._request(
            "PATCH", session.headers["Location"], accept=(202,), content=path.read_bytes(), headers=content
        )
        # The location may carry a query of its own, which has to be kept.
        location = session.headers["Location"]
        separator = "&" if "?" in location else "?"
        self._request("PUT", f"{location}{separator}digest={digest}", accept=(201,))
        return True

    def put_manifest(self, tag: str, manifest: bytes, media_type: str) -> None:
        """Give the uploaded blobs a name."""
        self._request(
            "PUT",
            f"/v2/{self.name}/manifests/{tag}",
            accept=(201,),
            content=manifest,
            headers={"Content-Type": media_type},
        )

    def _request(self, method: str, url: str, *, accept: tuple[int, ...], **options: Any) -> httpx.Response:
        import httpx

        try:
            response = self._send(method, url, options)
        except httpx.HTTPError as error:
            raise DeployError(
                f"The image registry does not answer ({method} {self._http.base_url})",
                str(error) or type(error).__name__,
                "Check the network (local target: inv local.status), then run the same command again: "
                "uploaded layers are kept.",
            ) from error
        if response.status_code not in accept:
            raise self._refused(response)
        return response

    def _send(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        """One request; again after a failure of the server or a broken connection.

        A part of an upload is not sent twice: the registry may have taken it.
        """
        import httpx

        for pause in () if method == "PATCH" else _PAUSES:
            with contextlib.suppress(httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError):
                response = self._http.request(method, url, **options)
                if response.status_code < 500:
                    return response
            time.sleep(pause)
        return self._http.request(method, url, **options)

    def _refused(self, response: httpx.Response) -> DeployError:
        code = _error_code(response)
        request = response.request
        return DeployError(
            f"The image registry refused {request.method} {request.url.path}",
            f"Status {response.status_code} {code}".rstrip(),
            _NEXT_STEPS.get(code, "Run the same command again; uploaded layers are kept."),
            evidence=response.text[:500],
        )


_NEXT_STEPS = {
    "NAME_UNKNOWN": "The repository does not exist here; Terraform creates it: inv deploy",
    "TAG_INVALID": "Somebody pushed the same tag meanwhile: run the same command again.",
    "UNAUTHORIZED": "The credentials may not push to this repository; it needs the ecr:*Layer* and "
    "ecr:PutImage permissions.",
    "DENIED": "The credentials may not push to this repository; it needs the ecr:*Layer* and "
    "ecr:PutImage permissions.",
}


def _error_code(response: httpx.Response) -> str:
    try:
        return str(response.json()["errors"][0]["code"])
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
