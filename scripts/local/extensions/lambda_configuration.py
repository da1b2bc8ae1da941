"""What Lambda checks about a function's role, network and environment before it accepts them.

Restores, for CreateFunction and UpdateFunctionConfiguration:

- the role can be assumed by Lambda and may make network interfaces when there is a VPC
  (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions);
- subnets and security groups exist;
- environment variables are at most 4 KB and none is reserved
  (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scripts.local.extensions import Context, Response, replace
from scripts.local.extensions.lambda_images import refuse
from scripts.local.extensions.service_roles import trusts_lambda

_ENVIRONMENT_BYTES = 4096
_RESERVED = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}  # fmt: skip


def install(context: Context) -> None:
    """Wrap the two calls that configure a function."""
    from ministack.services import lambda_svc

    def creating(original: Any) -> Any:
        def create(data: dict[str, Any]) -> Response:
            response: Response = _refusal(data) or original(data)
            return response

        return create

    def updating(original: Any) -> Any:
        def update(name: str, data: dict[str, Any]) -> Response:
            stored = (lambda_svc._functions.get(name) or {}).get("config", {})
            response: Response = _refusal({"Role": stored.get("Role"), **data}) or original(name, data)
            return response

        return update

    replace(lambda_svc, "_create_function", creating)
    replace(lambda_svc, "_update_config", updating)


def _refusal(data: Mapping[str, Any]) -> Response | None:
    variables = (data.get("Environment") or {}).get("Variables") or {}
    network = data.get("VpcConfig") or {}
    problem = (
        _environment_problem(variables)
        or _role_problem(data.get("Role") or "", in_vpc=bool(network.get("SubnetIds")))
        or _network_problem(network)
    )
    return refuse(problem) if problem else None


def _environment_problem(variables: Mapping[str, str]) -> str:
    because = (
        "Lambda was unable to configure your environment variables because the environment variables you have"
    )
    if reserved := sorted(_RESERVED & set(variables)):
        return (
            f"{because} provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    text = json.dumps(variables, separators=(",", ":"))
    if len(text.encode()) > _ENVIRONMENT_BYTES:
        return f"{because} provided exceeded the 4KB limit. String measured: {text}"
    return ""


def _role_problem(role_arn: str, *, in_vpc: bool) -> str:
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import iam

    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    if not role:
        return ""  # MiniStack answers this one itself.
    if not trusts_lambda(role.get("AssumeRolePolicyDocument", "{}")):
        return "The role defined for the function cannot be assumed by Lambda."
    if not in_vpc:
        return ""
    evaluation = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action="ec2:CreateNetworkInterface",
        resource_arn="*",
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, get_account_id())
    if iam_evaluator.evaluate(evaluation, policies).decision != "Allow":
        return "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"
    return ""


def _network_problem(network: Mapping[str, Any]) -> str:
    from ministack.services import ec2

    for kind, ids, stored, code in (
        ("Subnets", network.get("SubnetIds"), ec2._subnets, "InvalidSubnetID.NotFound"),
        ("SecurityGroups", network.get("SecurityGroupIds"), ec2._security_groups, "InvalidGroup.NotFound"),
    ):
        for resource_id in ids or []:
            if resource_id not in stored:
                return (
                    f"Error occurred while Describe{kind}. EC2 Error Code: {code}. "
                    f"EC2 Error Message: '{resource_id}' does not exist"
                )
    if network.get("SubnetIds") and not network.get("SecurityGroupIds"):
        return "Security Group IDs are required when Subnet IDs are given."
    return ""
