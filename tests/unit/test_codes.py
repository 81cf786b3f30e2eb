"""The catalogue of codes holds the document's numbers and texts, and every code has an origin."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from codes_dict import CODES_DICT, Code, Kind, Outcome, Refusal

ROOT = Path(__file__).resolve().parents[2]

DOCUMENT = {
    176: "There was problem with .env file on the server.",
    153: "At least one of the images doesn't exist. Consult log.",
    111: "Length of img_paths is zero.",
    630: "Could not detect a face in any of the images.",
    126: "Regex matched ID.",
    127: "Regex didn't match ID.",
    119: "Files uploaded successfully.",
    117: "Length of uploaded files was zero.",
    155: "Database connection error. Consult log.",
    100: "None of the matching IDs in the DB matched what was given.",
    134: "After a search in the DB, the ID matched with what was found.",
    116: "Problem getting ID, please check MySQL settings.",
    113: "Path in the MySQL database doesn't exist in the image database.",
    200: "Image successfully verified.",
    500: "Image failed to verify and DB search was not enabled or was not a success.",
    150: "Insert into MySQL failed. Please check your settings.",
    152: "Failed to detect face in any of the images or all contained more than one face.",
    178: "Problem loading liveness detection model. Check your URL.",
    560: "All faces were spoof.",
    143: "Both skip_verify and skip_db_search set to True. One must be False.",
    900: "ID already exists in db and in_place was set to true. Folder deleted and DB path replaced.",
    838: "ID successfully inserted into DB. in_place was needlessly enabled.",
    800: "ID successfully inserted to db.",
    850: "ID successfully inserted to db. in_place was disabled, so the files were added to the previous ones.",
    189: "Folder already uploaded to DB. Can't verify to upload again. Or it does not exist at all!",
    107: "Endpoint request needs to be www-form-urlencoded, or form is empty.",
    108: "Acceptable upload_db endpoint www-form-urlencoded keys: "
    "upload_id, name, delete_pickles, rebuild_db, in_place.",
    109: "Acceptable verify endpoint www-form-urlencoded keys: upload_id, skip_verify, skip_db_search, skip_liveness.",
    110: "No args provided for upload_imgs endpoint, or id arg must be provided through upload_imgs?id=",
    120: "All the files were rejected due to not meeting score criteria.",
    193: "There was a problem with base64 string.",
    175: "Settings are valid.",
    670: "Pickle file deleted.",
    604: "Pickle file was not there.",
    167: "Pickle file rebuilt.",
}


@pytest.mark.parametrize(("number", "message"), DOCUMENT.items())
def test_a_number_of_the_document_has_its_text_letter_for_letter(number: int, message: str) -> None:
    assert CODES_DICT[number] == message


def test_every_code_says_what_its_reader_does() -> None:
    assert [code.name for code in Code if not (code.caller_does.endswith(".") and code.operator_does)] == []


def test_the_status_follows_from_the_kind() -> None:
    expected = {Kind.SUCCESS: {200}, Kind.VERDICT: {200}, Kind.DETAIL: {200}, Kind.SERVER: {503, 500}}
    wrong = [code.name for code in Code if code.kind in expected and code.status not in expected[code.kind]]
    assert wrong == []
    assert {code.status for code in Code if code.kind is Kind.CALLER} == {400, 401, 403, 404, 405, 409, 413, 422, 429}


def test_only_what_the_server_lacks_can_succeed_later_without_a_change() -> None:
    assert {code.kind for code in Code if code.retry and code not in (Code.TOO_MANY, Code.CONFLICT)} == {Kind.SERVER}
    assert {code for code in Code if code.kind is Kind.SERVER and not code.retry} == {
        Code.NO_IMAGES,
        Code.IMAGE_MISSING,
        Code.SEAL_BROKEN,
    }


def test_a_refusal_names_its_code_and_keeps_its_detail_for_the_log() -> None:
    refusal = Refusal(Code.NO_FACE, "why")
    assert str(refusal) == "630 NO_FACE: why"
    assert Outcome(Code.DONE).results == {}


def test_a_refusal_says_what_to_do_and_what_is_wrong() -> None:
    assert Refusal(Code.DB_DOWN).guidance() == {"advice": "Try again later.", "retry": True}
    specific = Refusal(Code.BAD_NAME, advice="Send it in UTF-8.", field="name")
    assert specific.guidance() == {"advice": "Send it in UTF-8.", "retry": False, "field": "name"}
    assert Refusal(Code.MALFORMED, retry=True, file="a.jpg").guidance()["file"] == "a.jpg"


def test_every_code_is_used_by_the_sources() -> None:
    files = [
        ROOT / "faceapp.py",
        *(file for part in ("api", "bootstrap", "db", "pipeline", "security") for file in (ROOT / part).rglob("*.py")),
    ]
    named = {
        node.attr
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Code"
    }
    assert {code.name for code in Code} - named == set()
