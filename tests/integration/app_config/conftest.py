"""A bucket of another account, the credentials of a person, and a function that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.settings import Settings
from tests.integration.app_config.commands import BUCKET, FUNCTION, KEY, OWNER, WRITTEN
from tests.integration.conftest import REGION, Emulator
from tests.integration.lambda_functions import Deployment


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A control plane with two accounts: one is deployed to, the other has the bucket."""
    with Emulator.running(tmp_path_factory.mktemp("config")) as running:
        running.as_account(OWNER).client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield running


@pytest.fixture(autouse=True)
def _credentials(cloud: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of a person: of the deployment in the environment, of the bucket in a profile."""
    secret = cloud.credentials.secret_access_key
    file = tmp_path / "credentials"
    file.write_text(f"[apro-shared]\naws_access_key_id = {OWNER}\naws_secret_access_key = {secret}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(default_settings: Settings) -> Settings:
    return replace(default_settings, target="aws")


@pytest.fixture
def s3(cloud: Emulator) -> Iterator[Any]:
    """The S3 of the bucket's owner; the bucket is empty before and after."""
    client = cloud.as_account(OWNER).client("s3")
    client.delete_object(Bucket=BUCKET, Key=KEY)
    yield client
    client.delete_object(Bucket=BUCKET, Key=KEY)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "librechat.yaml"
    path.write_text(WRITTEN)
    return path


@pytest.fixture(scope="session")
def deployment(cloud: Emulator) -> Iterator[Deployment]:
    deployed = Deployment(cloud.aws, cloud.endpoint)
    yield deployed
    deployed.remove()


@pytest.fixture(scope="session")
def image(deployment: Deployment) -> str:
    return deployment.image()


@pytest.fixture
def function(deployment: Deployment, image: str) -> Iterator[Any]:
    """A client of Lambda, with the function deployed and of an older configuration."""
    client = deployment.aws.client("lambda")
    deployment.function(image, name=FUNCTION, variables={"CONFIG_VERSION": "old", "OTHER": "geheim"})
    yield client
    client.delete_function(FunctionName=FUNCTION)
    deployment.functions.remove(FUNCTION)
