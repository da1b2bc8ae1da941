"""Where Terraform runs: the shipped tree, or a copy with shown differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.settings import Settings
from scripts.terraform import workspace

REGISTRY = "http://127.0.0.1:1"


@pytest.fixture
def settings(default_settings: Settings, tmp_path: Path) -> Settings:
    settings = replace(default_settings, project_root=tmp_path)
    root = settings.tfvars_path.parent
    root.mkdir(parents=True)
    (root / "main.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    (root / "backend.hcl").write_text("encrypt = true\n")
    (root / "terraform.tfvars.json").write_text("{}")
    module = settings.terraform_source / "modules" / "a"
    module.mkdir(parents=True)
    (module / "main.tf").write_text("# a\n")
    stand_in = tmp_path / "scripts" / "local" / "modules" / "lambda"
    stand_in.mkdir(parents=True)
    (stand_in / "main.tf").write_text("# stand-in\n")
    return settings


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def initialise(place: workspace.Workspace) -> None:
    (place.directory / ".terraform").mkdir(exist_ok=True)
    (place.directory / ".terraform" / "terraform.tfstate").touch()
    place.after_init()


def test_the_real_account_uses_the_shipped_tree_in_place(settings: Settings) -> None:
    place = workspace.in_place(settings)
    assert place.directory == settings.tfvars_path.parent
    assert place.differences == {}
    assert place.modules == "registry"


def test_the_copy_has_every_shipped_file_and_only_the_shown_differences(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    copy = settings.local_directory / "terraform"
    generated = {f"environments/dev/{name}" for name in place.differences}
    assert files(copy) == files(settings.terraform_source) | generated
    assert place.differences == workspace.local_differences(settings)


def test_the_shipped_tree_stays_untouched(settings: Settings) -> None:
    before = files(settings.terraform_source)
    workspace.local_copy(settings, REGISTRY)
    assert files(settings.terraform_source) == before


def test_a_refresh_rewrites_only_what_changed(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    module = settings.local_directory / "terraform" / "modules" / "a" / "main.tf"
    untouched, main = module.stat().st_mtime_ns, settings.tfvars_path.parent / "main.tf"
    main.write_text("# changed\n")
    workspace.local_copy(settings, REGISTRY)
    assert (place.directory / "main.tf").read_text() == "# changed\n"
    assert module.stat().st_mtime_ns == untouched


def test_a_refresh_removes_what_was_removed_and_keeps_what_terraform_made(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    (place.directory / ".terraform.lock.hcl").touch()
    initialise(place)
    (settings.terraform_source / "modules" / "a" / "main.tf").unlink()
    workspace.local_copy(settings, REGISTRY)
    assert not (settings.local_directory / "terraform" / "modules" / "a" / "main.tf").exists()
    assert (place.directory / ".terraform.lock.hcl").exists()
    assert (place.directory / ".terraform" / "terraform.tfstate").exists()


def test_what_terraform_left_in_the_shipped_tree_is_not_copied(settings: Settings) -> None:
    for name in (".terraform.lock.hcl", "terraform.tfstate", "terraform.tfstate.backup"):
        (settings.tfvars_path.parent / name).touch()
    (settings.tfvars_path.parent / ".terraform").mkdir()
    (settings.tfvars_path.parent / ".terraform" / "environment").touch()
    place = workspace.local_copy(settings, REGISTRY)
    assert not any(".tfstate" in name or ".terraform" in name for name in files(place.directory))


def test_a_second_init_is_not_needed(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    assert not place.initialised
    initialise(place)
    assert workspace.local_copy(settings, REGISTRY).initialised


def test_another_port_of_the_registry_needs_no_init(settings: Settings) -> None:
    initialise(workspace.local_copy(settings, REGISTRY))
    assert workspace.local_copy(settings, "http://127.0.0.1:2").initialised


def test_another_value_in_the_tfvars_needs_no_init(settings: Settings) -> None:
    initialise(workspace.local_copy(settings, REGISTRY))
    settings.tfvars_path.write_text('{"a": 1}')
    assert workspace.local_copy(settings, REGISTRY).initialised


@pytest.mark.parametrize(
    "what", ["configuration", "module", "stand-in", "backend", "state bucket", "modules"]
)
def test_whatever_init_reads_makes_it_needed_again(settings: Settings, what: str) -> None:
    initialise(workspace.local_copy(settings, REGISTRY))
    match what:
        case "configuration":
            (settings.tfvars_path.parent / "main.tf").write_text("# other\n")
        case "module":
            (settings.terraform_source / "modules" / "a" / "main.tf").write_text("# other\n")
        case "stand-in":
            stand_in = settings.project_root / "scripts" / "local" / "modules" / "lambda" / "main.tf"
            stand_in.write_text("# other\n")
        case "backend":
            (settings.tfvars_path.parent / "backend.hcl").write_text("encrypt = false\n")
        case "state bucket":
            settings = replace(settings, state=replace(settings.state, bucket="another-bucket"))
        case "modules":
            settings = replace(settings, terraform=replace(settings.terraform, modules="registry"))
    assert not workspace.local_copy(settings, REGISTRY).initialised


def test_a_removed_terraform_folder_makes_init_needed_again(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    initialise(place)
    (place.directory / ".terraform" / "terraform.tfstate").unlink()
    assert not place.initialised


def test_init_forgets_installed_stand_ins_because_their_version_never_changes(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    installed = place.directory / ".terraform" / "modules" / "lambda"
    installed.mkdir(parents=True)
    place.before_init()
    assert not installed.exists()


def test_an_interrupted_init_is_repeated(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    initialise(place)
    place.before_init()
    assert not place.initialised


def test_the_stand_ins_come_with_their_provider_and_the_real_modules_without(settings: Settings) -> None:
    assert any("5.100.0" in text for text in workspace.local_differences(settings).values())
    real = replace(settings, terraform=replace(settings.terraform, modules="registry"))
    assert not any("5.100.0" in text for text in workspace.local_differences(real).values())
    assert workspace.local_copy(real, REGISTRY).environment == {}


def test_the_settings_of_the_state_come_after_the_shipped_file_and_win(settings: Settings) -> None:
    place = workspace.in_place(settings)
    assert place.backend_config[0] == "backend.hcl"
    assert f"bucket={settings.state.bucket}" in place.backend_config[1:]


def in_a_directory(settings: Settings) -> Settings:
    return replace(settings, state=replace(settings.state, backend="local"))


def test_a_state_in_a_directory_overrides_the_declared_backend_in_both_trees(settings: Settings) -> None:
    settings = in_a_directory(settings)
    real = workspace.in_place(replace(settings, target="aws"))
    for place in (real, workspace.local_copy(settings, REGISTRY)):
        override = (place.directory / "backend_override.tf").read_text()
        assert 'backend "local"' in override
        assert f'path = "{settings.project_root}/.state/' in override
        assert place.backend_config == ()


def test_each_target_has_a_state_of_its_own_in_the_directory(settings: Settings) -> None:
    """What the shipped tree has generated for the real account does not reach the rehearsal."""
    settings = in_a_directory(settings)
    real = workspace.in_place(replace(settings, target="aws"))
    copy = workspace.local_copy(settings, REGISTRY)
    assert "/aws/dev/" in (real.directory / "backend_override.tf").read_text()
    assert "/local/dev/" in (copy.directory / "backend_override.tf").read_text()


def test_the_override_goes_when_the_state_is_in_the_bucket_again(settings: Settings) -> None:
    workspace.in_place(in_a_directory(settings))
    workspace.local_copy(in_a_directory(settings), REGISTRY)
    before = files(settings.terraform_source)
    place = workspace.in_place(settings)
    assert files(settings.terraform_source) == before - {"environments/dev/backend_override.tf"}
    assert place.backend_config
    copy = workspace.local_copy(settings, REGISTRY)
    assert not (copy.directory / "backend_override.tf").exists()


def test_where_the_state_lives_does_not_change_what_is_planned(settings: Settings) -> None:
    before = workspace.source_fingerprint(settings)
    workspace.in_place(in_a_directory(settings))
    assert workspace.source_fingerprint(settings) == before


def test_a_path_that_looks_like_a_template_stays_a_path(settings: Settings) -> None:
    odd = replace(settings, state=replace(settings.state, backend="local", directory='a "${b}" %{c}'))
    override = workspace.local_differences(odd)["backend_override.tf"]
    assert r"a \"$${b}\" %%{c}/local/dev" in override


def test_the_backend_of_the_last_init_is_remembered(settings: Settings) -> None:
    place = workspace.local_copy(settings, REGISTRY)
    assert place.remembered_backend == ""
    initialise(place)
    assert place.remembered_backend == ""
    (place.directory / ".terraform" / "terraform.tfstate").write_text('{"backend": {"type": "s3"}}')
    assert place.remembered_backend == "s3"
