"""What a push would change, shown without secrets."""

from __future__ import annotations

from io import StringIO

from scripts import app_config
from scripts.app_config import ConfigDiff
from scripts.console import Console

LOCATION = "s3://bucket/librechat.yaml"


def diff(old: str | None, new: str) -> ConfigDiff:
    return app_config.compare(old, new, location=LOCATION, source="librechat.yaml")


def test_the_same_text_is_no_change() -> None:
    same = diff("cache: true\n", "cache: true\n")
    assert not same.changed
    assert same.to_json()["diff"] == ""


def test_a_change_is_shown_with_the_lines_around_it() -> None:
    old = "".join(f"k{n}: {n}\n" for n in range(20))
    changed = diff(old, old.replace("k9: 9\n", "k9: nine\nnew: 1\n"))
    assert changed.lines == (
        "@@ -7,7 +7,8 @@",
        " k6: 6", " k7: 7", " k8: 8", "-k9: 9", "+k9: nine", "+new: 1", " k10: 10", " k11: 11", " k12: 12",
    )  # fmt: skip


def test_a_file_that_is_not_there_yet_is_all_new() -> None:
    first = diff(None, "cache: true\nversion: 1.2.8\n")
    assert first.changed
    assert first.to_json()["diff"].splitlines() == [
        "--- /dev/null", "+++ librechat.yaml", "@@ -0,0 +1,2 @@", "+cache: true", "+version: 1.2.8",
    ]  # fmt: skip


def test_a_secret_that_was_replaced_is_seen_as_a_change_and_neither_is_seen() -> None:
    changed = diff("ocr:\n  apiKey: hunter2\n", "ocr:\n  apiKey: hunter3\n")
    assert changed.lines == ("@@ -1,2 +1,2 @@", " ocr:", "-  apiKey: •••", "+  apiKey: •••")


def test_the_bucket_may_hold_what_is_not_yaml() -> None:
    assert "-•••" in diff("{{{ hunter2\n", "cache: true\n").lines


def test_other_ends_of_lines_are_a_change_too() -> None:
    changed = diff("cache: true\r\n", "cache: true\n")
    assert changed.changed
    assert "ends of lines" in changed.lines[0]


def test_a_diff_is_drawn_as_it_is_without_markup() -> None:
    out = StringIO()
    Console(stdout=out).show(diff(None, "a: [bold]\nb: ':lock:'\n"))
    assert "+a: [bold]\n+b: ':lock:'\n" in out.getvalue()
