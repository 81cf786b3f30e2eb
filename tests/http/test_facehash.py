"""FaceHash and /recognition with real models: a user is trained in the background process and recognised over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.http.site import Site, new_photo

pytestmark = pytest.mark.models

KEY = "API_KEY_TEST_1"


def text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def test_a_user_is_trained_and_recognised_and_survives_a_restart(
    site: Site, astronaut: bytes, grace_hopper: bytes
) -> None:
    photos = [text(new_photo(astronaut, seed)) for seed in range(10)]
    asked: dict[str, Any] = {"API_KEY": KEY, "username": "eileen", "images": photos, "epochs": 5}
    assert site.client.post("/train", json=asked).get_json()["successDescription"] == "Model trained successfully."

    def recognised(photo: bytes) -> dict[str, Any]:
        sent = {"API_KEY": KEY, "username": "eileen", "image": text(photo)}
        found: dict[str, Any] = site.client.post("/recognize/", data=sent).get_json()
        return found

    found = recognised(new_photo(astronaut, 99))
    assert (found["responseType"], found["confidencePercentage"] > 0.5) == ("SUCCESS", True)
    assert recognised(grace_hopper)["successDescription"] == "Face not recognized."
    site.edit(NUM_AUG="5")  # everything is built anew
    assert recognised(new_photo(astronaut, 98))["responseType"] == "SUCCESS"
    home = site.folder / "static" / "facehash" / f"HOME_{KEY}"
    assert sorted(path.name for path in home.iterdir() if path.name[0] != ".") == ["current", "v000001"]


def test_a_face_is_named_among_the_enrolled(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    site.enrolled(astronaut, name="Eileen Collins")
    reply = site.client.post("/recognition?all=true", json={"file": text(new_photo(astronaut))})
    found = reply.get_json()
    assert (found["result"], len(found["faces"])) == ("Eileen Collins", 1)
    assert site.client.post("/recognition", json={"file": text(grace_hopper)}).get_json() == {"result": "Unknown"}
