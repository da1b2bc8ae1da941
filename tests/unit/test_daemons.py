"""Work in daemon threads, and those who use it: Ctrl-C does not wait for a service that hangs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts import daemons, inventory, losses, releases, status
from scripts.releases import Release
from scripts.releases.record import Place
from scripts.releases.store import Store
from scripts.settings import Settings
from scripts.state import Head
from scripts.target import Target

HANGS = 20.0
"""Seconds: longer than any test takes to get past the wait that it is about."""


def test_results_are_in_the_order_of_the_items() -> None:
    assert daemons.each(str, range(20), parallel=3) == [str(n) for n in range(20)]


def test_an_error_reaches_the_one_who_waits() -> None:
    with pytest.raises(ZeroDivisionError):
        daemons.start(lambda: 1 // 0).result()


def test_no_more_than_allowed_work_at_once() -> None:
    seen: list[int] = []
    working: set[int] = set()
    two = threading.Barrier(2)

    def work(item: int) -> None:
        working.add(item)
        two.wait(HANGS)  # breaks unless two are there
        seen.append(len(working))
        two.wait(HANGS)
        working.discard(item)

    daemons.each(work, range(6), parallel=2)
    assert max(seen) == 2


class Hanging:
    """An account, a state and a storage of releases: every answer of theirs is long in coming."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[threading.Thread] = []
        self.answered = 0

    def client(self, service: str, region: str | None = None) -> Hanging:
        return self

    def names(self) -> list[str]:
        return ["20260102T030405678Z-1a2b3c.json"]

    def get_paginator(self, operation: str) -> Hanging:
        return self

    def exists(self) -> bool:
        return True

    def head(self) -> Head:
        return Head("l", 1, 1, {"function_name": "f"})

    def lock(self) -> None:
        return None

    where = "s3://b/k"
    place = "s3://b/r/"

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("__"):
            raise AttributeError(operation)
        return self._hang

    def _hang(self, *_: Any, **__: Any) -> Any:
        self.asked.append(threading.current_thread())
        self.released.wait(HANGS)
        self.answered += 1
        return {}


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    account = Hanging()
    yield account
    account.released.set()
    for thread in account.asked:
        if thread is not threading.main_thread():
            thread.join()


def _status(aws: Any, settings: Settings) -> object:
    return status._deployment(settings, Target("aws", {}, aws), status.Status("aws", "dev", "r", "1"))


def _look(aws: Any, settings: Settings) -> object:
    release = Release("20260102T030405Z-1a2b3c", place=Place("f", "b", "r.x/n"))
    return releases.look(aws, [release])


Take = Callable[[Any, Settings], object]


@pytest.mark.parametrize(
    "take",
    [inventory.take, losses.count, _status, _look, lambda storage, _: Store(storage).newest()],
    ids=["inventory", "losses", "status", "releases", "records"],
)
def test_ctrl_c_waits_for_no_look_that_hangs(
    take: Take, hanging: Hanging, default_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "state_of", lambda *_: hanging)
    main = threading.main_thread().ident
    assert main is not None
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
        take(hanging, default_settings)
        hanging.released.wait(HANGS)  # nobody else shall get the signal when a test fails
    assert hanging.asked and not hanging.answered
    assert all(thread.daemon for thread in hanging.asked if thread is not threading.main_thread())
