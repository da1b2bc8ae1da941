"""Terraform's CLI configuration on the local target."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.terraform.cli_config import cli_config, find_plugin_mirrors


def mirror(folder: Path, *providers: str) -> Path:
    for provider in providers:
        (folder / "registry.terraform.io" / provider / "5.100.0").mkdir(parents=True)
    return folder


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
