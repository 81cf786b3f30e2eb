"""Photos that lie on their side, over HTTP with the real models: read, compared and kept as if they were upright."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.http.site import Site, code, decoded, encoded, results, variant

pytestmark = pytest.mark.models


def lying(photo: bytes, quarters: int) -> bytes:
    return encoded(np.ascontiguousarray(np.rot90(decoded(photo), quarters)))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_on_its_side_scores_and_verifies_as_the_upright_one(
    site: Site, astronaut: bytes, quarters: int
) -> None:
    site.enrolled(astronaut)
    upright = variant(astronaut)
    reply = site.upload(upright, lying(upright, quarters))
    scores = list(results(reply)["scores"].values())
    assert abs(scores[0] - scores[1]) < 0.3
    checks = [row for row in results(reply)["reasons"]["photo 1.jpg"] if row["check"] == "Upright"]
    assert [abs(row["value"]) for row in checks] == [180.0 if quarters == 2 else 90.0]
    verified = site.verify(site.uploaded(lying(variant(astronaut, 1.05), quarters)))
    assert code(verified) == 200


def test_somebody_is_enrolled_from_a_photo_on_its_side(site: Site, astronaut: bytes) -> None:
    files = site.enrolled(lying(astronaut, 1))["resulting_imgs"]["main"]
    aligned = cv2.imread(str(site.people / files[0]))
    site.enrolled(astronaut, person_id="RECO_ID_000099")
    assert aligned is not None
    assert code(site.verify(site.uploaded(variant(astronaut)))) == 200
