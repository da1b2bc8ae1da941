"""What the stand-in app takes and gives: uploads, downloads, its client, and any status."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.standin.app import Start

pytestmark = pytest.mark.integration


def test_an_upload_without_its_directory_kills_the_server(start: Start, tmp_path: Path) -> None:
    (tmp_path / "tmp" / "uploads").rmdir()

    with start() as app:
        with pytest.raises(httpx.HTTPError):
            app.http.post("/api/files/upload", files={"file": ("a.txt", b"content")})
        assert app.process.wait(120) == 1


def test_an_upload_goes_through_the_temporary_directory_into_s3(
    start: Start, emulator: Any, tmp_path: Path
) -> None:
    bucket = f"files-{uuid.uuid4().hex[:12]}"
    s3 = emulator.aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws = {
        "AWS_BUCKET_NAME": bucket,
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_ACCESS_KEY_ID": emulator.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": emulator.credentials.secret_access_key,
    }

    with start(**aws) as app:
        stored = app.http.post(
            "/api/files/upload", files={"file": ("a.txt", b"content", "text/plain")}
        ).json()
        downloaded = app.http.get(f"/api/files/download/{stored['file_id']}")

    assert (stored["source"], stored["bytes"]) == ("s3", 7)
    assert downloaded.content == b"content"
    assert [path for path in (tmp_path / "tmp" / "uploads").rglob("*") if path.is_file()] == []
    s3.delete_object(Bucket=bucket, Key=f"uploads/standin/{stored['file_id']}")
    s3.delete_bucket(Bucket=bucket)


def test_a_roles_keys_without_their_token_are_refused_as_by_aws(start: Start) -> None:
    role = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "y"}

    with start(AWS_BUCKET_NAME="files", AWS_REGION="eu-west-1", **role) as app:
        refused = app.http.post("/api/files/upload", files={"file": ("a.txt", b"content")})

    assert refused.status_code == 500
    assert "InvalidAccessKeyId" in refused.json()["message"]


def test_any_status_can_be_asked_for(start: Start) -> None:
    codes = [204, 304, 404, 503]

    with start() as app:
        assert [app.http.get(f"/api/status/{code}").status_code for code in codes] == codes


def test_a_large_download_is_complete(start: Start) -> None:
    with start() as app:
        assert len(app.http.get("/api/blob?bytes=3000001").content) == 3_000_001


def test_deep_links_and_assets_come_from_the_client(start: Start) -> None:
    with start() as app:
        page = app.http.get("/c/new")
        asset = next(part for part in page.text.split('"') if part.startswith("./assets/index."))
        assert app.http.get(asset.removeprefix(".")).headers["content-type"].startswith("text/javascript")
