"""What feeds the operator's page, against a real server: nothing of it without a session, no secret in any of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.jobs import EXTENSION
from codes_dict import Code, Outcome
from db.installation import RECEIPTS, own_key
from pipeline.pseudonym import pseudonym
from security.keys import PREFIX
from security.receipts import is_genuine
from tests.http.front import PASSWORD, front
from tests.http.site import ENV, ID, OTHER_ID, Site, code, decoded, results

READ = (
    "settings", "models", "health", "keys", "people", f"people/{ID}", f"people/{ID}/faces/0", "uploads", "jobs",
    "codes", "log", "requests", "counts", "stages",
)  # fmt: skip


class Desk:
    """An operator who has signed in to a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        reply = site.client.post("/admin/api/session", json={"password": site.env["SUPER_PASSWORD"]})
        self.csrf = results(reply)["csrf"]

    def get(self, path: str, **query: str) -> Any:
        """Return the results of a read."""
        reply = self.site.client.get(f"/admin/api/{path}", query_string=query)
        assert code(reply) == 101, reply.get_json()
        return results(reply)

    def send(self, method: str, path: str, body: object = None) -> TestResponse:
        """Change something."""
        return self.site.client.open(
            f"/admin/api/{path}", method=method, json=body, headers={"X-CSRF-Token": self.csrf}
        )


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


@pytest.mark.parametrize("path", READ)
def test_nothing_is_read_without_a_session(path: str) -> None:
    assert code(front().get(f"/admin/api/{path}")) == 401


def test_jobs_are_listed_without_their_results() -> None:
    client = front()
    client.post("/admin/api/session", json={"password": PASSWORD})
    jobs = client.application.extensions[EXTENSION]
    jobs.start("train", "a key", "", lambda _: Outcome(Code.DONE, {"secret": 1})).wait()
    (job,) = results(client.get("/admin/api/jobs"))["jobs"]
    assert (job["kind"], job["owner"], job["state"], job["code"]) == ("train", "a key", "done", 101)
    assert "secret" not in json.dumps(job)


@pytest.mark.models
def test_keys_are_made_shown_once_and_revoked(desk: Desk) -> None:
    assert desk.get("keys")["keys"] == []
    made = results(desk.send("POST", "keys", {"label": "Bank", "scopes": ["verify", "upload"], "days": 30}))
    assert made["key"].startswith(PREFIX)
    (listed,) = desk.get("keys")["keys"]
    assert (listed["label"], listed["scopes"], listed["state"]) == ("Bank", ["upload", "verify"], "valid")
    assert listed["expires"] - listed["created"] == 30 * 86_400
    assert made["key"] not in json.dumps(listed)
    assert code(desk.site.client.post("/verify", headers={"X-API-Key": made["key"]})) == 107
    assert code(desk.send("DELETE", f"keys/{made['key_id']}")) == 101
    assert code(desk.site.client.post("/verify", headers={"X-API-Key": made["key"]})) == 401
    assert code(desk.send("DELETE", f"keys/{made['key_id']}")) == 404


@pytest.mark.models
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": "", "scopes": ["verify"], "days": 1}, "label"),
        ({"label": "a\nb", "scopes": ["verify"], "days": 1}, "label"),
        ({"label": 7, "scopes": ["verify"], "days": 1}, "label"),
        ({"label": "a", "scopes": [], "days": 1}, "scopes"),
        ({"label": "a", "scopes": ["root"], "days": 1}, "scopes"),
        ({"label": "a", "scopes": "verify", "days": 1}, "scopes"),
        ({"label": "a", "scopes": ["verify"], "days": -1}, "days"),
        ({"label": "a", "scopes": ["verify"], "days": True}, "days"),
    ],
)
def test_a_key_that_cannot_be_made_names_the_field(desk: Desk, body: object, field: str) -> None:
    reply = desk.send("POST", "keys", body)
    assert (code(reply), results(reply)["field"]) == (400, field)
    assert desk.get("keys")["keys"] == []


@pytest.mark.models
def test_settings_show_faults_and_no_secret(make_site: Callable[..., Site]) -> None:
    site = make_site(MODEL_URL="https://user:s3cret@example.org/x.h5")
    desk = Desk(site)
    rows = {row["key"]: row for row in desk.get("settings")["settings"]}
    assert rows["VER_TOL"]["value"] == ENV["VER_TOL"]
    assert (rows["SUPER_PASSWORD"]["value"], rows["SUPER_PASSWORD"]["set"]) == (None, True)
    assert (rows["MAX_PHOTOS"]["value"], rows["MAX_PHOTOS"]["set"]) == ("100", False)
    site.edit(VER_TOL="s3cret", DB_PATH=None)
    reply = site.client.get("/admin/api/settings")
    rows = {row["key"]: row for row in results(reply)["settings"]}
    assert rows["VER_TOL"]["fault"].startswith("is not a whole number")
    assert rows["DB_PATH"]["fault"] == "is missing"
    for text in (reply.get_data(as_text=True), json.dumps(rows)):
        assert "s3cret" not in text
        assert site.env["SUPER_PASSWORD"] not in text


