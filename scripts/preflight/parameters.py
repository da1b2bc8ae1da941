"""The SSM parameters that hold the secrets: there, and better encrypted.

Only DescribeParameters is called, which has no values to give; reading one, even encrypted, is nobody's
business but the function's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.aws import Aws
from scripts.preflight.model import Finding, failed, ok, warning, worst
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Secrets and configuration"

_BATCH = 50
"""https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html"""


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at all of them."""
    yield Probe(
        GROUP, "SSM parameters", lambda: judge(_wanted(settings), _types(aws, _wanted(settings))), needs
    )


def judge(wanted: Mapping[str, str], types: Mapping[str, str]) -> Finding:
    """Whether each parameter is there, and whether as a SecureString; the function reads both types.

    Args:
        wanted: Names of parameters by the names of the function's variables.
        types: What is there: types by names of parameters.
    """
    problems = []
    missing = [f"{name} ({variable})" for variable, name in wanted.items() if name not in types]
    if missing:
        problems.append(
            failed(
                f"missing: {', '.join(missing)}",
                "Create each (aws ssm put-parameter --type SecureString --name NAME --value file://FILE), or "
                "correct ssm_parameters in terraform.tfvars.json.",
            )
        )
    plain = [f"{name} is a {types[name]}" for name in wanted.values() if types.get(name, _SECURE) != _SECURE]
    if plain:
        # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
        problems.append(
            warning(
                f"not encrypted: {', '.join(plain)}",
                "A type cannot be changed. Create a SecureString of another name, and name that in "
                "ssm_parameters. Leave the plain one to its other users, such as LibreChat on ECS, until "
                "they have changed over.",
            )
        )
    return worst(problems, ok(f"{len(wanted)} present, all {_SECURE}; no value was read"))


_SECURE = "SecureString"


def _wanted(settings: Settings) -> dict[str, str]:
    """Names as SSM has them: with a slash only when they are paths.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
    """
    names = {}
    for variable, arn in settings.tfvars["ssm_parameters"].items():
        name = arn.partition(":parameter/")[2]
        names[variable] = f"/{name}" if "/" in name else name
    return names


def _types(aws: Aws, wanted: Mapping[str, str]) -> dict[str, str]:
    names = sorted(set(wanted.values()))
    types: dict[str, str] = {}
    for start in range(0, len(names), _BATCH):
        chosen = [{"Key": "Name", "Option": "Equals", "Values": names[start : start + _BATCH]}]
        for page in aws.client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=chosen):
            types |= {parameter["Name"]: parameter["Type"] for parameter in page["Parameters"]}
    return types
