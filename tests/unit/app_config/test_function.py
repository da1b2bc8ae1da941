"""The function's CONFIG_VERSION: changed alone, never over somebody's change, never shown."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from scripts import app_config
from scripts.app_config import RunningFunction
from scripts.errors import DeployError
from scripts.settings import Settings
from scripts.target import Target

NAME = "librechat-lambda-api-dev"


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@dataclass
class Aws:
    """A Lambda and an S3 in memory, as far as the configuration's version needs them."""

    variables: dict[str, str] | None = field(default_factory=dict)
    etag: str | ClientError = '"e1"'
    status: str = "Successful"
    meddlers: int = 0
    refusal: ClientError | None = None
    waits: int = 0
    broken: bool = False
    hidden: bool = False
    revision: str = "0"

    def client(self, service: str, region: str | None = None) -> Aws:
        return self

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, str]:
        if isinstance(self.etag, ClientError):
            raise self.etag
        return {"ETag": self.etag}

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:
        if self.variables is None or FunctionName != NAME:
            raise refused("ResourceNotFoundException")
        environment = (
            {"Error": {"ErrorCode": "AccessDenied"}} if self.hidden else {"Variables": self.variables}
        )
        answer = {
            "Environment": environment,
            "RevisionId": self.revision,
            "LastUpdateStatus": self.status,
        }
        if self.meddlers:
            self.meddlers -= 1
            self.variables = {**self.variables, f"MEDDLER_{self.meddlers}": "1"}
            self.revision = uuid.uuid4().hex
        return answer

    def update_function_configuration(
        self, *, FunctionName: str, Environment: dict[str, dict[str, str]], RevisionId: str
    ) -> None:
        if self.refusal:
            raise self.refusal
        if RevisionId != self.revision:
            raise refused("PreconditionFailedException")
        self.variables, self.revision = Environment["Variables"], uuid.uuid4().hex

    def get_waiter(self, name: str) -> Aws:
        assert name == "function_updated_v2"
        return self

    def wait(self, *, FunctionName: str) -> None:
        self.waits += 1
        self.status = "Successful"
        if self.broken:
            raise WaiterError("FunctionUpdatedV2", "terminal failure", {"Environment": "geheim"})


def function(settings: Settings, aws: Aws) -> RunningFunction:
    return RunningFunction(settings, Target("local", {}, aws))  # type: ignore[arg-type]


def test_only_the_version_changes(default_settings: Settings) -> None:
    aws = Aws({"A": "1", "CONFIG_VERSION": "old"})
    assert function(default_settings, aws).start_with("new")
    assert aws.variables == {"A": "1", "CONFIG_VERSION": "new"}
    assert aws.waits == 1


def test_a_function_that_runs_with_the_version_is_left_alone(default_settings: Settings) -> None:
    aws = Aws({"CONFIG_VERSION": "new"})
    assert not function(default_settings, aws).start_with("new")
    assert aws.revision == "0"


def test_without_a_function_there_is_nothing_to_restart(default_settings: Settings) -> None:
    running = function(default_settings, Aws(None))
    assert running.version() is None
    assert not running.start_with("new")


def test_a_change_of_somebody_else_in_between_is_kept(default_settings: Settings) -> None:
    aws = Aws({"A": "1"}, meddlers=2)
    assert function(default_settings, aws).start_with("new")
    assert aws.variables == {"A": "1", "MEDDLER_1": "1", "MEDDLER_0": "1", "CONFIG_VERSION": "new"}


def test_a_function_that_never_rests_ends_the_attempt(default_settings: Settings) -> None:
    with pytest.raises(DeployError, match="was not told") as failure:
        function(default_settings, Aws(meddlers=100)).start_with("new")
    assert "The file is in the bucket" in failure.value.next_step


def test_an_update_under_way_is_waited_for(default_settings: Settings) -> None:
    aws = Aws(status="InProgress")
    assert function(default_settings, aws).start_with("new")
    assert aws.waits == 2


def test_lambdas_own_words_are_not_repeated_because_they_quote_the_environment(
    default_settings: Settings,
) -> None:
    refusal = refused("InvalidParameterValueException", 'String measured: {"A":"geheim"}')
    with pytest.raises(DeployError) as failure:
        function(default_settings, Aws({"A": "geheim"}, refusal=refusal)).start_with("new")
    assert "InvalidParameterValueException" in failure.value.why
    assert "geheim" not in str(failure.value)
    assert failure.value.__suppress_context__, "a traceback would show it"


def test_an_update_that_fails_is_an_error_without_the_functions_environment(
    default_settings: Settings,
) -> None:
    with pytest.raises(DeployError) as failure:
        function(default_settings, Aws(broken=True)).start_with("new")
    assert "did not become Successful" in failure.value.why
    assert "geheim" not in str(failure.value)


def test_variables_that_may_not_be_read_are_never_written_back_as_none(default_settings: Settings) -> None:
    aws = Aws({"A": "1"}, hidden=True)
    with pytest.raises(DeployError, match="was not told"):
        function(default_settings, aws).start_with("new")
    assert aws.revision == "0"


# --- What a deploy gives it -----------------------------------------------------------------------------


def deployed(settings: Settings, aws: Aws) -> str:
    return app_config.version_to_deploy(settings, Target("local", {}, aws))  # type: ignore[arg-type]


def test_a_deploy_gives_the_function_the_version_in_the_bucket(default_settings: Settings) -> None:
    assert deployed(default_settings, Aws({"CONFIG_VERSION": "old"}, etag='"e2"')) == "e2"


@pytest.mark.parametrize("code", ["403", "AccessDenied"])
def test_a_deploy_that_may_not_look_keeps_what_the_function_has(
    default_settings: Settings, code: str
) -> None:
    assert deployed(default_settings, Aws({"CONFIG_VERSION": "e1"}, etag=refused(code))) == "e1"
    assert deployed(default_settings, Aws({}, etag=refused(code))) == ""
    assert deployed(default_settings, Aws(None, etag=refused(code))) == ""


def test_without_a_file_there_is_no_version(default_settings: Settings) -> None:
    assert deployed(default_settings, Aws(etag=refused("404"))) == ""


def test_any_other_trouble_is_not_taken_for_a_version(default_settings: Settings) -> None:
    with pytest.raises(ClientError):
        deployed(default_settings, Aws(etag=refused("503")))


def test_the_function_is_that_of_the_environment(default_settings: Settings) -> None:
    settings = replace(default_settings, environment="prod")
    assert function(settings, Aws()).name == "librechat-lambda-api-prod"
