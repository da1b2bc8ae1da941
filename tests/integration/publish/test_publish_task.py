"""`inv frontend.publish`: which release is published, and what CloudFront is told to forget."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts import frontend
from scripts.errors import DeployError
from scripts.frontend import NotKeptError, publisher
from scripts.settings import Settings
from scripts.target import local_target
from tests.integration.conftest import Emulator
from tests.integration.publish.site import Site, Wire, page, publish

pytestmark = pytest.mark.integration


def built_page(title: str) -> str:
    return f"<h1>{title}</h1><script src=/app.js></script>"


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    """A checkout with LibreChat's shape whose build copies three files."""
    root = tmp_path / "LibreChat"
    build = "mkdir -p client/dist && cp client/*.html client/*.js client/*.txt client/dist/"
    package = {"name": "librechat", "version": "1.0.0"}
    checkout = Site(
        root,
        {
            "package.json": json.dumps(package | {"scripts": {"frontend": build}}),
            "package-lock.json": json.dumps(package | {"lockfileVersion": 3, "packages": {"": package}}),
            "client/index.html": built_page("one"),
            "client/app.js": "app",
            "client/robots.txt": "one",
        },
    )
    librechat = dataclasses.replace(default_settings.librechat, source=str(checkout.dist))
    return dataclasses.replace(default_settings, librechat=librechat, project_root=tmp_path)


@pytest.fixture
def distribution(emulator: Emulator, bucket: str) -> Iterator[str]:
    cloudfront = emulator.aws.client("cloudfront")
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": bucket,
            "Comment": "",
            "Enabled": False,
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "s3",
                        "DomainName": f"{bucket}.s3.eu-west-1.amazonaws.com",
                        "S3OriginConfig": {"OriginAccessIdentity": ""},
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "s3",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )
    yield made["Distribution"]["Id"]
    cloudfront.delete_distribution(Id=made["Distribution"]["Id"], IfMatch=made["ETag"])


def invalidations(emulator: Emulator, distribution: str) -> list[list[str]]:
    cloudfront = emulator.aws.client("cloudfront")
    listed = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"]
    found = [
        cloudfront.get_invalidation(DistributionId=distribution, Id=item["Id"])["Invalidation"]
        for item in listed.get("Items", [])
    ]
    return [sorted(item["InvalidationBatch"]["Paths"]["Items"]) for item in found]


def test_cloudfront_forgets_unhashed_files_that_changed_and_nothing_otherwise(
    emulator: Emulator, settings: Settings, bucket: str, distribution: str
) -> None:
    target = local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")

    frontend.publish(settings, target, bucket)
    frontend.publish(settings, target, bucket)
    assert invalidations(emulator, distribution) == []

    Path(settings.librechat.source, "client/robots.txt").write_text("two")
    result = frontend.publish(settings, target, bucket)
    assert invalidations(emulator, distribution) == [["/robots.txt"]]
    assert result.invalidated == ("/robots.txt",)


def test_a_refused_invalidation_is_a_warning_for_the_site_is_live(
    emulator: Emulator, settings: Settings, bucket: str
) -> None:
    target = local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")
    frontend.publish(settings, target, bucket)
    Path(settings.librechat.source, "client/robots.txt").write_text("two")

    result = frontend.publish(settings, target, bucket, distribution_id="E0NOTTHERE")

    assert "CloudFront was not told" in result.warning
    assert (result.copied, result.invalidated) == (2, ())


def test_an_invalidation_that_an_interruption_skipped_is_made_up_for(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    site.write("robots.txt", "two")
    wire.cut_at("PUT index.html", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "bb")

    assert publish(site, s3, bucket, "bb").invalidated == ("/robots.txt",)


def test_a_release_that_is_not_kept_is_built_when_the_sources_give_it(
    emulator: Emulator, settings: Settings, s3: Any, bucket: str
) -> None:
    target = local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")
    hash = frontend.source_hash(settings)

    result = frontend.publish(settings, target, bucket, release=hash)

    assert (result.release, result.restored) == (hash, False)
    assert page(s3, bucket) == built_page("one")


def test_a_release_that_is_kept_is_restored_without_building(
    emulator: Emulator, settings: Settings, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")
    first = frontend.publish(settings, target, bucket).release
    Path(settings.librechat.source, "client/index.html").write_text(built_page("two"))
    frontend.publish(settings, target, bucket)
    nowhere = dataclasses.replace(settings.librechat, source="/nowhere")

    result = frontend.publish(dataclasses.replace(settings, librechat=nowhere), target, bucket, release=first)

    assert (result.release, result.restored) == (first, True)
    assert page(s3, bucket) == built_page("one")


def test_a_release_that_is_neither_kept_nor_in_the_sources_is_refused(
    emulator: Emulator, settings: Settings, bucket: str
) -> None:
    target = local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")

    with pytest.raises(NotKeptError, match="0123456789abcdef"):
        frontend.publish(settings, target, bucket, release="0123456789abcdef")


def test_sources_that_change_under_a_deploy_are_not_published_as_what_was_planned(
    emulator: Emulator, settings: Settings, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = local_target(settings, emulator.credentials, endpoint=emulator.endpoint, base_url="")
    planned = frontend.source_hash(settings)

    def edit_then_build(*arguments: Any) -> Any:
        Path(settings.librechat.source, "client/index.html").write_text(built_page("edited"))
        return frontend.build(*arguments)

    monkeypatch.setattr(publisher, "build", edit_then_build)

    with pytest.raises(DeployError, match="have changed meanwhile"):
        frontend.publish(settings, target, bucket, release=planned)

    with pytest.raises(ClientError, match="NoSuchKey"):
        page(s3, bucket)
