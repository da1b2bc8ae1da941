"""Which release a rollback brings back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from scripts.errors import DeployError
from scripts.releases import Ending, Present, Release, Situation, choice
from scripts.releases.record import Image, Revision
from tests.unit.releases.making import id_of, release, rolled_back


def situation(
    *oldest_first: Release,
    lost_images: Sequence[str] = (),
    lost_clients: Sequence[str] = (),
    platform: str = "linux/amd64",
    live: Release | None = None,
) -> Situation:
    """An account in which the last release is live, and all are kept but the lost."""
    current = live or oldest_first[-1]
    images = {r.image.tag: f"sha256:{r.image.tag}" for r in oldest_first if r.image.tag not in lost_images}
    clients = {r.client for r in oldest_first} - set(lost_clients)
    present = Present(f"sha256:{current.image.tag}", current.client, images, clients)
    return Situation(tuple(reversed(oldest_first)), present, platform)


def test_the_newest_proven_release_before_the_live_one_comes_back() -> None:
    one, two, three = release(1), release(2), release(3)
    assert choice.before_the_live_one(situation(one, two, three)) is two


def test_a_release_that_failed_is_passed_over() -> None:
    failed = release(2, ending=Ending.SMOKE_FAILED)
    assert choice.before_the_live_one(situation(release(1), failed, release(3))).id == id_of(1)


def test_a_second_rollback_goes_further_back_and_not_forward_to_what_was_left() -> None:
    one, two, three = release(1), release(2), release(3)
    again = situation(one, two, three, rolled_back(4, two))
    assert choice.before_the_live_one(again) is one


def test_a_release_with_the_same_image_and_client_is_passed_over() -> None:
    same = release(2, image="image3", client="client3", infrastructure="other")
    assert choice.before_the_live_one(situation(release(1), same, release(3))).id == id_of(1)


def test_a_release_of_the_same_image_and_another_client_is_another_one() -> None:
    older = release(1, image="image2")
    assert choice.before_the_live_one(situation(older, release(2))) is older


def test_a_release_whose_image_is_gone_is_passed_over_for_an_older_one_that_is_whole() -> None:
    lost = situation(release(1), release(2), release(3), lost_images=["image2"])
    assert choice.before_the_live_one(lost).id == id_of(1)


def test_without_any_whole_release_each_lost_one_says_what_it_misses() -> None:
    lost = situation(
        release(1), release(2), release(3), lost_images=["image2"], lost_clients=["client1", "client2"]
    )
    with pytest.raises(DeployError, match="No earlier release can be brought back") as refusal:
        choice.before_the_live_one(lost)
    assert "image image2 is not in the repository any more; the files of its client" in refusal.value.why
    assert "client1 are not kept any more" in refusal.value.why
    assert "git checkout 222222222222 && inv deploy" in refusal.value.next_step


def test_the_first_release_has_none_before_it() -> None:
    with pytest.raises(DeployError, match="no earlier release"):
        choice.before_the_live_one(situation(release(1)))


def test_where_nothing_is_deployed_nothing_is_rolled_back() -> None:
    empty = Situation((release(1),), Present(), "linux/amd64")
    for choose in (choice.before_the_live_one, lambda it: choice.by_id(it, id_of(1))):
        with pytest.raises(DeployError, match="Nothing is deployed"):
            choose(empty)


def test_when_no_record_tells_what_is_live_the_newest_proven_one_comes_back() -> None:
    """Somebody ran terraform apply by hand."""
    unknown = situation(release(1), release(2), live=release(9))
    assert unknown.live is None
    assert choice.before_the_live_one(unknown).id == id_of(2)


def test_a_release_can_be_chosen_by_its_id_even_when_it_was_never_proven() -> None:
    failed = release(1, ending=Ending.SMOKE_FAILED)
    assert choice.by_id(situation(failed, release(2)), id_of(1)) is failed


def test_the_live_release_cannot_be_chosen() -> None:
    one = release(1)
    with pytest.raises(DeployError, match="live already"):
        choice.by_id(situation(one, release(2), rolled_back(3, one)), id_of(1))


def test_a_lost_release_that_is_chosen_says_why_not_and_how_to_get_it_anyway() -> None:
    with pytest.raises(DeployError, match="cannot be brought back") as refusal:
        choice.by_id(situation(release(1), release(2), lost_images=["image1"]), id_of(1))
    assert refusal.value.why == "Its image image1 is not in the repository any more."
    assert "git checkout 111111111111" in refusal.value.next_step


def test_a_checkout_that_was_not_committed_is_said_to_be_lost() -> None:
    dirty = release(1, revision=Revision("1" * 40, "main", True))
    with pytest.raises(DeployError) as refusal:
        choice.by_id(situation(dirty, release(2), lost_clients=["client1"]), id_of(1))
    assert "not committed" in refusal.value.next_step


def test_an_image_for_another_architecture_is_refused() -> None:
    arm = release(
        1,
    )
    with pytest.raises(DeployError) as refusal:
        choice.by_id(situation(arm, release(2), platform="linux/arm64"), id_of(1))
    assert (
        "its image is for linux/amd64, the function for linux/arm64".capitalize()
        in refusal.value.why.capitalize()
    )


def test_a_release_whose_apply_failed_has_nothing_to_come_back_to() -> None:
    half = release(1, ending=Ending.APPLY_FAILED).to_json() | {"image": {}, "client": ""}
    failed = Release.from_json(half, id=id_of(1))
    with pytest.raises(DeployError) as refusal:
        choice.by_id(situation(failed, release(2)), id_of(1))
    assert "(unknown)" in refusal.value.why


def test_after_a_failure_the_newest_proven_whole_release_comes_back() -> None:
    failed = release(3, ending=Ending.SMOKE_FAILED)
    it = situation(release(1), release(2), failed, lost_clients=["client2"])
    assert choice.after_failure(it, failed).id == id_of(1)


def test_after_a_failure_of_the_infrastructure_no_rollback_is_made() -> None:
    """The proven release has the same image and client: going further back would not mend anything."""
    failed = release(3, image="image2", client="client2", ending=Ending.SMOKE_FAILED, infrastructure="new")
    with pytest.raises(DeployError, match="would change nothing") as refusal:
        choice.after_failure(situation(release(1), release(2), failed), failed)
    assert id_of(2) in refusal.value.why


def test_after_the_first_failure_there_is_nothing_to_go_back_to() -> None:
    failed = release(1, ending=Ending.SMOKE_FAILED)
    with pytest.raises(DeployError, match="no release to go back to"):
        choice.after_failure(situation(failed), failed)


def test_after_a_rollback_the_rollback_itself_is_the_live_release() -> None:
    one, two = release(1), release(2)
    back = rolled_back(3, one)
    it = situation(one, two, back)
    assert it.live is back
    assert not it.can_return_to(one)
    assert it.can_return_to(two)


def test_a_release_whose_apply_failed_is_live_once_its_image_and_client_are() -> None:
    """The function was changed before something else failed."""
    half = release(2, ending=Ending.APPLY_FAILED, image="image2")
    half = Release.from_json(
        half.to_json() | {"image": {"tag": "image2", "digest": "", "platform": "linux/amd64"}}, id=half.id
    )
    assert half.image == Image("image2", platform="linux/amd64")
    assert situation(release(1), half).live is half


def test_a_bucket_that_does_not_name_its_client_leaves_the_image_to_tell() -> None:
    one, two = release(1), release(2)
    it = situation(one, two)
    assert Situation(it.releases, Present("sha256:image1", "", it.present.images), "").live is one
