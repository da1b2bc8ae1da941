"""How many streams the account has room for without taking from those who use it.

Lambda serves one request per environment, and the account has a limited number of them for all of its
functions. A function with reserved concurrency has its own share, the others have what is left.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from scripts.aws import HURRIED, Aws, error_code
from scripts.smoke.model import NotCheckedError

SHARE = 4
"""One of so many environments may be ours; the others stay with the users."""

LEAST = 2
"""Streams that make a crowd."""

SMALLEST_QUOTA = 10
"""What a new account may have. It stands for what is not known."""


def room_on_aws(aws: Aws | None, function: str, asked: int) -> tuple[int, str]:
    """How many streams at once the function may be asked for, and why not as many as `asked`; blocks.

    Args:
        aws: The account; None when nothing but the address is known.
        function: Lambda's name; empty when it is not known.
        asked: How many are wished for.

    Raises:
        NotCheckedError: when even a small crowd would take more than its share.
    """
    has, told = _environments(aws, function)
    most = has // SHARE
    if most < LEAST:
        raise NotCheckedError(
            f"{told}: a crowd would take more than a quarter of that from those who use it. Raise the quota "
            "`Concurrent executions`, or reserved_concurrent_executions of the function"
        )
    return (asked, "") if asked <= most else (most, f"{told}, of which a quarter is taken at most")


def _environments(aws: Aws | None, function: str) -> tuple[int, str]:
    """How many environments the function may have, and who says so."""
    unknown = f"the account's concurrency is not known ({{}}), and a new account has {SMALLEST_QUOTA}"
    if aws is None or not function:
        return SMALLEST_QUOTA, unknown.format("only the address is")
    from botocore.exceptions import BotoCoreError, ClientError

    client = aws.with_patience(HURRIED).client("lambda")
    try:
        reserved = client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
        if reserved is not None:
            return reserved, f"{reserved} environments are reserved for the function"
        left = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    except (BotoCoreError, ClientError) as error:
        return SMALLEST_QUOTA, unknown.format(error_code(error) or error)
    return left, f"the functions of the account share {left} environments"
