"""One publication goes live at a time: the claim on a bucket.

Uploads need none, they only add. Who wants to go live writes himself into the index as its holder, on
condition that the index is the one that he had read before his listing (`If-Match`). So nobody has gone
live or deleted anything in between, and what the listing showed is still there. Otherwise he begins anew.
A holder that dies leaves his claim behind: by S3's own clock it ends by itself.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from dataclasses import replace

from scripts.errors import DeployError
from scripts.frontend.bucket import Bucket, ChangedError
from scripts.frontend.releases import INDEX, Index, index_of
from scripts.progress import Notice, Progress
from scripts.whoami import user_at_host

LEASE_SECONDS = 60.0
"""Age at which a claim ends. Going live takes seconds: nothing is uploaded under a claim."""

_POLL_SECONDS = 1.0


def read(place: Bucket, progress: Progress) -> tuple[Index, str]:
    """The index and its ETag (empty: none yet), once nobody holds it."""
    told = False
    while True:
        document = place.document(INDEX)
        index = index_of(place, document)
        if document is None or not index.holder or document.age >= LEASE_SECONDS:
            return index, document.etag if document else ""
        if not told:
            progress(Notice(f"Waiting for another publication to s3://{place.name} ({index.holder})"))
            told = True
        time.sleep(_POLL_SECONDS)


class Claim:
    """The right to change what is served. Made by `take`; `finish` or `abandon` ends it."""

    def __init__(self, place: Bucket, index: Index, etag: str) -> None:
        self._place = place
        self._etag = etag
        self.index = index

    @classmethod
    def take(cls, place: Bucket, index: Index, etag: str) -> Claim:
        """Write `index` with us as its holder, in the place of the version with this ETag.

        Raises:
            ChangedError: when somebody else was first.
        """
        # Unlike any other holder's text, so that we know our own write again.
        held = replace(index, live="", holder=f"{user_at_host()} {uuid.uuid4().hex[:8]}")
        return cls(place, held, place.put_document(INDEX, held.to_json(), replaces=etag))

    def renew(self) -> None:
        """Make sure that the claim is still ours, and begin its time again.

        Raises:
            DeployError: when somebody has taken it over.
        """
        # The same object again would keep its ETag, and who took over an old claim could not tell.
        who, _, _ = self.index.holder.rpartition(" ")
        self._write(replace(self.index, holder=f"{who} {uuid.uuid4().hex[:8]}"))

    def finish(self, index: Index) -> None:
        """Write the index as it is now that everything is live.

        Raises:
            DeployError: when somebody has taken the claim over.
        """
        self._write(replace(index, holder=""))

    def abandon(self) -> None:
        """Give the claim back unfinished. What fails here must not hide what failed before."""
        with contextlib.suppress(Exception):
            self._write(replace(self.index, holder=""))

    def _write(self, index: Index) -> None:
        try:
            self._etag = self._place.put_document(INDEX, index.to_json(), replaces=self._etag)
        except ChangedError as error:
            raise DeployError(
                "Somebody else publishes the frontend at this moment",
                f"This publication to s3://{self._place.name} stood still for more than "
                f"{LEASE_SECONDS:.0f} seconds, and another one went on without it.",
                "Look which release is live (inv frontend.releases), and publish again if it is not yours.",
            ) from error
        self.index = index
