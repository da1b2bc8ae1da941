"""What a destroy loses that no deploy brings back, with its size: counted before the question is asked.

It reads the account, not the state: a destroy that was interrupted has forgotten some of it already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts import daemons
from scripts.aws import Aws, error_code
from scripts.inventory import PREFIX
from scripts.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

_COUNTED = 100_000
"""Objects at which counting ends: a thousand come with a request, and the question must not wait for ever."""


@dataclass(frozen=True)
class Loss:
    """One kind of data that goes.

    Attributes:
        what: What it is to its owners.
        name: Of the resource that holds it.
        count: Number of pieces; None when they have none.
        unit: What a piece is.
        size: Bytes; None when they are not known.
        at_least: There is more: counting ended early.
        reason: Why it could not be counted; empty when it was.
    """

    what: str
    name: str
    count: int | None = None
    unit: str = ""
    size: int | None = None
    at_least: bool = False
    reason: str = ""

    @property
    def amount(self) -> str:
        """Number and size: ``1,234 objects, 5.6 MB``."""
        if self.reason:
            return f"could not be counted: {self.reason}"
        plural = "" if self.count == 1 else "s"
        counted = [] if self.count is None else [f"{self.count:,} {self.unit}{plural}"]
        counted += [] if self.size is None else [_bytes(self.size)]
        return ("more than " if self.at_least else "") + ", ".join(counted)


@dataclass(frozen=True)
class Losses:
    """All that goes. An `Outcome` of the console."""

    losses: tuple[Loss, ...]
    history: str = field(default="")
    """What ``--purge-state`` loses; empty: the state stays."""

    type = "losses"

    def to_json(self) -> dict[str, Any]:
        """Each loss with its numbers; a number that is not known is null."""
        return {
            "losses": [
                {
                    "what": loss.what,
                    "name": loss.name,
                    "count": loss.count,
                    "bytes": loss.size,
                    "amount": loss.amount,
                    "at_least": loss.at_least,
                    "reason": loss.reason,
                }
                for loss in self.losses
            ],
            "state_history": self.history,
        }

    def __rich__(self) -> RenderableType:
        """A table, the users' files first."""
        from rich.table import Table
        from rich.text import Text

        table = Table("Lost for good", "In", "How much", box=None, pad_edge=False)
        for loss in self.losses:
            table.add_row(Text(loss.what, "bold red"), Text(loss.name), Text(loss.amount))
        if self.history:
            table.add_row(Text("the state's history", "bold red"), Text(""), Text(self.history))
        return table


def count(aws: Aws, settings: Settings, history: str = "") -> Losses:
    """Count what is there, side by side; what is not there is not listed."""
    kinds = (_files, _images, _log, _sessions)
    found = daemons.each(lambda kind: _counted(kind, aws, settings.environment), kinds, parallel=len(kinds))
    return Losses(tuple(loss for losses in found for loss in losses), history)


_ABSENT = ("NoSuchBucket", "404", "RepositoryNotFoundException", "ReplicationGroupNotFoundFault")


def _counted(kind: Any, aws: Aws, environment: str) -> list[Loss]:
    what, name, find = kind(aws, environment)
    try:
        return list(find)
    except Exception as error:
        if error_code(error) in _ABSENT:
            return []
        return [Loss(what, name, reason=error_code(error) or f"{type(error).__name__}: {error}")]


_Look = tuple[str, str, Iterator[Loss]]


def _files(aws: Aws, environment: str) -> _Look:
    what, name = "the users' files", f"{PREFIX}files-{environment}"

    def find() -> Iterator[Loss]:
        number = size = 0
        for found in _pages(aws, "s3", "list_objects_v2", "Contents", Bucket=name):
            number, size = number + 1, size + int(found["Size"])
            if number >= _COUNTED:
                yield Loss(what, name, number, "object", size, at_least=True)
                return
        yield Loss(what, name, number, "object", size)

    return what, name, find()


def _images(aws: Aws, environment: str) -> _Look:
    what, name = "images, those to roll back to among them", f"{PREFIX}api-{environment}"

    def find() -> Iterator[Loss]:
        images = list(_pages(aws, "ecr", "describe_images", "imageDetails", repositoryName=name))
        size = sum(image.get("imageSizeInBytes", 0) for image in images)
        yield Loss(what, name, len(images), "image", size)

    return what, name, find()


def _log(aws: Aws, environment: str) -> _Look:
    what, name = "the function's log", f"/aws/lambda/{PREFIX}api-{environment}"

    def find() -> Iterator[Loss]:
        groups = _pages(aws, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
        for group in groups:
            if group["logGroupName"] == name:
                yield Loss(what, name, size=int(group.get("storedBytes", 0)))

    return what, name, find()


def _sessions(aws: Aws, environment: str) -> _Look:
    what, name = "sessions in Redis: everybody is signed out", f"{PREFIX}redis-{environment}"

    def find() -> Iterator[Loss]:
        groups = _pages(
            aws, "elasticache", "describe_replication_groups", "ReplicationGroups", ReplicationGroupId=name
        )
        for group in groups:
            yield Loss(what, name, len(group.get("MemberClusters", ())), "node")

    return what, name, find()


def _pages(aws: Aws, service: str, operation: str, key: str, **arguments: str) -> Iterator[Mapping[str, Any]]:
    for page in aws.client(service).get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
