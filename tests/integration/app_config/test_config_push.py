"""A push of librechat.yaml: which file, what goes up, and what is never overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.app_config import ConfigObject
from scripts.errors import DeployError
from scripts.pipeline import config
from scripts.settings import Settings
from scripts.target import aws_target
from tests.integration.app_config.commands import BUCKET, DEPLOYED, KEY, WRITTEN, body, push, put, run

pytestmark = pytest.mark.integration


def test_a_first_push_uploads_the_file_for_this_domain(settings: Settings, s3: Any, file: Path) -> None:
    ended = push(settings, file)

    assert body(s3) == DEPLOYED
    head = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ContentType"] == "application/yaml"
    assert ended.events["config_diff"]["new"]
    assert ended.events["config_diff"]["domains_replaced"] == 2
    assert ended.events["config_pushed"] == ended.events["config_pushed"] | {
        "uploaded": True,
        "version": head["ETag"].strip('"'),
        "function": "not deployed",
    }


def test_what_is_there_already_is_not_uploaded_again(settings: Settings, s3: Any, file: Path) -> None:
    push(settings, file)
    before = s3.head_object(Bucket=BUCKET, Key=KEY)["LastModified"]

    ended = push(settings, file, yes=False)

    assert not ended.events["config_diff"]["changed"]
    assert not ended.events["config_pushed"]["uploaded"]
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["LastModified"] == before


def test_a_push_to_the_real_account_asks_first(settings: Settings, s3: Any, file: Path) -> None:
    with pytest.raises(DeployError, match="confirmation is needed"):
        push(settings, file, yes=False)
    with pytest.raises(s3.exceptions.ClientError):
        body(s3)


def test_people_see_the_difference(settings: Settings, s3: Any, file: Path) -> None:
    put(s3, DEPLOYED.replace("1.2.8", "1.2.7"))
    ended = push(settings, file, json_lines=False)
    assert "-version: 1.2.7\n+version: 1.2.8\n" in ended.out


def test_secrets_in_clear_are_refused_before_anything_is_connected_to(
    settings: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    file.write_text(WRITTEN.replace("${LITELLM_API_KEY}", "hunter2"))
    with pytest.raises(DeployError, match="secrets in clear") as refused:
        push(settings, file)
    assert refused.value.why == "line 6: ocr.apiKey has a value of its own"
    assert "hunter2" not in str(refused.value)


def test_a_false_alarm_can_be_allowed_and_stays_hidden(settings: Settings, s3: Any, file: Path) -> None:
    file.write_text(WRITTEN.replace("${LITELLM_API_KEY}", "ollama"))
    ended = push(settings, file, allowed=["ocr.apiKey", "no.such.key"])
    assert "apiKey: ollama" in body(s3)
    assert "ollama" not in ended.out
    assert "no.such.key allows nothing" in ended.events["warning"]["message"]


@pytest.mark.parametrize("before", [None, "version: 1.2.7\n"], ids=["a new file", "a changed file"])
def test_an_edit_of_somebody_else_meanwhile_is_never_overwritten(
    settings: Settings, s3: Any, before: str | None
) -> None:
    if before:
        put(s3, before)
    there = ConfigObject(settings, aws_target(settings))
    seen = there.read()
    put(s3, "version: 9.9.9 # theirs\n")

    with pytest.raises(DeployError, match=r"changed .* meanwhile; nothing was overwritten") as failure:
        there.write(DEPLOYED, over=seen)

    assert "it shows what they changed" in failure.value.next_step
    assert body(s3) == "version: 9.9.9 # theirs\n"


def test_a_file_that_was_deleted_meanwhile_is_not_brought_back_unseen(settings: Settings, s3: Any) -> None:
    put(s3, DEPLOYED)
    there = ConfigObject(settings, aws_target(settings))
    seen = there.read()
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    with pytest.raises(DeployError, match=r"changed .* meanwhile"):
        there.write(DEPLOYED + "cache: true\n", over=seen)


@pytest.mark.parametrize("named", ["flag", "setting"])
def test_the_file_must_exist(settings: Settings, named: str) -> None:
    setting = replace(settings, librechat=replace(settings.librechat, config="no/such.yaml"))
    with pytest.raises(DeployError, match=r"There is no file no/such\.yaml") as failure:
        run(config.push, setting, file="no/such.yaml" if named == "flag" else "")
    assert ("--file" if named == "flag" else "librechat.config") in failure.value.why


def test_a_file_that_is_not_text_is_refused_without_quoting_it(settings: Settings, file: Path) -> None:
    file.write_bytes(b"version: 1.2.8 \xff")
    with pytest.raises(DeployError) as failure:
        push(settings, file)
    assert failure.value.why == "It is not UTF-8."


def test_a_file_must_be_named_by_the_flag_or_the_setting(settings: Settings) -> None:
    with pytest.raises(DeployError, match=r"No librechat\.yaml is named") as failure:
        run(config.push, settings)
    assert "--file PATH, or librechat.config" in failure.value.next_step
