"""Reports as JSON, made by hand: what `Report.to_json` gives, and what a record keeps."""

from __future__ import annotations

from typing import Any

INTERVAL = 100.0
COUNT = 20


def on_time(count: int = COUNT, *, after: float = 40.0) -> list[float]:
    """Arrivals at the sender's pace."""
    return [after + n * INTERVAL for n in range(count)]


def stream(arrivals: list[float], **more: Any) -> dict[str, Any]:
    """Details of a stream of 20 events, one every 100 ms."""
    return {
        "verdict": "progressive",
        "cause": "progressive",
        "interval_ms": INTERVAL,
        "expected": COUNT,
        "to_headers_ms": 30.0,
        "to_first_byte_ms": 35.0,
        "to_first_event_ms": arrivals[0] if arrivals else 0.0,
        "total_ms": (arrivals[-1] if arrivals else 0.0) + 5,
        "arrivals_ms": arrivals,
        "heartbeats_ms": [],
    } | more


def check(id: str = "US1.2", status: str = "passed", **more: Any) -> dict[str, Any]:
    return {"id": id, "title": f"title of {id}", "status": status, "seconds": 0.25} | more


def report(*checks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "url": "https://chat.example.test",
        "started": "2026-01-02T03:04:05.678Z",
        "seconds": 5.25,
        "checks": list(checks),
        "function_log": [],
        "deployed": {"release": "20260102T030405678Z-1a2b3c", "transfer_mode": "STREAM"},
        "options": {"only": [], "skip": [], "chat": False, "long": False},
    } | more
