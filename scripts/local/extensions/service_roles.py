"""How the Lambda service of the rehearsal gets the credentials of a function's role.

On AWS the service assumes the role inside AWS, and the account's root user may not call AssumeRole at
all (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). So that otherwise
impossible call stands for the service: it succeeds exactly when the trust policy lets
``lambda.amazonaws.com`` in. MiniStack lets root through for any service, and for its own account.
"""

from __future__ import annotations

import json
from typing import Any

from scripts.local.extensions import Context, replace

LAMBDA = "lambda.amazonaws.com"


def install(context: Context) -> None:
    """Judge AssumeRole by the root user as AssumeRole by Lambda."""
    from ministack.core import iam_evaluator

    def judged(original: Any) -> Any:
        def evaluate_trust_policy(document: Any, caller: str, evaluation: Any = None) -> bool:
            if not caller.endswith(":root"):
                return bool(original(document, caller, evaluation))
            return trusts_lambda(document)

        return evaluate_trust_policy

    replace(iam_evaluator, "evaluate_trust_policy", judged)


def trusts_lambda(document: Any) -> bool:
    """Whether a role's trust policy lets the Lambda service assume it."""
    from ministack.core import iam_evaluator

    context = iam_evaluator.EvalContext(
        principal_arn=LAMBDA,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn="*",
        region="",
    )
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    ours = [
        {**statement, "Resource": "*"}
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if iam_evaluator._service_principal_matches(statement.get("Principal"), LAMBDA)
    ]
    parsed = iam_evaluator.parse_policy_document({"Statement": ours})
    return bool(iam_evaluator.evaluate(context, [parsed]).decision == "Allow")
