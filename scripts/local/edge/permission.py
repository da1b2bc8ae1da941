"""Whether a function's resource policy lets API Gateway invoke it.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
Only what ``aws_lambda_permission`` can write is understood; an unknown condition never holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scripts.local.edge.model import Statement
from scripts.local.edge.wildcard import arn_matches, matches

_PRINCIPAL = "apigateway.amazonaws.com"
_OPERATORS = {
    "StringEquals": lambda pattern, value: pattern == value,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "StringLike": matches,
}


def may_invoke(
    statements: Iterable[Statement], *, function_arn: str, source_arn: str, source_account: str
) -> bool:
    """Whether API Gateway may call ``lambda:InvokeFunction`` for this method. Deny wins."""
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account}
    effects = {
        statement.effect
        for statement in statements
        if _principal(statement.principal)
        and any(matches(action.lower(), "lambda:invokefunction") for action in _list(statement.action))
        and any(
            arn_matches(resource, function_arn) or resource == "*" for resource in _list(statement.resource)
        )
        and _conditions_hold(statement, context)
    }
    return effects == {"Allow"}


def _principal(principal: Any) -> bool:
    if isinstance(principal, dict):
        return _PRINCIPAL in _list(principal.get("Service", ()))
    return bool(principal == "*")


def _conditions_hold(statement: Statement, context: dict[str, str]) -> bool:
    for operator, keys in statement.condition.items():
        compare = _OPERATORS.get(operator)
        for key, patterns in keys.items():
            value = context.get(key.lower())
            if compare is None or value is None:
                return False
            if not any(compare(pattern, value) for pattern in _list(patterns)):
                return False
    return True


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
