"""A site, an empty bucket in the embedded S3, and a client whose requests are seen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.frontend import claim
from scripts.frontend.bucket import Bucket
from tests.integration.conftest import ACCOUNT, Emulator
from tests.integration.publish.site import SITE, Site, Wire


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "dist", SITE)


@pytest.fixture(scope="module")
def wired(emulator: Emulator) -> Any:
    """A second client: what tests do with the other one is not seen on the wire."""
    return emulator.as_account(ACCOUNT).client("s3")


@pytest.fixture
def wire(wired: Any) -> Iterator[Wire]:
    wire = Wire(wired)
    yield wire
    wire.close()


@pytest.fixture
def s3(emulator: Emulator) -> Any:
    return emulator.aws.client("s3")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    name = f"site-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield name
    Bucket(s3, name).delete(list(Bucket(s3, name).listing()))
    s3.delete_bucket(Bucket=name)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "_POLL_SECONDS", 0.01)
