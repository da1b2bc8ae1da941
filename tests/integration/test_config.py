"""librechat.yaml on its way into a bucket of another account, and into a function that runs."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lambda_functions import Deployment

from scripts import app_config
from scripts.app_config import ConfigObject
from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.local.lambda_.service import LambdaService
from scripts.local.network import VpcNetwork
from scripts.pipeline import config
from scripts.session import Session
from scripts.settings import Settings
from scripts.target import aws_target
from tests.integration.conftest import ACCOUNT, REGION, Emulator
from tests.integration.lambda_service.calls import settled

pytestmark = pytest.mark.integration

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


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A control plane with two accounts: one is deployed to, the other has the bucket."""
    running = Emulator(tmp_path_factory.mktemp("config"))
    running.start()
    running.as_key(OWNER, "local").client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _credentials(cloud: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of a person: of the deployment in the environment, of the bucket in a profile."""
    file = tmp_path / "credentials"
    file.write_text(f"[apro-shared]\naws_access_key_id = {OWNER}\naws_secret_access_key = local\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(default_settings: Settings) -> Settings:
    return replace(default_settings, target="aws")


@pytest.fixture
def s3(cloud: Emulator) -> Iterator[Any]:
    """The S3 of the bucket's owner; the bucket is empty before and after."""
    client = cloud.as_key(OWNER, "local").client("s3")
    client.delete_object(Bucket=BUCKET, Key=KEY)
    yield client
    client.delete_object(Bucket=BUCKET, Key=KEY)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "librechat.yaml"
    path.write_text(WRITTEN)
    return path


@pytest.fixture(scope="module")
def deployment(cloud: Emulator) -> Iterator[Deployment]:
    deployed = Deployment(cloud.aws, cloud.endpoint)
    yield deployed
    deployed.remove()


@pytest.fixture(scope="module")
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


def _sign_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only the profile's credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def body(s3: Any) -> str:
    return str(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read().decode())


def put(s3: Any, text: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=text.encode())


# --- Push -----------------------------------------------------------------------------------------------


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


# --- Credentials ----------------------------------------------------------------------------------------


def test_a_profile_that_this_machine_does_not_have_is_named(settings: Settings, file: Path) -> None:
    other = replace(settings, aws=replace(settings.aws, config_profile="elsewhere"))
    with pytest.raises(DeployError, match="no AWS profile elsewhere") as failure:
        push(other, file)
    assert "INVOKE_AWS_CONFIG_PROFILE= (empty)" in failure.value.next_step
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_without_a_profile_the_credentials_of_the_deployment_are_used_and_may_be_denied(
    settings: Settings, s3: Any, file: Path
) -> None:
    put(s3, DEPLOYED)
    own = replace(settings, aws=replace(settings.aws, config_profile=""))
    with pytest.raises(DeployError, match="cannot be read with these credentials") as failure:
        push(own, file)
    assert "AccessDenied" in failure.value.why
    assert "says the same of a missing file" in failure.value.why


def test_a_profile_that_is_not_signed_in_is_told_how(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path
) -> None:
    known = tmp_path / "config"
    known.write_text("[profile apro-shared]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(known))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(DeployError, match="not signed in") as failure:
        push(settings, file)
    assert failure.value.next_step == "Sign in: aws sso login --profile apro-shared"
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_bucket_that_does_not_exist_is_explained(settings: Settings, file: Path) -> None:
    settings.tfvars["config_s3_bucket"] = "no-such-bucket-anywhere"
    with pytest.raises(DeployError, match="There is no bucket no-such-bucket-anywhere"):
        push(settings, file)


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


# --- The function ---------------------------------------------------------------------------------------


def variables(function: Any) -> dict[str, str]:
    answer = function.get_function_configuration(FunctionName=FUNCTION)
    found: dict[str, str] = answer["Environment"]["Variables"]
    return found


def test_a_push_gives_the_function_the_new_version_and_keeps_all_else(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    ended = push(settings, file)

    version = s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"].strip('"')
    assert variables(function) == {"CONFIG_VERSION": version, "OTHER": "geheim"}
    status = function.get_function_configuration(FunctionName=FUNCTION)["LastUpdateStatus"]
    assert status == "Successful", "the push did not wait for the update"
    assert ended.events["config_pushed"]["function"] == "restarted"
    assert "geheim" not in ended.out


def test_the_next_plan_wants_what_the_push_has_set(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    """With credentials that may read the bucket, and with those that may not."""
    push(settings, file)
    has = variables(function)["CONFIG_VERSION"]
    deployer = aws_target(settings)
    assert app_config.version_to_deploy(settings, deployer) == has  # it keeps what is deployed
    reader = replace(deployer, aws=Aws(region=REGION, profile="apro-shared"))
    assert app_config.version_to_deploy(settings, reader) == has


def test_a_push_that_was_interrupted_before_the_restart_is_completed_by_the_next_one(
    settings: Settings, s3: Any, file: Path, function: Any
) -> None:
    put(s3, DEPLOYED)
    ended = push(settings, file)
    pushed = ended.events["config_pushed"]
    assert (pushed["uploaded"], pushed["function"]) == (False, "restarted")
    assert push(settings, file).events["config_pushed"]["function"] == "unchanged"


def test_without_a_restart_neither_function_nor_its_account_is_touched(
    settings: Settings, s3: Any, file: Path, function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sign_out(monkeypatch)
    ended = push(settings, file, restart=False)
    assert body(s3) == DEPLOYED
    assert variables(function)["CONFIG_VERSION"] == "old"
    assert ended.events["config_pushed"]["function"] == "not asked"


@pytest_asyncio.fixture
async def service(cloud: Emulator, tmp_path: Path) -> AsyncIterator[LambdaService]:
    network = VpcNetwork(cloud.aws, cloud.generation)
    running = LambdaService(cloud.aws, network, tmp_path / "lambda", cloud.generation)
    yield running
    await running.close()
    await network.close()


async def test_requests_after_a_push_are_served_by_a_new_environment(
    settings: Settings, s3: Any, file: Path, function: Any, service: LambdaService
) -> None:
    async def environment() -> dict[str, str]:
        invocation = await service.invoke(FUNCTION, b'{"action": "environment"}')
        answer: dict[str, str] = json.loads(b"".join([chunk async for chunk in invocation]))
        return answer

    assert (await environment())["CONFIG_VERSION"] == "old"
    await settled(service)  # only an idle environment is ended by the next request
    (old,) = await service.status()

    version = push(settings, file).events["config_pushed"]["version"]

    assert (await environment())["CONFIG_VERSION"] == version
    (new,) = await service.status()
    assert new.log_stream != old.log_stream


# --- Looking --------------------------------------------------------------------------------------------


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
    _sign_out(monkeypatch)
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
