"""Content addressing: lines in byte order, and a cache without half-made entries."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.content import build_once, content_lines, files_below


def test_a_directory_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    assert build_once(tmp_path / "key", made.append) is False
    assert build_once(tmp_path / "key", made.append) is True
    assert len(made) == 1


def test_an_interrupted_build_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    def interrupted(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_once(tmp_path / "key", interrupted)

    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_whoever_comes_second_waits_for_the_first_and_uses_its_result(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(directory: Path) -> None:
        begun.set()
        go_on.wait(60)
        (directory / "result").write_text("first")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(build_once, tmp_path / "key", slow)
        assert begun.wait(60)
        second = pool.submit(build_once, tmp_path / "key", slow)
        go_on.set()

        assert (first.result(60), second.result(60)) == (False, True)


def age(directory: Path, days: float) -> None:
    then = time.time() - days * 24 * 3600
    os.utime(directory, (then, then))


def test_a_new_build_removes_old_ones_that_nobody_has_used_for_a_day(tmp_path: Path) -> None:
    for days, name in enumerate(("yesterday", "older", "oldest", ".unfinished.x"), start=2):
        (tmp_path / name).mkdir()
        age(tmp_path / name, days)
    (tmp_path / "today").mkdir()

    build_once(tmp_path / "new", lambda unfinished: None, keep=3)

    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"new", "today", "yesterday"}


def test_what_another_run_may_be_using_stays(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        age(tmp_path / name, 2)
        assert build_once(tmp_path / name, lambda unfinished: None, keep=1), "used now"

    build_once(tmp_path / "new", lambda unfinished: None, keep=1)

    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"a", "b", "c", "new"}


def test_lines_are_in_byte_order_and_skipped_directories_are_absent(tmp_path: Path) -> None:
    for name in ("b/x", "b-a", "A", "skipped/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    lines = content_lines(tmp_path, files_below(tmp_path, skip={"skipped"}))

    assert [line.split()[0] for line in lines] == ["A", "b-a", "b/x"]
