"""Only requests of AWS's APIs are served: by service, with credentials, under IAM.

MiniStack looks at some paths and host names before that: administration, health, OAuth pages, function URLs,
data planes, CORS preflights, most of them without credentials. None is part of AWS's API endpoints. What of
them a rehearsal needs has a way of its own (`scripts.local.extensions.data_plane`).

To MiniStack the access key ``test``, and none at all, are the root user's; here they are nobody's.
"""

from __future__ import annotations

import re
from typing import Any

from scripts.local.extensions import Context, replace

_EARLY = ("_handle_pre_body_request", "_handle_post_body_shortcuts", "_handle_special_data_plane_request")
_ACCOUNT_ID = re.compile(r"\d{12}")


def install(context: Context) -> None:
    """Close the routes, and let two kinds of keys be root's: the account's, and the id of another account."""
    from ministack import app
    from ministack.core import iam_evaluator

    async def nothing(*_: Any, **__: Any) -> None:
        """No answer: the request goes on to the service."""

    for name in _EARLY:
        replace(app, name, lambda _: nothing)

    def is_root_access_key(key: str) -> bool:
        return key == context.credentials.access_key_id or _ACCOUNT_ID.fullmatch(key) is not None

    replace(iam_evaluator, "is_root_access_key", lambda _: is_root_access_key)
