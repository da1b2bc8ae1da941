"""Releases: the record of each deploy, what is live, and the way back to an earlier one.

`Release` is the record, `open_store` where it is kept, `look` what the account says now, `choice` which
release a rollback brings back.
"""

from scripts.releases.account import Present, live, look
from scripts.releases.choice import Situation
from scripts.releases.record import Ending, Kind, Release, new_id
from scripts.releases.store import Store, open_store

__all__ = [
    "Ending",
    "Kind",
    "Present",
    "Release",
    "Situation",
    "Store",
    "live",
    "look",
    "new_id",
    "open_store",
]
