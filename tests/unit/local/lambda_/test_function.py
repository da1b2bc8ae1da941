from __future__ import annotations

from typing import Any

from scripts.local.lambda_.function import FunctionConfiguration, NetworkInterface


def response(**configuration: Any) -> dict[str, Any]:
    return {
        "Configuration": {
            "FunctionName": "f",
            "FunctionArn": "arn:aws:lambda:eu-west-1:515966504419:function:f",
            "Role": "arn:aws:iam::515966504419:role/r",
            **configuration,
        },
        "Code": {"ImageUri": "host/app:tag", "ResolvedImageUri": "host/app@sha256:" + "0" * 64},
    }


def test_the_resolved_digest_is_what_runs() -> None:
    assert FunctionConfiguration.from_get_function(response()).image_uri == "host/app@sha256:" + "0" * 64


def test_what_is_not_configured_has_the_default_of_lambda() -> None:
    function = FunctionConfiguration.from_get_function(response())

    assert (function.memory_mb, function.timeout, function.ephemeral_storage_mb) == (128, 3, 512)
    assert function.log_group == "/aws/lambda/f"
    assert function.interface == NetworkInterface()
    assert function.reserved_concurrency is None


def test_any_change_of_the_configuration_makes_another_configuration() -> None:
    base = FunctionConfiguration.from_get_function(response())
    changes: list[dict[str, Any]] = [
        {"Environment": {"Variables": {"A": "b"}}},
        {"Role": "arn:aws:iam::515966504419:role/other"},
        {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        {"Timeout": 900},
        {"MemorySize": 2048},
        {"ImageConfigResponse": {"ImageConfig": {"Command": ["other.handler"]}}},
    ]
    assert all(FunctionConfiguration.from_get_function(response(**change)) != base for change in changes)
    assert FunctionConfiguration.from_get_function(response()) == base
