"""A Terraform root in a folder, and sessions that deploy it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.settings import Settings
from tests.integration.pipeline.account import ROOT_MODULE, Account, rollback_module
from tests.integration.pipeline.rehearsal import FIRST, Bench, state_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    """State and records in directories of the test."""
    return replace(
        default_settings,
        local=replace(default_settings.local, directory=str(tmp_path / "local")),
        state=replace(default_settings.state, backend="local", directory=str(tmp_path / "state")),
    )


@pytest.fixture
def bench(settings: Settings, root: Path, no_cli_configuration: None) -> Bench:
    backend = f'backend "local" {{\n    path = "{state_of(settings).file}"\n  }}'
    (root / "backend_override.tf").write_text(f"terraform {{\n  {backend}\n}}\n")
    bench = Bench(settings, root, io.StringIO())
    bench.configure(FIRST)
    return bench


@pytest.fixture
def account(
    settings: Settings, root: Path, no_cli_configuration: None, monkeypatch: pytest.MonkeyPatch
) -> Account:
    monkeypatch.setattr(rollback_module, "FUNCTION", "terraform_data.function")
    monkeypatch.setattr(rollback_module, "CLIENT", "terraform_data.client")
    monkeypatch.setattr(rollback_module, "_IMAGE", "terraform_data.image")
    monkeypatch.setattr(rollback_module, "_FOLLOW", {"input", "output"})
    backend = f'terraform {{\n  backend "local" {{\n    path = "{state_of(settings).file}"\n  }}\n}}\n'
    (root / "main.tf").write_text(backend + ROOT_MODULE)
    account = Account(settings, root)
    monkeypatch.setattr("scripts.releases.look", account.look)
    return account
