"""Which cause the words of a failure stand for: above all those that cannot be provoked everywhere."""

from __future__ import annotations

import pytest

from scripts import npm_failures


@pytest.mark.parametrize(
    ("status", "line", "expected"),
    [
        (1, "npm error code ENOSPC", "disk"),
        (1, "npm ERR! code ENOSPC", "disk"),
        (1, "npm error code EAI_AGAIN", "network"),
        (1, "npm error code ERR_SOCKET_TIMEOUT", "network"),
        (1, "npm error code SELF_SIGNED_CERT_IN_CHAIN", "certificate"),
        (1, "npm error code DEPTH_ZERO_SELF_SIGNED_CERT", "certificate"),
        (1, "npm error code EINTEGRITY", "integrity"),
        (1, "npm error code E401", "access"),
        (1, "You are using Node.js 18.19.0. Vite requires Node.js version 20.19+ or 22.12+.", "node"),
        (1, "TypeError: crypto.hash is not a function", "node"),
        (134, "", "heap"),
        (-9, "", "memory"),
        (1, "Killed", "memory"),
    ],
)
def test_the_words_and_statuses_of_usual_failures(status: int, line: str, expected: str) -> None:
    cause = npm_failures.cause(status, ["> client@1.0.0 build", line, "    at node:internal/x:1:1"])

    assert cause is not None
    assert cause.name == expected


@pytest.mark.parametrize(
    "line",
    [
        "error TS2304: Cannot find name 'x'.",
        "npm warn EBADENGINE Unsupported engine {",
        "3 tests Killed by mutation",
        "Error: connect ECONNREFUSED 127.0.0.1:27017",
    ],
)
def test_other_words_are_not_guessed_at(line: str) -> None:
    assert npm_failures.cause(1, [line]) is None


def test_words_say_more_than_the_status() -> None:
    cause = npm_failures.cause(134, ["write failed: No space left on device"])

    assert cause is not None
    assert cause.name == "disk"


def test_every_cause_has_a_remedy_and_a_name_of_its_own() -> None:
    names = [cause.name for cause in npm_failures.CAUSES]

    assert len(set(names)) == len(names)
    assert all(cause.why and cause.remedy for cause in npm_failures.CAUSES)


def test_the_lines_that_tell_the_cause_are_shown_even_when_a_long_usage_follows() -> None:
    lines = ["npm error code EUSAGE", "npm error Missing: left-pad@1.3.0", *["npm error Options:"] * 50]
    cause = npm_failures.cause(1, lines)

    assert npm_failures.excerpt(lines, cause, 30)[:2] == lines[:2]
    assert len(npm_failures.excerpt(lines, cause, 30)) == 30


def test_otherwise_the_last_lines_are_shown() -> None:
    lines = [str(number) for number in range(100)]

    assert npm_failures.excerpt(lines, None, 3) == ["97", "98", "99"]
    assert npm_failures.excerpt(["only"], None, 3) == ["only"]