@pytest.mark.models
def test_models_have_hash_licence_and_thresholds(desk: Desk) -> None:
    shown = desk.get("models")
    (dlib,) = shown["recognition"]
    assert (dlib["name"], dlib["licence"], len(dlib["sha256"])) == ("Dlib", "CC0-1.0", 64)
    assert shown["calibration"]["calibrated"] is True
    assert shown["calibration"]["threshold"] > 0


@pytest.mark.models
def test_a_person_is_found_seen_and_forgotten_with_a_receipt(desk: Desk, astronaut: bytes, grace_hopper: bytes) -> None:
    site = desk.site
    site.enrolled(astronaut, name="Ada Lovelace")
    site.enrolled(grace_hopper, person_id=OTHER_ID, name="Grace Hopper")
    assert [one["id"] for one in desk.get("people")["people"]] == [ID, OTHER_ID]
    assert desk.get("people", text="ada lo")["people"] == [{"id": ID, "name": "Ada Lovelace"}]
    assert desk.get("people", text=OTHER_ID[-3:])["people"] == [{"id": OTHER_ID, "name": "Grace Hopper"}]
    assert desk.get("people", text="%")["people"] == []
    person = desk.get(f"people/{ID}")
    assert [one["photos"] for one in person["enrolments"]] == [1]
    assert (person["pseudonym"], person["folder_exists"], person["uploads"]) == (pseudonym(ID), True, 1)
    picture = site.client.get(f"/admin/api/people/{ID}/faces/0")
    assert (picture.mimetype, person["faces"]) == ("image/png", 1)
    assert decoded(picture.data).shape == (224, 224, 3)
    assert code(site.client.get(f"/admin/api/people/{ID}/faces/1")) == 404
    assert code(desk.send("DELETE", f"limits/{ID}")) == 101
    uploads = desk.get("uploads")
    assert (uploads["count"], {one["person_id"] for one in uploads["newest"]}) == (2, {ID, OTHER_ID})
    assert all(one["is_enrolled"] and one["ends"] - one["made"] == 24 * 3600 for one in uploads["newest"])
    reply = desk.send("DELETE", f"people/{ID}")
    receipt = results(reply)["receipt"]
    assert is_genuine(own_key(site.records()[1].database, RECEIPTS), receipt)
    assert [one["id"] for one in desk.get("people")["people"]] == [OTHER_ID]
    assert code(site.client.get(f"/admin/api/people/{ID}")) == 116
    assert all(one["person"] != pseudonym(ID) for one in desk.get("requests")["requests"])


@pytest.mark.models
def test_the_cause_of_a_request_is_found_by_its_id(desk: Desk, astronaut: bytes) -> None:
    upload_id = desk.site.uploaded(astronaut)
    asked = desk.site.client.post("/verify", data={"upload_id": upload_id}, headers={"X-Request-ID": "asked"})
    assert code(asked) == 109
    found = desk.get("requests/asked")
    assert [one["number"] for one in found["codes"]] == [109]
    assert (found["codes"][0]["today"], found["codes"][0]["cause"]) == (1, Code.BAD_VERIFY_KEYS.cause)
    assert found["requests"][0]["endpoint"] == "/verify"
    assert any("code 109" in line for line in found["log"])
    assert [one["request_id"] for one in desk.get("requests", code="109")["requests"]] == ["asked"]
    assert desk.get("log", request_id="asked")["lines"] == found["log"]
    assert {row["stage"] for row in desk.get("stages")["latency"]} >= {"decode", "detect", "quality"}
    metrics = desk.site.client.get("/metrics").get_data(as_text=True)
    assert "faceapp_photo_quality_count 1.0" in metrics
    assert 'faceapp_model_batch_size_count{model="Dlib"}' in metrics
    assert "faceapp_gallery_people 0.0" in metrics
    counted = desk.get("counts")
    assert (counted["today"]["109"], counted["hours"][-1]["counts"]["109"]) == (1, 1)
    assert counted["codes"]["109"]["message"]
    assert code(desk.site.client.get("/admin/api/requests/unknown")) == 404
    upload = next(one for one in desk.get("requests", code="119")["requests"])
    (seen,) = desk.get(f"requests/{upload['request_id']}")["requests"]
    assert [row["name"] for row in seen["stages"]][:2] == ["id", "decode"]
    assert "photo 0.jpg" not in json.dumps(seen)


@pytest.mark.models
def test_what_an_operator_does_is_in_the_audit(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    desk = Desk(site)
    made = results(desk.send("POST", "keys", {"label": "Bank", "scopes": ["verify"], "days": 0}))
    desk.send("DELETE", f"people/{ID}")
    [file] = (site.folder / "audit").iterdir()
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    by_operator = [entry for entry in entries if entry["who"] == "operator"]
    assert [entry["action"] for entry in by_operator] == ["operator signed in", "keys", "forget"]
    assert by_operator[1]["about"]["made"] == made["key_id"]
    assert made["key"] not in file.read_text()
