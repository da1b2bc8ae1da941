"""Ids chosen beforehand, for resources that the tfvars name and nobody here created.

AWS gives ids at random; the rehearsal needs the very ids of the tfvars for what the account is
supposed to hold already. `scripts.local.seed` announces an id through a private route and then
creates the resource over the ordinary API, which takes it.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from scripts.local.extensions import Context, replace

ROUTE = "/_rehearsal/next-id"

_waiting: defaultdict[str, deque[str]] = defaultdict(deque)


def install(context: Context) -> None:
    """Let the id makers of the seeded resources take an announced id first."""
    from ministack.services import acm, ec2, route53

    replace(ec2, "_new_vpc_id", _taking("vpc"))
    replace(ec2, "_new_subnet_id", _taking("subnet"))
    replace(ec2, "_new_sg_id", _taking("security-group"))
    replace(route53, "_zone_id", _taking("hosted-zone"))
    replace(acm, "new_uuid", _taking("certificate"))


def announce(body: bytes) -> None:
    """Take a ``{"kind": …, "id": …}``: the next resource of that kind gets the id."""
    request = json.loads(body)
    _waiting[request["kind"]].append(request["id"])


def _taking(kind: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def new_id() -> str:
            return _waiting[kind].popleft() if _waiting[kind] else original()

        return new_id

    return make
