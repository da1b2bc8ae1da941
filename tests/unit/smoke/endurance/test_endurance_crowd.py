"""How large a crowd is, and what becomes of each stream in it."""

from __future__ import annotations

import httpx
import pytest

from scripts.smoke.endurance import rehearsal
from scripts.smoke.endurance.crowd import judged
from scripts.smoke.endurance.diagnostic import DiagnosticStream
from scripts.smoke.endurance.rehearsal import room_for
from scripts.smoke.stream.causes import Cause
from tests.unit.smoke.endurance.made import events, recording, whole

STREAM = DiagnosticStream(chunks=8, interval=0.5, name="s1")


def name_of(trouble: Cause | None) -> str:
    return trouble.name if trouble else ""


def machine(monkeypatch: pytest.MonkeyPatch, *, cores: int, memory: int | None) -> None:
    monkeypatch.setattr(rehearsal.os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(rehearsal.resources, "available_memory", lambda: memory)


def test_a_machine_with_room_serves_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cores=16, memory=64_000_000_000)
    assert room_for(20) == (20, "")


@pytest.mark.parametrize(
    ("cores", "memory", "most", "why"),
    [
        (2, 64_000_000_000, 8, "2 cores"),
        (16, 3_000_000_000, 6, "3.0 GB of memory free"),
        (16, 200_000_000, 2, "0.2 GB of memory free"),
        (16, None, 20, "20 environments at most"),
    ],
)
def test_a_machine_without_room_serves_fewer_and_says_why(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None, most: int, why: str
) -> None:
    machine(monkeypatch, cores=cores, memory=memory)
    count, reason = room_for(50)
    assert count == most
    assert why in reason


def test_a_stream_that_came_as_it_was_sent_is_fine() -> None:
    assert judged(STREAM, whole(STREAM)) is None


def test_a_stream_that_waited_for_a_cold_start_is_fine() -> None:
    assert judged(STREAM, whole(STREAM, delay=8.0)) is None


def test_a_stream_that_was_buffered_is_not() -> None:
    late = recording(list(events(STREAM, [n / 2 for n in range(8)])), [4.0] * 9)
    assert name_of(judged(STREAM, late)) == "buffered_whole"


def test_a_stream_that_was_refused_points_at_the_concurrency() -> None:
    trouble = judged(STREAM, recording([], [], status=500, headers=(("content-type", "application/json"),)))
    assert trouble is not None and trouble.name == "refused"
    assert "Concurrent executions" in trouble.next_step


def test_a_stream_with_the_events_of_another_is_mixed_up() -> None:
    other = DiagnosticStream(chunks=8, interval=0.5, name="s2")
    trouble = judged(STREAM, whole(other))
    assert trouble is not None and trouble.name == "mixed_up"
    assert "s2 in s1" in trouble.sentence


def test_no_answer_is_said_and_a_fault_of_ours_is_not_hidden() -> None:
    assert name_of(judged(STREAM, httpx.ReadTimeout("slow"))) == "no_answer"
    with pytest.raises(ZeroDivisionError):
        judged(STREAM, ZeroDivisionError())
