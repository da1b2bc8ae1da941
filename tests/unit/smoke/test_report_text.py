"""What may be shown of text that came from elsewhere, and how figures are written."""

from __future__ import annotations

import pytest

from scripts.smoke.model import Status
from scripts.smoke.report.run import Checked, Run
from scripts.smoke.report.text import LONGEST, duration, moment, shown, size
from tests.unit.smoke.reports import check, report


def test_control_characters_are_seen_instead_of_obeyed() -> None:
    assert shown("a\x1b[31mb\x00c\rd") == "a\\x1b[31mb\\x00c\\rd"


def test_half_characters_and_directional_overrides_are_seen_too() -> None:
    assert shown("\ud800 \u202e \ufffe") == "\\ud800 \\u202e \\ufffe"


def test_what_people_write_stays_as_it_is() -> None:
    assert shown("þetta er prófun – ✓ 漢字\nnext\tcolumn\r\n") == "þetta er prófun – ✓ 漢字\nnext    column\n"


def test_what_is_shown_can_always_be_encoded() -> None:
    every = "".join(chr(point) for point in range(0x300)) + "\udfff\U0010ffff"
    assert shown(every).encode("utf-8").decode("utf-8") == shown(every)


def test_a_text_that_never_ends_is_cut_and_says_so() -> None:
    assert shown("x" * (LONGEST + 7)).endswith("\n[7 more characters]")


def test_credentials_are_taken_out() -> None:
    text = shown("authorization: Bearer MARKED\ncookie: a=MARKED; b=MARKED\nhttps://x/?token=MARKED")
    assert "MARKED" not in text
    assert "authorization" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (0.3124, "312 ms"), (0.9996, "1.00 s"), (3.946, "3.95 s"), (92.4, "92 s")],
)
def test_durations_have_the_unit_that_suits_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes_have_the_unit_that_suits_them() -> None:
    assert [size(count) for count in (764, 10240, 20 * 1024**2)] == ["764 B", "10 KiB", "20.0 MiB"]


def test_a_moment_is_told_in_utc_wherever_it_was_written_down() -> None:
    assert moment("2026-01-02T03:04:05.678Z") == "2 January 2026, 03:04 UTC"
    assert moment("2026-01-02T03:04:05+02:00") == "2 January 2026, 01:04 UTC"
    assert moment("yesterday") == ""


def test_the_headline_says_the_verdict() -> None:
    good, bad, unknown = (check("A", status) for status in ("passed", "failed", "not checked"))

    def headline(*checks: dict[str, object]) -> str:
        return Run.from_json(report(*checks)).headline

    assert headline(good, unknown) == "Everything that was checked works"
    assert headline(good, bad, unknown) == "1 of 3 checks failed"
    assert headline(unknown) == "Nothing could be checked"
    assert headline() == "Nothing was checked"


def test_a_status_that_is_not_known_is_not_taken_for_a_success() -> None:
    assert Checked.from_json(check(status="splendid")).status is Status.NOT_CHECKED


def test_a_damaged_report_is_read_as_far_as_it_goes() -> None:
    run = Run.from_json(
        {"checks": [1, {"id": 5, "details": [], "seconds": "long"}], "deployed": 3, "url": None}
    )
    assert [(each.id, each.seconds) for each in run.checks] == [("5", 0.0)]
    assert (run.url, run.deployed, run.asked) == ("", {}, "")


def test_one_check_is_run_again_as_the_run_did_it() -> None:
    asked = {"only": ["US1"], "skip": [], "chat": False, "long": True}
    bad = Checked.from_json(check("SC-004", "failed"))
    run = Run.from_json(report(options=asked, target="aws", environment="prod"))
    assert run.asked == "--only US1 --long"
    assert run.command(bad) == "INVOKE_ENVIRONMENT=prod inv smoke --only SC-004 --long --target aws"


def test_where_only_an_address_is_known_the_command_names_it() -> None:
    run = Run.from_json(report(deployed=None))
    bad = Checked.from_json(check("SC-004", "failed"))
    assert run.command(bad) == "inv smoke --only SC-004 --base-url https://chat.example.test"
