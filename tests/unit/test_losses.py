"""What is counted before a destroy asks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts import losses
from scripts.console import Console
from scripts.losses import Loss, Losses
from scripts.settings import Settings


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class Account:
    """An account whose operations answer with these pages, or fail."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def client(self, service: str, region: str | None = None) -> Account:
        return self

    def get_paginator(self, operation: str) -> Any:
        answer = self._answers.get(operation, refused("NoSuchBucket"))

        class Paginator:
            def paginate(self, **_: Any) -> Iterator[Any]:
                if isinstance(answer, Exception):
                    raise answer
                yield from answer

        return Paginator()


def count(settings: Settings, **answers: Any) -> dict[str, Loss]:
    found = losses.count(Account(**answers), settings)  # type: ignore[arg-type]
    return {loss.name: loss for loss in found.losses}


def test_what_is_not_there_is_not_lost(default_settings: Settings) -> None:
    assert count(default_settings) == {}


def test_the_users_files_are_counted_over_all_pages(default_settings: Settings) -> None:
    pages = [{"Contents": [{"Size": 1_000_000}] * 2}, {"Contents": [{"Size": 500_000}]}, {}]
    found = count(default_settings, list_objects_v2=pages)["librechat-lambda-files-dev"]
    assert found.amount == "3 objects, 2.5 MB"


def test_counting_very_many_files_ends_early_and_says_so(
    default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_COUNTED", 3)
    pages = [{"Contents": [{"Size": 1}] * 2}] * 100
    found = count(default_settings, list_objects_v2=pages)["librechat-lambda-files-dev"]
    assert found.amount == "more than 3 objects, 3 bytes"


def test_images_log_and_sessions_are_named(default_settings: Settings) -> None:
    group = "/aws/lambda/librechat-lambda-api-dev"
    found = count(
        default_settings,
        describe_images=[{"imageDetails": [{"imageSizeInBytes": 400_000_000}] * 5}],
        describe_log_groups=[
            {
                "logGroups": [
                    {"logGroupName": group, "storedBytes": 1500},
                    {"logGroupName": f"{group}-of-somebody-else", "storedBytes": 9},
                ]
            }
        ],
        describe_replication_groups=[{"ReplicationGroups": [{"MemberClusters": ["one"]}]}],
    )
    assert found["librechat-lambda-api-dev"].amount == "5 images, 2.0 GB"
    assert found[group].amount == "1.5 kB"
    assert "signed out" in found["librechat-lambda-redis-dev"].what


def test_what_could_not_be_counted_is_listed_with_the_reason(default_settings: Settings) -> None:
    found = count(default_settings, describe_images=refused("AccessDenied"))
    assert found["librechat-lambda-api-dev"].amount == "could not be counted: AccessDenied"


def test_the_history_of_the_state_is_listed_when_it_goes_too() -> None:
    out = io.StringIO()
    Console(stdout=out).show(Losses((), "12 versions of the state"))
    assert "12 versions of the state" in out.getvalue()
