"""CloudFront functions that are called at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scripts.local.extensions.cloudfront_functions import at_most


def test_more_calls_than_workers_wait_and_are_all_answered() -> None:
    running, go_on = threading.Semaphore(0), threading.Event()

    def evaluate(code: bytes, event: Mapping[str, Any]) -> Any:
        running.release()
        go_on.wait()
        return event["uri"]

    with ThreadPoolExecutor(5) as viewers:
        limited = at_most(2, evaluate)
        answers = [viewers.submit(limited, b"", {"uri": f"/{number}"}) for number in range(5)]
        assert running.acquire(timeout=30)
        assert running.acquire(timeout=30)
        assert not running.acquire(timeout=0.2)
        go_on.set()
        assert [answer.result(30) for answer in answers] == [f"/{number}" for number in range(5)]


def test_a_function_that_fails_makes_room_for_the_next() -> None:
    def evaluate(code: bytes, event: Mapping[str, Any]) -> Any:
        if code == b"wrong":
            raise ValueError("not defined")
        return "answered"

    limited = at_most(1, evaluate)
    with pytest.raises(ValueError, match="not defined"):
        limited(b"wrong", {})
    assert limited(b"right", {}) == "answered"
