"""A missing key is 404 only for those who may list the bucket, else 403.

Restores https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
(Permissions): without s3:ListBucket nobody learns whether a key exists. The key counts as the prefix
that is listed (measured by https://github.com/kopia/kopia/pull/3072), so a grant for a folder is enough.
"""

from __future__ import annotations

from typing import Any

from scripts.local.extensions import Context, Response, replace


def install(context: Context) -> None:
    """Wrap S3's request handler."""
    from ministack.services import s3

    def hiding(original: Any) -> Any:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], **more: Any
        ) -> Response:
            response: Response = await original(method, path, headers, body, query, **more)
            bucket, _, key = path.lstrip("/").partition("/")
            if (
                response[0] == 404
                and method in ("GET", "HEAD")
                and key
                and not _may_list(bucket, key, headers, query)
            ):
                refused: Response = s3._error("AccessDenied", "Access Denied", 403, path)
                return refused
            return response

        return handle

    replace(s3, "handle_request", hiding)


def _may_list(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any]) -> bool:
    from ministack.core.iam_evaluator import enforce
    from ministack.core.router import extract_access_key_id, extract_region

    return (
        enforce(
            extract_access_key_id(headers, query),
            "s3:ListBucket",
            "s3",
            extract_region(headers, query),
            resource_arn=f"arn:aws:s3:::{bucket}",
            service_context={"s3:prefix": key},
        )
        is None
    )
