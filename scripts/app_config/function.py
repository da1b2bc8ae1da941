"""The deployed function, as far as librechat.yaml is concerned: which version it runs, and a new one.

The function reads the file at cold start. Its variable ``CONFIG_VERSION`` carries the file's ETag: a new
value is a new configuration, and Lambda serves a new configuration from new execution environments only.
Terraform sets the same variable (``config_version``), so that a plan after a push finds no change.

A function's environment is never shown: neither its values nor what Lambda says about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.settings import Settings
from scripts.target import Target

VARIABLE = "CONFIG_VERSION"

_TRIES = 5
_BUSY = ("PreconditionFailedException", "ResourceConflictException")


class RunningFunction:
    """The function of one environment, deployed or not."""

    def __init__(self, settings: Settings, target: Target) -> None:
        self._client = target.aws.client("lambda")
        self.name = f"librechat-lambda-api-{settings.environment}"

    def version(self) -> str | None:
        """The version it was configured with, empty when with none; None when it is not deployed.

        Raises:
            DeployError: its variables cannot be read.
        """
        configuration = self._read()
        return None if configuration is None else self._variables(configuration).get(VARIABLE, "")

    def start_with(self, version: str) -> bool:
        """Have it serve from new environments, which read this version; all other variables are kept.

        Returns:
            Whether it had to be changed. False, too, when it is not deployed.

        Raises:
            DeployError: Lambda refuses, or somebody else changes the function all the time.
        """
        for _ in range(_TRIES):
            configuration = self._read()
            if configuration is None or self._variables(configuration).get(VARIABLE) == version:
                return False
            if configuration.get("LastUpdateStatus") == "InProgress":
                self._settle()
            elif self._update(configuration, version):
                self._settle()
                return True
        raise self._failed("Something else changes it at the same time.")

    def _read(self) -> Mapping[str, Any] | None:
        try:
            configuration: Mapping[str, Any] = self._client.get_function_configuration(FunctionName=self.name)
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return configuration

    def _variables(self, configuration: Mapping[str, Any]) -> Mapping[str, str]:
        environment = configuration.get("Environment") or {}
        if "Error" in environment:  # these credentials may not use the function's KMS key
            raise self._failed("Lambda does not show its variables to these credentials.")
        variables: Mapping[str, str] = environment.get("Variables", {})
        return variables

    def _update(self, read: Mapping[str, Any], version: str) -> bool:
        """Change the one variable in what was read; False when the function is not that any more."""
        try:
            self._client.update_function_configuration(
                FunctionName=self.name,
                Environment={"Variables": {**self._variables(read), VARIABLE: version}},
                RevisionId=read["RevisionId"],
            )
        except Exception as error:
            code = error_code(error)
            if code in _BUSY:
                return False
            if not code:
                raise
            # Not "from error": Lambda's message may quote the whole environment ("String measured: …").
            raise self._failed(f"Lambda answered {code}.") from None
        return True

    def _settle(self) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html#functions-states-updating"""
        try:
            self._client.get_waiter("function_updated_v2").wait(FunctionName=self.name)
        except Exception as error:
            if type(error).__name__ != "WaiterError":
                raise
            raise self._failed("Its update did not become Successful.") from None

    def _failed(self, why: str) -> DeployError:
        return DeployError(
            f"{self.name} was not told of the new librechat.yaml",
            why,
            "The file is in the bucket. Run the same command again, or inv deploy: either starts the new "
            "environments.",
        )
