"""The module registry as Terraform meets it: its protocol and its archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from scripts.local.registry import MODULE_VERSIONS, MODULES_DIR, make_app

Client = TestClient  # type: ignore[type-arg]
MODULES = "/v1/modules/terraform-aws-modules"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_app())) as client:
        yield client


@pytest.mark.parametrize("name", sorted(MODULE_VERSIONS))
async def test_a_module_has_the_one_version_that_the_root_pins(client: Client, name: str) -> None:
    answer = await client.get(f"{MODULES}/{name}/aws/versions")

    assert await answer.json() == {"modules": [{"versions": [{"version": MODULE_VERSIONS[name]}]}]}


@pytest.mark.parametrize("name", sorted(MODULE_VERSIONS))
async def test_a_download_leads_to_an_archive_of_the_stand_in(client: Client, name: str) -> None:
    path = f"{MODULES}/{name}/aws/{MODULE_VERSIONS[name]}/download"
    answer = await client.get(path)

    assert answer.status == 204
    archive = await client.get(urljoin(path, answer.headers["X-Terraform-Get"]))
    with tarfile.open(fileobj=io.BytesIO(await archive.read())) as packed:
        content = {entry.name: packed.extractfile(entry) for entry in packed}
        assert set(content) == {"main.tf", "variables.tf", "outputs.tf"}
        for file, stream in content.items():
            assert stream is not None
            assert stream.read() == (MODULES_DIR / name / file).read_bytes()


@pytest.mark.parametrize("host", ["rebound.example.com", "127.0.0.1.example.com:80", ""])
async def test_a_foreign_host_name_is_refused(client: Client, host: str) -> None:
    for path in (f"{MODULES}/lambda/aws/versions", "/archives/lambda/8.8.1.tar.gz", "/nothing"):
        assert (await client.get(path, headers={"Host": host})).status in (400, 403)


async def test_an_archive_answers_head_which_terraform_asks_first(client: Client) -> None:
    answer = await client.head(f"/archives/lambda/{MODULE_VERSIONS['lambda']}.tar.gz")

    assert answer.status == 200
    assert answer.content_length


async def test_the_same_files_make_the_same_archive(client: Client) -> None:
    path = f"/archives/ecr/{MODULE_VERSIONS['ecr']}.tar.gz"

    assert await (await client.get(path)).read() == await (await client.get(path)).read()


@pytest.mark.parametrize(
    "path",
    [
        f"{MODULES}/vpc/aws/versions",
        f"{MODULES}/vpc/aws/1.0.0/download",
        f"{MODULES}/lambda/google/versions",
        "/v1/modules/somebody/lambda/aws/versions",
        f"{MODULES}/lambda/aws/0.0.1/download",
        "/archives/lambda/0.0.1.tar.gz",
        "/archives/..%2F..%2Fregistry/8.8.1.tar.gz",
    ],
)
async def test_whatever_is_not_bundled_is_not_found(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_a_missing_module_is_named_with_the_way_out(client: Client) -> None:
    answer = await client.get(f"{MODULES}/vpc/aws/versions")

    assert "vpc" in await answer.text()
    assert "--modules registry" in await answer.text()
