"""Every number of the document, reached over HTTP by making its cause happen."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from collections.abc import Callable

import pytest

from pipeline.stages import guards
from tests.http.site import ID, OTHER_ID, Site, blank, code, parallel_map, results, variant

pytestmark = pytest.mark.models
FORM = "application/x-www-form-urlencoded"


def test_100_somebody_else_is_found(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    site.enrolled(astronaut, person_id=ID)
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    reply = site.verify(site.uploaded(variant(grace_hopper), person_id=ID))
    assert code(reply) == 100
    assert (results(reply)["name"], results(reply)["distance"]) == (None, None)


def test_107_the_form_is_empty_or_of_another_type(site: Site) -> None:
    assert code(site.client.post("/verify")) == 107
    assert code(site.client.post("/upload_db", json={"upload_id": "x"})) == 107
    assert code(site.client.post("/upload_db", data="", content_type=FORM)) == 107


def test_108_a_key_of_upload_db_is_missing_repeated_or_no_flag(site: Site) -> None:
    good = "upload_id=x&name=y&delete_pickles=false&rebuild_db=false&in_place=false"
    for bad in (
        good.replace("&name=y", ""),
        good + "&name=z",
        good.replace("in_place=false", "in_place=maybe"),
        good.replace("in_place=false", "in_place=1"),
    ):
        reply = site.client.post("/upload_db", data=bad, content_type=FORM)
        assert (code(reply), results(reply)["field"]) == (108, "name" if "in_place=false" in bad else "in_place")
    assert results(reply)["advice"] == "Set in_place to true or false."


def test_109_a_key_of_verify_is_missing_repeated_or_no_flag(site: Site) -> None:
    good = "upload_id=x&skip_verify=False&skip_db_search=FALSE&skip_liveness=false"
    assert code(site.client.post("/verify", data=good + "&unknown=1&unknown=2", content_type=FORM)) == 189
    wrong = {
        good.replace("upload_id=x&", ""): ("upload_id", "upload_id is missing. Send it exactly once."),
        good + "&skip_verify=False": ("skip_verify", "skip_verify was sent 2 times. Send it exactly once."),
        good.replace("FALSE", ""): ("skip_db_search", "Set skip_db_search to true or false."),
        good.replace("FALSE", "yes"): ("skip_db_search", "Set skip_db_search to true or false."),
    }
    for bad, (field, advice) in wrong.items():
        reply = site.client.post("/verify", data=bad, content_type=FORM)
        said = {"accepted": False, "advice": advice, "retry": False, "field": field}
        assert (code(reply), results(reply)) == (109, said)


@pytest.mark.parametrize("query", ["", "?id=", "?id=RECO_ID_1&id=RECO_ID_1", "?ID=RECO_ID_1"])
def test_110_there_is_no_id(site: Site, query: str) -> None:
    assert code(site.client.post(f"/upload_imgs{query}")) == 110


def test_111_all_images_of_the_upload_are_gone(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    for file in (site.uploads / upload_id).glob("*.png"):
        file.unlink()
    assert code(site.verify(upload_id)) == 111
    assert code(site.enrol(upload_id)) == 111


def test_113_the_folder_of_the_row_is_gone(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    for folder in site.people.glob(f"*-{ID}"):
        shutil.rmtree(folder)
    assert code(site.verify(site.uploaded(variant(astronaut)))) == 113


def test_116_the_id_has_no_row(site: Site, astronaut: bytes) -> None:
    reply = site.verify(site.uploaded(astronaut))
    assert (code(reply), reply.status_code) == (116, 404)
    assert "not enrolled" in results(reply)["advice"]


def test_117_there_are_no_files(site: Site) -> None:
    assert code(site.upload()) == 117
    assert code(site.client.post(f"/upload_imgs?id={ID}", json={"images": []})) == 117
    assert code(site.client.post(f"/upload_imgs?id={ID}", json={"pictures": ["x"]})) == 117


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"images": [NaN]}', b'{"images": \xff}', b"1" * 9_000])
def test_118_the_body_is_not_valid_json(site: Site, body: bytes) -> None:
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="application/json")
    assert (code(reply), results(reply)["retry"]) == (118, False)


def test_118_a_key_of_a_json_object_stands_twice(site: Site) -> None:
    body = b'{"images": ["eA=="], "images": ["eQ=="]}'
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="application/json")
    assert (code(reply), results(reply)["field"], results(reply)["retry"]) == (118, "images", False)


def test_119_photos_are_kept_with_a_score_and_reasons(site: Site, astronaut: bytes) -> None:
    reply = site.upload(astronaut)
    assert code(reply) == 119
    found = results(reply)
    assert found["upload_id"] == found["folder_name"]
    assert found["upload_id"].startswith(f"{ID}-")
    assert found["saved"] == ["photo 0.jpg"]
    assert (site.uploads / found["saved_as"]["photo 0.jpg"]).read_bytes() == astronaut
    assert 0 < found["scores"]["photo 0.jpg"] <= 10
    assert set(found["reasons"]["photo 0.jpg"][0]) == {"check", "value", "threshold", "passed", "advice"}


def test_120_no_photo_is_good_enough(make_site: Callable[..., Site]) -> None:
    site = make_site(SCORE_TOL="7.000")
    reply = site.upload(blank())
    assert code(reply) == 120
    assert results(reply)["scores"] == {"photo 0.jpg": 0.0}
    assert list(site.uploads.iterdir()) == []


def test_126_stands_in_the_stages_of_an_id_that_matched(site: Site, astronaut: bytes) -> None:
    for reply in (site.upload(astronaut), site.enrol(site.uploaded(astronaut)), site.verify(site.uploaded(astronaut))):
        row = results(reply)["stages"][0]
        assert (row["name"], row["code"]) == ("id", 126)


def test_127_the_id_is_not_of_the_pattern(make_site: Callable[..., Site], astronaut: bytes) -> None:
    site = make_site()
    assert code(site.upload(astronaut, person_id="RECO_ID_1/../../x")) == 127
    refused = results(site.upload(astronaut, person_id="recoid1"))
    assert refused == {
        "advice": r"Use an ID that matches the pattern RECO_ID_\d+", "retry": False, "field": "id",
    }  # fmt: skip
    upload_id = site.uploaded(astronaut)
    site.edit(ID_REGEX=r"NEW_\d+")
    reply = site.verify(upload_id)
    assert (code(reply), results(reply)["field"]) == (127, "upload_id")
    assert code(site.enrol(upload_id)) == 127


def test_128_the_name_is_not_one(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    for bad in ("", "a" * 201, "a\tb"):
        assert code(site.enrol(upload_id, name=bad)) == 128
    reply = site.enrol(upload_id, name="")
    assert results(reply)["field"] == "name"
    assert "UTF-8" in results(reply)["advice"]
    assert code(site.enrol(upload_id, name="a" * 200)) == 800


def test_134_the_search_finds_the_claimed_id(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut, name="Grace van der Hopper")
    reply = site.verify(site.uploaded(variant(astronaut)), skip_verify="true")
    assert code(reply) == 134
    assert (results(reply)["name"], results(reply)["accepted"]) == ("Grace van der Hopper", True)
    assert results(reply)["calibrated"] is True
    assert 0 < results(reply)["fmr_at_score"] <= 1e-3


def test_143_both_skips(site: Site, astronaut: bytes) -> None:
    reply = site.verify(site.uploaded(astronaut), skip_verify="true", skip_db_search="true")
    assert code(reply) == 143
    advice = "Set at least one of the two to false."
    assert results(reply) == {"accepted": False, "advice": advice, "retry": False, "field": "skip_db_search"}


def test_150_the_table_is_too_narrow(site: Site, astronaut: bytes) -> None:
    with sqlite3.connect(site.folder / "faceapp.sqlite") as database:
        database.execute(
            "CREATE TABLE reco_table (ID INTEGER PRIMARY KEY, reco_id VARCHAR(12), reco_name VARCHAR(200), "
            "reco_path VARCHAR(500))"
        )
    upload_id = site.uploaded(astronaut)
    assert code(site.enrol(upload_id)) == 150
    assert "VARCHAR(12)" in site.log()
    assert [entry for entry in site.people.iterdir() if entry.is_dir() and any(entry.rglob("*.png"))] == []
    assert code(site.enrol(upload_id)) == 150


def test_152_no_photo_shows_one_face_alone(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    group, nobody = parallel_map([astronaut, grace_hopper]), blank()
    reply = site.enrol(site.uploaded(group, nobody))
    assert code(reply) == 152
    assert results(reply)["left_out"] == {"photo 0.jpg": 152, "photo 1.jpg": 630}


def test_153_one_image_of_the_upload_is_gone(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    upload_id = site.uploaded(astronaut, grace_hopper)
    (site.uploads / upload_id / "0002.jpg").unlink()
    for reply in (site.verify(upload_id), site.enrol(upload_id)):
        assert (code(reply), results(reply)["file"]) == (153, "photo 1.jpg")


def test_155_the_database_is_away_and_comes_back(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    upload_id = site.uploaded(variant(astronaut))
    away = site.folder / "away"
    away.mkdir()
    for file in site.folder.glob("faceapp.sqlite*"):
        file.rename(away / file.name)
    assert code(site.verify(upload_id)) == 155
    assert code(site.enrol(upload_id)) == 155
    for file in away.iterdir():
        file.rename(site.folder / file.name)
    assert code(site.verify(upload_id)) == 200


def test_157_a_file_cannot_be_written(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    (site.people / f"ada_lovelace-{ID}").write_text("in the way")
    assert code(site.enrol(upload_id)) == 157
    (site.people / f"ada_lovelace-{ID}").unlink()
    assert code(site.enrol(upload_id)) == 800


def test_176_settings_are_wrong_until_they_are_mended(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    site.edit(VER_TOL="none", SQL_URI=None, SIM_FUNC="manhattan")
    for reply in (site.upload(astronaut), site.enrol(upload_id), site.verify(upload_id)):
        assert (code(reply), reply.status_code) == (176, 503)
        assert results(reply).items() >= {"advice": "Try again later.", "retry": True}.items()
        errors = reply.get_json()["system_errors"]
        assert errors["not_in_env"] == ["SQL_URI"]
        assert [line.split(":")[0] for line in errors["env_errs"]] == ["SIM_FUNC", "VER_TOL"]
    site.edit(VER_TOL="2", SQL_URI="sqlite:///faceapp.sqlite", SIM_FUNC="cosine")
    reply = site.enrol(upload_id)
    assert (code(reply), reply.get_json()["system_errors"]) == (800, None)


def test_176_a_model_whose_weights_are_not_there(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    site.edit(SELECTED_MODELS="Dlib,VGG-Face")
    reply = site.verify(upload_id)
    assert code(reply) == 176
    line = reply.get_json()["system_errors"]["env_errs"][0]
    assert line.startswith("SELECTED_MODELS: ")
    assert "vgg_face_weights.h5" in line


def test_178_the_liveness_model_is_not_there(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    site.edit(MODEL_NAME="missing.h5")
    assert code(site.verify(upload_id, skip_liveness="false")) == 178
    assert code(site.verify(upload_id, skip_liveness="true")) == 116


def test_189_the_upload_is_used_up_unknown_or_malformed(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    site.enrolled(astronaut, person_id=OTHER_ID)
    first = site.enrol(upload_id, delete_pickles="true")
    assert code(first) == 800
    repeated = results(site.enrol(upload_id))
    told = {key: value for key, value in results(first).items() if key != "stages"}
    assert repeated["earlier"] == {"code": 800, "results": told}
    for gone in (upload_id, f"{upload_id}_UPLOADED_TO_DB", f"{ID}-{'0' * 32}", "", "../people", ID, upload_id[:-1]):
        reply = site.verify(gone)
        assert (code(reply), reply.status_code) == (189, 404)
        assert results(reply)["field"] == "upload_id"
        assert code(site.enrol(gone)) == 189
        assert ("earlier" in results(site.enrol(gone))) is (gone == upload_id)


def test_193_no_base64_decodes(site: Site, astronaut: bytes) -> None:
    assert code(site.client.post(f"/upload_imgs?id={ID}", json={"images": ["!!", "", 7]})) == 193
    good = base64.b64encode(astronaut).decode()
    reply = site.client.post(f"/upload_imgs?id={ID}", json={"images": ["!!", f"data:image/png;base64,{good}"]})
    assert code(reply) == 119
    assert (results(reply)["errors"], results(reply)["saved"]) == (["image_1"], ["image_2"])


def test_200_the_person_is_verified(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    reply = site.verify(site.uploaded(variant(astronaut)))
    assert code(reply) == 200
    assert (results(reply)["name"], results(reply)["accepted"]) == ("Ada Lovelace", True)
    names = [row["name"] for row in results(reply)["stages"]]
    assert names == ["id", "images", "detect", "record", "embed", "compare", "nearest"]


def test_500_nobody_is_found(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    site.enrolled(astronaut)
    upload_id = site.uploaded(grace_hopper)
    assert code(site.verify(upload_id)) == 500
    assert code(site.verify(upload_id, skip_db_search="true")) == 500


def test_630_no_photo_shows_a_face(site: Site) -> None:
    assert code(site.verify(site.uploaded(blank()))) == 630


def test_800_838_850_900_the_four_ways_to_enrol(site: Site, astronaut: bytes) -> None:
    first = site.enrol(site.uploaded(astronaut))
    assert code(first) == 800
    key = results(first)["mysql_id"]
    assert code(site.enrol(site.uploaded(astronaut, person_id=OTHER_ID), in_place="true")) == 838
    added = site.enrol(site.uploaded(variant(astronaut)), name="Another Name")
    assert (code(added), results(added)["mysql_id"]) == (850, key)
    assert [folder.name for folder in site.people.glob(f"*-{ID}")] == [f"ada_lovelace-{ID}"]
    assert len(list((site.people / f"ada_lovelace-{ID}" / "faces").iterdir())) == 2
    replaced = site.enrol(site.uploaded(variant(astronaut)), name="Another Name", in_place="TRUE")
    assert (code(replaced), results(replaced)["mysql_id"]) == (900, key)
    assert [folder.name for folder in site.people.glob(f"*-{ID}")] == [f"another_name-{ID}"]
    assert len(list((site.people / f"another_name-{ID}" / "faces").iterdir())) == 1
    assert len(list((site.people / f"another_name-{ID}" / "augmented_imgs").iterdir())) == 4


def test_852_somebody_else_under_an_id_or_two_people_at_once(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    assert code(site.enrol(site.uploaded(astronaut, grace_hopper))) == 852
    site.enrolled(astronaut)
    for in_place in ("false", "true"):
        assert code(site.enrol(site.uploaded(grace_hopper), in_place=in_place)) == 852


def test_853_a_face_that_is_enrolled_under_another_id(make_site: Callable[..., Site], astronaut: bytes) -> None:
    site = make_site(DUPLICATE_POLICY="refuse")
    site.enrolled(astronaut)
    upload_id = site.uploaded(variant(astronaut), person_id=OTHER_ID)
    reply = site.enrol(upload_id)
    assert (code(reply), results(reply)["possible_duplicates"]) == (853, [ID])
    site.edit(DUPLICATE_POLICY="warn")
    reply = site.enrol(upload_id)
    assert (code(reply), results(reply)["possible_duplicates"]) == (800, [ID])


def test_800_and_nobody_is_looked_for_where_duplicates_may_be(
    make_site: Callable[..., Site], astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(DUPLICATE_POLICY="off")
    site.enrolled(astronaut)
    monkeypatch.setattr(guards, "best_scores", None)  # whoever searches fails
    reply = site.enrol(site.uploaded(variant(astronaut), person_id=OTHER_ID))
    assert (code(reply), results(reply)["possible_duplicates"]) == (800, [])


def test_670_604_and_167_say_what_became_of_the_pickles(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    found = site.enrolled(astronaut, delete_pickles="true", rebuild_db="true")
    deleted = found["message_pickle"]["result"]
    assert {value for key, value in deleted.items() if key != "message"} == {670}
    assert all(key.endswith(".pkl") for key in deleted if key != "message")
    assert found["rebuilt_db"]["result"]["Dlib"] == 167
    for file in site.people.glob("*.pkl"):
        file.unlink()
    assert code(site.verify(site.uploaded(variant(astronaut)))) == 200
    assert code(site.verify(site.uploaded(variant(grace_hopper), person_id=OTHER_ID), skip_verify="true")) == 134


def test_604_there_was_no_pickle(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    gallery = site.services().gallery
    assert set(gallery.delete_pickles().values()) == {604}
    assert code(site.enrol(upload_id)) == 800


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=", b"--x\r\n"),
        ("multipart/form-data; boundary=\u00e9", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"\0\xff--"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut'),
        ("multipart/form-data; boundary=x", b"--x\r\nNo-Disposition: 1\r\n\r\na\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"a" * 200_000 + b"\r\n\r\na\r\n--x--\r\n"),
    ],
)
def test_400_a_multipart_body_is_damaged(site: Site, content_type: str, body: bytes) -> None:
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type=content_type)
    assert (code(reply), results(reply)["retry"]) == (400, False)


def test_404_405_and_413_come_in_an_envelope(make_site: Callable[..., Site], astronaut: bytes) -> None:
    site = make_site(MAX_UPLOAD_MB="1")
    unknown = site.client.get("/nothing/here")
    assert (code(unknown), set(unknown.get_json())) == (404, {"code", "message", "results", "system_errors"})
    wrong = site.client.get("/verify")
    assert (code(wrong), wrong.status_code, wrong.headers["Allow"]) == (405, 405, "POST")
    assert results(wrong)["advice"] == "Use POST."
    assert results(site.client.get("/codes/999"))["advice"] == "There is no such code. GET /codes lists all."
    assert set(wrong.get_json()) == {
        "recognition_code", "recognition_message", "recognition_results", "system_errors",
    }  # fmt: skip
    large = site.upload(astronaut + b"\0" * 1024 * 1024)
    assert (code(large), large.status_code) == (413, 413)
    assert results(large)["advice"] == "Send at most 1 MiB in one request."
