"""Interrupted at any moment: a whole site, and the same command goes on."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.errors import DeployError
from tests.integration.publish.site import (
    SITE,
    Site,
    Wire,
    assert_whole,
    index_in,
    md5,
    page,
    publish,
    restore,
    served,
)

pytestmark = pytest.mark.integration


WAVES = [
    "PUT assets/index.BBBBBBBB.js",
    "PUT the worker that is kept",
    "PUT robots.txt aside",
    "PUT _releases/bb/manifest.json",
    "PUT _releases/index.json",
    "PUT manifest.webmanifest",
    "PUT sw.js",
    "PUT index.html",
    "POST ?delete",
]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), 403], ids=["Ctrl-C", "refused"])
@pytest.mark.parametrize("moment", WAVES)
def test_an_interruption_leaves_a_whole_site_that_can_be_restored_and_a_repetition_finishes(
    s3: Any, wire: Wire, bucket: str, site: Site, moment: str, error: BaseException | int
) -> None:
    publish(site, s3, bucket, "aa")
    before = served(s3, bucket)
    site.becomes("B")
    site.write("manifest.webmanifest", '{"name": "B"}')
    site.remove("robots.txt")
    kept = {
        "PUT the worker that is kept": f"PUT _releases/files/{md5('precache B')}",
        "PUT robots.txt aside": f"PUT _releases/files/{md5(SITE['robots.txt'])}",
    }
    wire.cut_at(kept.get(moment, moment), error)

    with pytest.raises((KeyboardInterrupt, DeployError)):
        publish(site, wire.s3, bucket, "bb")

    assert_whole(s3, bucket)
    if moment not in WAVES[-1:]:
        assert page(s3, bucket) == SITE["index.html"]
    wire.undisturbed()
    assert publish(site, wire.s3, bucket, "bb").release == "bb"
    assert "chunk B" in {body.decode() for body, _, _ in served(s3, bucket).values()}
    assert restore(s3, bucket, "aa").restored
    now = served(s3, bucket)
    assert {key: now[key] for key in before} == before


def test_a_repetition_sends_only_what_was_not_sent_yet(s3: Any, wire: Wire, bucket: str, site: Site) -> None:
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    wire.cut_at("PUT index.html", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "bb")
    wire.undisturbed()

    result = publish(site, wire.s3, bucket, "bb")

    assert wire.writes() == ["index.html"]
    assert (result.uploaded, result.copied) == (0, 1)


def test_a_first_publication_that_was_cut_short_is_finished_without_sending_again(
    wire: Wire, bucket: str, site: Site
) -> None:
    wire.cut_at("PUT _releases/aa/manifest.json", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "aa")
    wire.undisturbed()

    result = publish(site, wire.s3, bucket, "aa")

    assert (result.uploaded, result.copied) == (0, 2)
    assert wire.writes() == ["sw.js", "index.html"]


def test_what_is_interrupted_waits_for_nobody_afterwards(wire: Wire, bucket: str, site: Site) -> None:
    wire.cut_at("PUT sw.js", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(site, wire.s3, bucket, "aa")

    index = index_in(wire.s3, bucket)
    assert (index.holder, index.live) == ("", "")
