"""A record survives the version of the project that wrote it."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

from scripts.releases import Ending, Kind, Release, new_id
from scripts.releases.record import SCHEMA, FailedCheck, Module, Revision, Smoke, StepTime, Versions, is_id
from tests.unit.releases.making import id_of, release

FULL = release(
    1,
    versions=Versions("0.1", "1.11.4", {"aws": "5.100.0"}, (Module("a", "x/y/aws", "1.0"),), True, "v0.8.2"),
    plan={"add": 1},
    steps=(StepTime("smoke", 0.5, 1.0, "note"),),
    smoke=Smoke(1, 1, 0, 2.5, (FailedCheck("SC-003", "health", "500", "200", "why", "proof"),), ("log",)),
)


def stored(record: Release) -> dict[str, object]:
    data: dict[str, object] = json.loads(json.dumps(record.to_json()))
    return data


def test_a_record_is_read_as_it_was_written() -> None:
    assert Release.from_json(stored(FULL), id=FULL.id) == FULL


def test_a_record_names_its_schema() -> None:
    assert stored(FULL)["schema"] == SCHEMA


def test_fields_of_a_later_version_are_ignored() -> None:
    later = stored(FULL) | {"canary": 5, "schema": SCHEMA + 1}
    later["image"] = {**FULL.to_json()["image"], "signature": "x"}
    assert dataclasses.replace(Release.from_json(later, id=FULL.id), schema=SCHEMA) == FULL


def test_missing_fields_and_fields_of_another_kind_have_their_defaults() -> None:
    read = Release.from_json({"client": 5, "smoke": [], "steps": {"a": 1}, "plan": None}, id=id_of(2))
    assert read == Release(id_of(2))


def test_an_ending_that_is_not_known_is_never_taken_for_proven() -> None:
    read = Release.from_json({"ending": "half_proven", "kind": "canary"}, id=id_of(2))
    assert (read.ending, read.kind, read.proven) == (Ending.UNKNOWN, Kind.UNKNOWN, False)


def test_a_whole_number_is_also_a_number_of_seconds() -> None:
    read = Release.from_json({"smoke": {"seconds": 3}}, id=id_of(2))
    assert read.smoke.seconds == 3.0


def test_the_id_is_that_of_the_file_and_not_of_its_content() -> None:
    assert Release.from_json({"id": "other"}, id=id_of(3)).id == id_of(3)


def test_ids_sort_by_time_and_differ_at_the_same_moment() -> None:
    early = datetime(2026, 1, 2, 3, 4, 5, 7000, tzinfo=UTC)
    late = early.replace(microsecond=123000)
    assert new_id(early) < new_id(late)
    assert len({new_id(early) for _ in range(20)}) > 1
    assert is_id(new_id(early))
    assert Release(new_id(early)).at == early


def test_other_files_are_no_records() -> None:
    assert not is_id("notes")
    assert not is_id("20260102T030405678Z-1a2b3c.tmp")


def test_changes_that_were_not_committed_are_marked() -> None:
    assert Revision("a" * 40, "main", True).short == "aaaaaaaa*"
    assert Revision().short == "unknown"
