"""The module registry as Terraform meets it: its protocol, its archives, its CLI configuration."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from scripts.local.registry import MODULE_VERSIONS, MODULES_DIR, cli_config, find_plugin_mirrors, make_app

Client = TestClient  # type: ignore[type-arg]
MODULES = "/v1/modules/terraform-aws-modules"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_app())) as client:
        yield client


def mirror(folder: Path, *providers: str) -> Path:
    for provider in providers:
        (folder / "registry.terraform.io" / provider / "5.100.0").mkdir(parents=True)
    return folder


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


def test_providers_of_a_mirror_are_never_asked_for_over_the_network(tmp_path: Path) -> None:
    config = cli_config("http://127.0.0.1:9", [mirror(tmp_path, "hashicorp/aws", "hashicorp/null")])

    providers = '["registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/null"]'
    assert f"include = {providers}" in config
    assert f"exclude = {providers}" in config


def test_without_a_mirror_providers_come_from_the_real_registry() -> None:
    config = cli_config("http://127.0.0.1:9", [])

    assert '"modules.v1" = "http://127.0.0.1:9/v1/modules/"' in config
    assert '"providers.v1" = "https://registry.terraform.io/v1/providers/"' in config
    assert "filesystem_mirror" not in config
    assert "exclude" not in config


def test_mirrors_are_found_in_terraforms_own_folders_and_below_opt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "xdg"))
    home, opt = tmp_path / "home", tmp_path / "opt"
    expected = [
        mirror(home / ".terraform.d" / "plugins", "hashicorp/aws"),
        mirror(home / ".local/share/terraform/plugins", "hashicorp/aws"),
        mirror(tmp_path / "xdg/terraform/plugins", "hashicorp/aws"),
        mirror(opt / "any-name", "hashicorp/aws"),
    ]
    mirror(opt / "without-aws", "hashicorp/null")

    assert [found for found in find_plugin_mirrors(home, opt) if found.is_relative_to(tmp_path)] == expected
