"""Requests whose IAM action MiniStack does not know: anybody with a valid signature could make them.

lambda:GetAccountSettings (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html).
What is left without an action is refused to everybody but the account itself (`scripts.local.admission`).
"""

from __future__ import annotations

from typing import Any

from scripts.local.extensions import Context, replace

_ACCOUNT_SETTINGS = "/2016-08-19/account-settings"


def install(context: Context) -> None:
    """Name the actions."""
    from ministack.core import iam_actions

    def naming(original: Any) -> Any:
        def extract_iam_action(service: str, method: str, path: str, *more: Any) -> str | None:
            if (service, method, path.rstrip("/")) == ("lambda", "GET", _ACCOUNT_SETTINGS):
                return "lambda:GetAccountSettings"
            found: str | None = original(service, method, path, *more)
            return found

        return extract_iam_action

    replace(iam_actions, "extract_iam_action", naming)
