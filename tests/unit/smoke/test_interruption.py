"""A signal while requests are under way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.smoke import interruption


@pytest.fixture
def handlers() -> Iterator[dict[int, Any]]:
    """Handlers of our own, as a task has them; those of the test run are put back."""

    def ours(number: int, frame: object) -> None:
        raise AssertionError("a signal reached the handler that raises anywhere")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, ours) for number in numbers}
    yield dict.fromkeys(numbers, ours)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_cancels_the_work_which_ends_in_order(number: int, handlers: dict[int, Any]) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            signal.raise_signal(number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("in order")

    with pytest.raises(KeyboardInterrupt):
        interruption.run(work())
    assert ended == ["in order"]
    assert signal.getsignal(number) is handlers[number]


def test_work_that_ends_by_itself_gives_its_result_and_leaves_the_handlers(handlers: dict[int, Any]) -> None:
    assert interruption.run(asyncio.sleep(0, "done")) == "done"
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_signal_in_the_last_moment_is_not_lost(handlers: dict[int, Any]) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGINT)
        return "done"  # the loop does not come round again

    with pytest.raises(KeyboardInterrupt):
        interruption.run(work())
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_signal_before_the_work_begins_cancels_it(
    handlers: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, asyncio_run = [], asyncio.run

    def interrupted_run(main: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return asyncio_run(main)

    async def work() -> None:
        begun.append(True)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "run", interrupted_run)
    with pytest.raises(KeyboardInterrupt):
        interruption.run(work())
    assert begun == [True], "a coroutine that is never awaited is a warning in somebody's terminal"


def test_a_signal_that_is_ignored_stays_ignored(handlers: dict[int, Any]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def work() -> str:
        signal.raise_signal(signal.SIGHUP)
        return await asyncio.sleep(0, "done")

    assert interruption.run(work()) == "done"


async def test_beside_the_main_thread_signals_are_left_alone() -> None:
    assert await asyncio.to_thread(interruption.run, asyncio.sleep(0, "done")) == "done"


def test_whoever_interrupts_is_told_what_happens_first(
    handlers: dict[int, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        with interruption.promised("Deleting it."):
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        interruption.run(work())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip() == "Interrupted. Deleting it. Ctrl-C again ends without that."


def test_a_second_signal_ends_what_was_promised(
    handlers: dict[int, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        with interruption.promised("Deleting it."):
            try:
                signal.raise_signal(signal.SIGINT)
                await asyncio.Event().wait()
            finally:
                signal.raise_signal(signal.SIGINT)
                await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        interruption.run(work())
    assert capsys.readouterr().err.count("Interrupted") == 1
