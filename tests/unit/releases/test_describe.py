"""Releases as a person sees them."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from scripts.console import Console, Outcome
from scripts.releases import Ending, Present, Release, Situation
from scripts.releases.describe import Listing, Shown
from scripts.releases.record import Actor, FailedCheck, Revision, Smoke, Versions
from tests.unit.releases.making import id_of, release, rolled_back

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def text_of(outcome: Outcome) -> str:
    out = io.StringIO()
    Console(stdout=out).show(outcome)
    return out.getvalue()


def situation(*newest_first: Release, live: Release | None = None) -> Situation:
    current = live or newest_first[0]
    images = {r.image.tag: r.image.digest for r in newest_first}
    present = Present(current.image.digest, current.client, images, {r.client for r in newest_first})
    return Situation(newest_first, present, "linux/amd64")


def listing(*newest_first: Release, live: Release | None = None, total: int = 0) -> Listing:
    return Listing(
        situation(*newest_first, live=live), newest_first, total or len(newest_first), "s3://b/releases/", NOW
    )


def line_with(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def test_the_live_release_and_those_to_go_back_to_are_marked() -> None:
    failed = release(2, ending=Ending.SMOKE_FAILED)
    text = text_of(listing(release(3), failed, release(1)))
    assert line_with(text, id_of(3)).startswith("●")
    assert line_with(text, id_of(1)).startswith("↩")
    assert line_with(text, id_of(2)).startswith(" "), "it never passed"
    assert "smoke failed" in line_with(text, id_of(2))


def test_a_row_says_who_from_which_revision_and_with_what() -> None:
    dirty = Revision("1a2b3c4d" * 5, "main", True)
    text = text_of(listing(release(1, revision=dirty, by=Actor("ann@box", ci={"actor": "Bo"}))))
    row = line_with(text, id_of(1))
    assert "1a2b3c4d*" in row
    assert "Bo" in row
    assert "image1" in row
    assert "client1" in row


def test_a_rollback_says_what_it_brought_back() -> None:
    one = release(1)
    text = text_of(listing(rolled_back(3, one), release(2), one))
    assert "rollback to 20260102T000001000Z: succeeded" in line_with(text, id_of(3))


def test_what_is_live_and_in_no_record_is_said() -> None:
    assert "in none of these records" in text_of(listing(release(1), live=release(9)))


def test_older_ones_are_counted() -> None:
    assert "7 older: inv releases --limit 8" in text_of(listing(release(1), total=8))


def test_an_empty_list_says_where_it_looked() -> None:
    assert "No release is recorded in s3://b/releases/" in text_of(
        Listing(Situation((), Present(), "linux/amd64"), (), 0, "s3://b/releases/", NOW)
    )


def test_one_release_shows_its_failure_with_the_evidence_and_the_log() -> None:
    check = FailedCheck("SC-003", "health", "500", "200", "It crashed.", "GET /api/health")
    it = release(
        1,
        ending=Ending.SMOKE_FAILED,
        smoke=Smoke(1, 1, 0, 2.0, (check,), ("12:00 boom",)),
        versions=Versions(terraform="1.11.4", stand_ins=True),
    )
    text = text_of(Shown(it, it.to_json(), situation(release(2), it), NOW))
    for part in ("✗ SC-003 health", "It crashed.", "GET /api/health", "12:00 boom", "1 passed, 1 failed"):
        assert part in text
    assert "though it was never proven: inv rollback --to" in text


def test_markup_in_a_record_is_shown_as_it_is() -> None:
    it = release(1, by=Actor("[red]ann[/red]@box"))
    assert "[red]ann[/red]@box" in text_of(listing(it))
    assert "[red]ann[/red]@box" in text_of(Shown(it, it.to_json(), situation(it), NOW))
