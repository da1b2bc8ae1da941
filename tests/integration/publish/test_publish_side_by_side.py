"""Two that publish at once: one whole site, and nobody overwrites the other."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from scripts.errors import DeployError
from scripts.frontend import available, claim
from scripts.frontend.releases import INDEX
from tests.integration.publish.site import (
    SITE,
    Site,
    Wire,
    answer,
    assert_whole,
    index_in,
    page,
    publish,
    restore,
    served,
)

pytestmark = pytest.mark.integration


def test_who_is_overtaken_before_going_live_begins_anew_and_sends_what_the_other_deleted(
    s3: Any, wire: Wire, bucket: str, site: Site, tmp_path: Path
) -> None:
    other = Site(tmp_path / "other", SITE)
    other.becomes("O")
    publish(site, s3, bucket, "aa", keep=1)
    site.becomes("B")
    # By now chunk B is there and no release names it: to the other one it is garbage.
    wire.once_before("PUT _releases/bb/manifest.json", lambda: publish(other, s3, bucket, "oo", keep=1))

    publish(site, wire.s3, bucket, "bb", keep=2)

    assert wire.sent.count("PUT assets/index.BBBBBBBB.js") == 2
    assert_whole(s3, bucket)
    assert index_in(s3, bucket).live == "bb"
    assert list(available(s3, bucket)) == ["bb", "oo"]
    assert restore(s3, bucket, "oo").restored


def test_two_that_bring_the_same_new_file_do_not_overwrite_each_other_before_going_live(
    s3: Any, wire: Wire, bucket: str, site: Site, tmp_path: Path
) -> None:
    other = Site(tmp_path / "other", SITE | {"new.txt": "theirs"})
    other.becomes("O")
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    site.write("new.txt", "ours")
    wire.once_before("PUT new.txt", lambda: publish(other, s3, bucket, "oo"))

    publish(site, wire.s3, bucket, "bb")

    assert served(s3, bucket)["new.txt"][0] == b"ours"
    restore(s3, bucket, "oo")
    assert served(s3, bucket)["new.txt"][0] == b"theirs"


def test_publications_side_by_side_end_with_one_whole_site_and_every_release_kept(
    s3: Any, bucket: str, tmp_path: Path
) -> None:
    sites = {letter: Site(tmp_path / letter, SITE) for letter in "BCD"}
    failures: list[BaseException] = []

    def run(letter: str) -> None:
        try:
            publish(sites[letter], s3, bucket, letter)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(letter,)) for letter in sites]
    for letter, site in sites.items():
        site.becomes(letter)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    live = index_in(s3, bucket).live
    assert set(available(s3, bucket)) == set("BCD")
    assert page(s3, bucket) == f"<script src=assets/index.{live * 8}.js>"
    assert served(s3, bucket)["sw.js"][0].decode() == f"precache {live}"
    for letter in "BCD":
        restore(s3, bucket, letter)


def hold(s3: Any, bucket: str, holder: str) -> None:
    """Write the index as another publication would, that has it (or, without a name, gives it back)."""
    index = dataclasses.replace(index_in(s3, bucket), holder=holder)
    s3.put_object(Bucket=bucket, Key=INDEX, Body=json.dumps(index.to_json()))


def test_while_another_one_goes_live_it_is_waited_for_and_named(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    hold(s3, bucket, "ann@laptop 1")
    said: list[str] = []

    def progress(line: str) -> None:
        said.append(line)
        hold(s3, bucket, "")

    site.becomes("B")
    publish(site, wire.s3, bucket, "bb", progress=progress)

    assert said == [f"Waiting for another publication to s3://{bucket} (ann@laptop 1)"]
    assert index_in(s3, bucket).live == "bb"


def test_the_claim_of_one_that_died_ends_by_itself(
    s3: Any, bucket: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site, s3, bucket, "aa")
    hold(s3, bucket, "ann@laptop 1")
    monkeypatch.setattr(claim, "LEASE_SECONDS", 0.0)

    assert publish(site, s3, bucket, "aa").release == "aa"


def test_who_lost_the_claim_while_it_stood_still_leaves_the_page_alone(
    s3: Any, wire: Wire, bucket: str, site: Site
) -> None:
    publish(site, s3, bucket, "aa")
    site.becomes("B")
    wire.once_before("PUT sw.js", lambda: hold(s3, bucket, "ann@laptop 1"))

    with pytest.raises(DeployError, match="Somebody else publishes"):
        publish(site, wire.s3, bucket, "bb")

    assert page(s3, bucket) == SITE["index.html"]
    assert index_in(s3, bucket).holder == "ann@laptop 1"


def test_a_claim_whose_answer_was_lost_is_still_ours(s3: Any, wire: Wire, bucket: str, site: Site) -> None:
    captured: dict[str, Any] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        captured[params["Key"]] = params

    wire.s3.meta.events.register("provide-client-params.s3.PutObject", remember)

    def arrives_but_the_answer_does_not() -> AWSResponse:
        s3.put_object(**captured[INDEX])
        return answer(500, "InternalError")

    wire.once_before(f"PUT {INDEX}", arrives_but_the_answer_does_not)

    publish(site, wire.s3, bucket, "aa")

    wire.s3.meta.events.unregister("provide-client-params.s3.PutObject", remember)
    assert index_in(s3, bucket).live == "aa"
