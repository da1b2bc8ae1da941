"""The run before this one, out of the records of releases.

A deploy and a rollback record the smoke checks that proved them; `inv smoke` alone records nothing. So the
previous run of a deployment is the one that its newest record holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from scripts.releases.record import Release
from scripts.releases.store import Store

_LOOK_BACK = 5
"""Records without checks are failed applies, or older than this part of the record; that many in a row mean
that there is nothing worth a comparison."""


def previous_run(store: Store) -> Mapping[str, Any] | None:
    """The newest recorded run, in the shape of `Report.to_json`; None when no record holds one.

    Args:
        store: The records of this target and environment (`scripts.releases.open_store`).

    Raises:
        BotoCoreError, ClientError, OSError: when the records cannot be read.
    """
    for id in islice(store.ids(), _LOOK_BACK):
        if run := _run(store.get(id)):
            return run
    return None


def _run(release: Release) -> Mapping[str, Any] | None:
    if not release.smoke.checks:
        return None
    return {
        "release": release.id,
        "started": release.ended,
        "seconds": release.smoke.seconds,
        "checks": [
            {
                "id": check.id,
                "title": check.title,
                "status": check.status,
                "measured": check.measured,
                "limit": check.limit,
                "seconds": check.seconds,
                "details": dict(check.figures),
            }
            for check in release.smoke.checks
        ],
    }
