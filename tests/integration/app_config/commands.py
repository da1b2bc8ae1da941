"""The commands for librechat.yaml, the file as written and as pushed, and a look into bucket and function."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.console import Console
from scripts.errors import ExitStatus
from scripts.pipeline import config
from scripts.session import Session
from scripts.settings import Settings

OWNER = "111122223333"
"""The account of the bucket; what the profile apro-shared signs in to."""

BUCKET, KEY = "genai-shared-config", "lambda-test/librechat/librechat.yaml"
FUNCTION = "librechat-lambda-api-dev"
WRITTEN = """\
# The chat at GENAI.sandbox.data.apro.is
version: 1.2.8
interface:
  privacyPolicy: {externalUrl: https://genai.sandbox.data.apro.is/privacy}
ocr:
  apiKey: ${LITELLM_API_KEY}
"""
DEPLOYED = WRITTEN.replace("GENAI", "lambda-test").replace("genai", "lambda-test")


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: ExitStatus
    out: str

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        """The last event of each type."""
        return {event["type"]: event for event in map(json.loads, self.out.splitlines())}


def run(
    command: Any,
    settings: Settings,
    *,
    yes: bool = True,
    json_lines: bool = True,
    value_only: bool = False,
    **flags: Any,
) -> Ended:
    out = io.StringIO()
    console = Console(json_lines=json_lines, assume_yes=yes, value_only=value_only, stdout=out, stderr=out)
    status = command(Session(settings, console), **flags)
    return Ended(status, out.getvalue())


def push(settings: Settings, file: Path, **flags: Any) -> Ended:
    return run(config.push, settings, file=str(file), **flags)


def sign_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only the profile's credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def body(s3: Any) -> str:
    return str(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read().decode())


def put(s3: Any, text: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=text.encode())


def variables(function: Any) -> dict[str, str]:
    answer = function.get_function_configuration(FunctionName=FUNCTION)
    found: dict[str, str] = answer["Environment"]["Variables"]
    return found
