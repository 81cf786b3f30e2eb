"""A live person beside the photo of a victim does not verify the victim."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.types import Face, Liveness
from tests.http.liveness_models import judging, verdict
from tests.http.site import OTHER_ID, Site, code, parallel_map, variant

pytestmark = pytest.mark.models


def in_left_half(face: Face) -> bool:
    """Whether a face is in the left half of its photo."""
    return bool(face.detection.box.centre[0] < face.photo.pixels.shape[1] / 2)


def test_a_live_face_beside_a_victim_s_photo_does_not_verify_the_victim(
    served: Callable[..., Site], astronaut: bytes, grace_hopper: bytes
) -> None:
    spoofed: list[bool] = [False]
    site = served(judging(lambda face: Liveness.SPOOF if spoofed[0] and in_left_half(face) else Liveness.LIVE))
    both = parallel_map([variant(astronaut), grace_hopper])
    assert verdict(site, both) == 200
    spoofed[0] = True
    assert verdict(site, both) == 500
    assert verdict(site, both, variant(grace_hopper)) == 500
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    assert verdict(site, both) == 100
    assert code(site.verify(site.uploaded(both), skip_liveness="false", skip_verify="true")) == 100


def test_a_live_face_in_one_photo_does_not_verify_the_victim_of_another(
    served: Callable[..., Site], astronaut: bytes, grace_hopper: bytes
) -> None:
    spoofed: list[bool] = [False]
    site = served(
        judging(lambda face: Liveness.SPOOF if spoofed[0] and face.photo.name == "photo 0.jpg" else Liveness.LIVE)
    )
    site.edit(VER_TOL="1")
    photos = variant(astronaut), variant(grace_hopper), variant(grace_hopper, 1.0, -12, -5.0)
    assert verdict(site, *photos) == 200
    spoofed[0] = True
    assert verdict(site, *photos) == 500
    assert verdict(site, *photos[:2]) == 560


def test_a_victim_s_photos_do_not_count_beside_one_live_photo_of_them(
    served: Callable[..., Site], astronaut: bytes
) -> None:
    site = served(judging(lambda face: Liveness.LIVE if face.photo.name == "photo 0.jpg" else Liveness.UNCERTAIN))
    one, another = variant(astronaut), variant(astronaut, 1.0, -12, -5.0)
    upload_id = site.uploaded(one, another)
    assert code(site.verify(upload_id, skip_liveness="false", skip_db_search="true")) == 500
