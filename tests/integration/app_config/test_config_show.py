"""Looks at librechat.yaml that change nothing: the difference, the file, what a deploy can tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts import app_config
from scripts.errors import DeployError, ExitStatus
from scripts.pipeline import config
from scripts.settings import Settings
from scripts.target import aws_target
from tests.integration.app_config.commands import DEPLOYED, WRITTEN, body, push, put, run, sign_out

pytestmark = pytest.mark.integration


def test_a_diff_tells_by_its_status_and_changes_nothing(settings: Settings, s3: Any, file: Path) -> None:
    assert run(config.diff, settings, file=str(file)).status is ExitStatus.CHANGES_PENDING
    with pytest.raises(s3.exceptions.ClientError):
        body(s3)
    put(s3, DEPLOYED)
    assert run(config.diff, settings, file=str(file)).status is ExitStatus.OK


def test_a_diff_warns_of_secrets_and_hides_them(settings: Settings, s3: Any, file: Path) -> None:
    file.write_text(WRITTEN.replace("${LITELLM_API_KEY}", "hunter2"))
    ended = run(config.diff, settings, file=str(file))
    assert "ocr.apiKey has a value of its own; a push refuses it." in ended.events["warning"]["message"]
    assert "hunter2" not in ended.out


def test_the_file_is_shown_on_stdout_and_what_is_known_of_it_on_stderr(
    settings: Settings, s3: Any, function: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    text = WRITTEN.replace("${LITELLM_API_KEY}", "'hunter2' # :lock: [bold]")
    put(s3, text)
    people = {"json_lines": False, "value_only": True}
    assert run(config.show, settings, **people).out == text.replace("'hunter2'", "•••")
    facts = capsys.readouterr().err
    assert "old domain  named 2 times" in facts
    assert "function    another version" in facts
    assert run(config.show, settings, **people, raw=True).out == text


def test_the_facts_say_whether_the_function_runs_with_the_file(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    push(settings, file)
    shown = run(config.show, settings).events["config"]
    assert shown["function"] == "in use"
    assert shown["schema"] == "1.2.8"
    assert shown["names_replaced_domain"] == 0


def test_without_credentials_of_the_deployment_the_function_is_not_checked(
    settings: Settings, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, DEPLOYED)
    sign_out(monkeypatch)
    assert run(config.show, settings).events["config"]["function"].startswith("not checked")


def test_a_deploy_can_tell_that_the_file_of_the_settings_was_not_pushed(
    settings: Settings, s3: Any, file: Path
) -> None:
    target = aws_target(settings)
    named = replace(settings, librechat=replace(settings.librechat, config=str(file)))
    assert app_config.is_unpushed(named, target)
    push(named, file)
    assert not app_config.is_unpushed(named, target)
    assert not app_config.is_unpushed(settings, target), "no file is named"
    unknown = replace(named, aws=replace(named.aws, config_profile="elsewhere"))
    assert not app_config.is_unpushed(unknown, target), "nobody can look"


def test_a_missing_file_cannot_be_shown(settings: Settings, s3: Any) -> None:
    with pytest.raises(DeployError, match="does not exist"):
        run(config.show, settings)
