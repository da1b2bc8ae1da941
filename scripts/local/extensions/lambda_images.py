"""CreateFunction and UpdateFunctionCode look at the image in ECR, as Lambda does.

Restores (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html): the image must exist, in
the function's account and region; its manifest must be a single image, not an index with
attestations; ``ResolvedImageUri`` and ``CodeSha256`` name the digest that a tag stood for.

Stricter than AWS: code in a zip archive is refused. MiniStack would run it as a process of this machine's
user, where images run in a sandbox (`scripts.local.lambda_`).
"""

from __future__ import annotations

import json
import re
from typing import Any

from scripts.local.extensions import Context, Response, replace

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[\w][\w.-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)
_ONLY_IMAGES = "The embedded AWS runs container images only: package type Image, with Code.ImageUri."
_SINGLE_IMAGE = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}


def install(context: Context) -> None:
    """Wrap the functions that take or show an image."""
    from ministack.services import lambda_svc

    replace(lambda_svc, "_create_function", _created)
    replace(lambda_svc, "_update_code", _updated)
    replace(lambda_svc, "_get_function", _shown)


def refuse(message: str) -> Response:
    """The answer of Lambda to a request whose values cannot work."""
    from ministack.services import lambda_svc

    response: Response = lambda_svc.error_response_json("InvalidParameterValueException", message, 400)
    return response


def _created(original: Any) -> Any:
    def create(data: dict[str, Any]) -> Response:
        code = data.get("Code") or {}
        only_image = data.get("PackageType") == "Image" and code.keys() == {"ImageUri"}
        resolved = _resolve(code["ImageUri"]) if only_image else refuse(_ONLY_IMAGES)
        if not isinstance(resolved, str):
            return resolved
        response: Response = original(data)
        return _with_digest(data.get("FunctionName", ""), resolved, response)

    return create


def _updated(original: Any) -> Any:
    def update(name: str, data: dict[str, Any]) -> Response:
        only_image = data.get("ImageUri") and not data.keys() & {"ZipFile", "S3Bucket", "S3Key"}
        resolved = _resolve(data["ImageUri"]) if only_image else refuse(_ONLY_IMAGES)
        if not isinstance(resolved, str):
            return resolved
        response: Response = original(name, data)
        return _with_digest(name, resolved, response)

    return update


def _shown(original: Any) -> Any:
    def get(name: str, qualifier: str | None = None) -> Response:
        status, headers, body = original(name, qualifier)
        answer = json.loads(body)
        if uri := answer.get("Code", {}).get("ImageUri"):
            # The tag may have moved on since; the function has not.
            repository = re.sub(r"(:[^:/]+|@sha256:[0-9a-f]+)$", "", uri)
            answer["Code"]["ResolvedImageUri"] = (
                f"{repository}@sha256:{answer['Configuration']['CodeSha256']}"
            )
        return status, headers, json.dumps(answer).encode()

    return get


def _with_digest(name: str, digest: str, response: Response) -> Response:
    from ministack.services import lambda_svc

    if response[0] >= 400:
        return response
    config = lambda_svc._functions[name]["config"]
    config["CodeSha256"] = digest.removeprefix("sha256:")
    answer: Response = lambda_svc.json_response(config, response[0])
    return answer


def _resolve(uri: str) -> str | Response:
    """The digest an image reference stands for, or Lambda's refusal."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ecr

    reference = _IMAGE.fullmatch(uri)
    if not reference:
        return refuse(f"Source image {uri} is not valid. Provide a valid source image.")
    if reference["region"] != get_region():
        return refuse(f"Source image {uri} is not in the function's region. Provide a valid source image.")
    images = ecr._images.get(reference["repository"], []) if reference["account"] == get_account_id() else []
    for image in images:
        if reference["digest"] == image["imageDigest"] or reference["tag"] in image.get("imageTags", []):
            if image.get("imageManifestMediaType") not in _SINGLE_IMAGE:
                return refuse(
                    "The image manifest, config or layer media type for the source image "
                    f"{uri} is not supported."
                )
            return str(image["imageDigest"])
    return refuse(f"Source image {uri} does not exist. Provide a valid source image.")
