"""Hostile and careless input: a documented code in the right envelope, nothing outside its folder, nothing left."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from tests.http.site import ID, ROOT, Site, blank, code, results

pytestmark = pytest.mark.models


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and has next to no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = b"".join(
        struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (chunk, body, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rejected(site: Site, data: bytes) -> str:
    """Upload one bad file; return why it was not taken."""
    reply = site.upload(data)
    assert code(reply) == 120
    found = results(reply)
    assert (found["errors"], found["saved"]) == (["photo 0.jpg"], [])
    assert list(site.uploads.iterdir()) == []
    return str(found["reasons"]["photo 0.jpg"][0]["advice"])


def test_files_that_are_no_photos_are_listed_with_a_reason(site: Site, grace_hopper: bytes) -> None:
    for data in (
        b"",
        b"this is text named .jpg",
        b"<html><body>not a photo</body></html>",
        grace_hopper[: len(grace_hopper) // 2],
        png_header(30_000, 30_000),
        b"\xff\xd8\xff" + b"\0" * 1000,
        b"II*\0" + b"\0" * 100,
    ):
        assert rejected(site, data).endswith(".")


def test_a_photo_of_one_pixel_has_no_face(make_site: Callable[..., Site]) -> None:
    site = make_site(SCORE_TOL="7.000")
    reply = site.upload(saved(Image.new("RGB", (1, 1)), "PNG"))
    assert (code(reply), results(reply)["scores"]) == (120, {"photo 0.jpg": 0.0})


def test_unusual_photos_are_read_like_any_other(site: Site, grace_hopper: bytes) -> None:
    photo = Image.open(io.BytesIO(grace_hopper))
    grey = photo.convert("L")
    deep = Image.frombytes("I;16", grey.size, b"".join(bytes((0, value)) for value in grey.tobytes()))
    files = [
        saved(photo.convert("CMYK"), "JPEG"),
        saved(grey, "JPEG"),
        saved(deep, "PNG"),
        saved(photo.convert("RGBA"), "PNG"),
        saved(photo.convert("P"), "PNG"),
        saved(photo, "WEBP"),
        saved(photo, "BMP"),
        saved(photo, "GIF"),
        saved(photo, "TIFF"),
        saved(photo, "WEBP", save_all=True, append_images=[photo.rotate(90)], duration=50),
    ]
    reply = site.upload(*files)
    assert code(reply) == 119
    stages = {row["name"]: row for row in results(reply)["stages"]}
    assert [item["faces"] for item in stages["detect"]["items"]] == [1] * len(files)


def test_an_orientation_in_exif_is_applied(site: Site, grace_hopper: bytes) -> None:
    photo = Image.open(io.BytesIO(grace_hopper))
    exif = Image.Exif()
    exif[0x0112] = 6
    reply = site.upload(saved(photo.rotate(90, expand=True), "JPEG", exif=exif))
    stages = {row["name"]: row for row in results(reply)["stages"]}
    assert stages["detect"]["items"][0]["faces"] == 1


def test_a_hundred_files_at_once(site: Site) -> None:
    reply = site.upload(*[blank(40)] * 100)
    assert code(reply) == 119
    assert len(results(reply)["scores"]) == 100


def test_files_of_one_name_and_of_hostile_names_are_told_apart(site: Site, grace_hopper: bytes) -> None:
    names = ("../../etc/passwd", "C:\\x\\passwd", "\x1b\t", "p\u0430sswd")
    parts = (
        b'--cut\r\nContent-Disposition: form-data; name="a"; filename="'
        + name.replace("\\", "\\\\").encode()
        + b'"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + grace_hopper + b"\r\n"
        for name in names
    )
    body = b"".join(parts) + b"--cut--\r\n"
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="multipart/form-data; boundary=cut")
    assert code(reply) == 119
    assert list(results(reply)["scores"]) == ["passwd", "passwd (2)", "file", "p\u0430sswd"]
    kept = [file for file in site.uploads.rglob("*") if file.is_file()]
    photos = ["0001.jpg", "0002.jpg", "0003.jpg", "0004.jpg"]
    assert sorted(file.name for file in kept) == [*photos, "manifest.json", "seen.json"]
    assert not any("passwd" in file.as_posix() for file in site.folder.rglob("*"))


def test_a_file_field_without_a_name_counts_like_any_other(site: Site, grace_hopper: bytes) -> None:
    head = b'--cut\r\nContent-Disposition: form-data; name=""; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head + grace_hopper + b"\r\n--cut--\r\n"
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="multipart/form-data; boundary=cut")
    assert (code(reply), results(reply)["saved"]) == (119, ["x.jpg"])


SHARED = ROOT.parent / "shared" / "cases"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def part(head: str, data: bytes) -> bytes:
    """Return a part of a multipart body with the boundary `cut`."""
    return b"--cut\r\nContent-Disposition: form-data" + head.encode("latin-1") + b"\r\n\r\n" + data + b"\r\n"


def send_parts(site: Site, *sent: bytes) -> TestResponse:
    """Send parts to /upload_imgs."""
    body = b"".join(sent) + b"--cut--\r\n"
    return site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="multipart/form-data; boundary=cut")


def test_a_file_part_without_a_file_name_or_without_any_name_is_read(site: Site, grace_hopper: bytes) -> None:
    reply = send_parts(
        site,
        part('; name="photo"\r\nContent-Type: image/jpeg', grace_hopper),
        part('; name="photo"', grace_hopper),
        part('; filename="caf\xe9.jpg"', grace_hopper),
        part("", grace_hopper),
        part('; name="note"', b"a text"),
        part('; name="image"; filename=""\r\nContent-Type: application/octet-stream', b""),
    )
    assert code(reply) == 119
    assert results(reply)["saved"] == ["image_1", "image_2", "caf\xe9.jpg", "image_3"]


def test_what_stands_behind_the_last_part_does_not_count(site: Site, grace_hopper: bytes) -> None:
    body = part('; name="a"; filename="a.jpg"', grace_hopper) + b"--cut--\r\n" + b"\0" * 300_000
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="multipart/form-data; boundary=cut")
    assert results(reply)["saved"] == ["a.jpg"]


def test_a_hundred_and_one_photos_are_413_before_any_is_decoded(site: Site) -> None:
    texts = ["!"] * 101
    parts = [part('; name="a"; filename="a.jpg"', b"x")] * 101
    replies = [
        site.client.post(f"/upload_imgs?id={ID}", json={"images": texts}),
        site.client.post(f"/upload_imgs?id={ID}", data={"image": texts}),
        send_parts(site, *parts),
        send_parts(site, *[part('; name="a"', b"x")] * 151),
        site.client.post(f"/upload_imgs?id={ID}", data=b"a=&" * 200_000, content_type=FORM),
        site.client.post(f"/upload_imgs?id={ID}", data=b"[" + b"0," * 200_000 + b"0]", content_type=JSON),
        site.client.post("/verify", data=b"a=&" * 200_000, content_type=FORM),
        site.client.post("/upload_db", data=b"&" * 200_000, content_type=FORM),
    ]
    advice = "Send at most 100 photos and 50 other fields in one request."
    assert {(code(reply), reply.status_code, results(reply)["advice"]) for reply in replies} == {(413, 413, advice)}
    assert code(site.client.post(f"/upload_imgs?id={ID}", json={"images": texts[:100]})) == 193
    for most, said in {"2": "2 photos", "1": "one photo"}.items():
        site.edit(MAX_PHOTOS=most)
        reply = site.client.post(f"/upload_imgs?id={ID}", json={"images": texts[:3]})
        assert (code(reply), results(reply)["advice"]) == (413, advice.replace("100 photos", said))


def spellings(photo: bytes) -> dict[str, object]:
    """Return a photo's base64 in the ways that people write it, as the bodies of JSON."""
    text = base64.b64encode(photo + b"\0" * (1 - len(photo) % 3)).decode()  # two characters of padding
    assert text.endswith("==")
    wrapped = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    return {
        "no padding": {"images": [text.rstrip("=")]},
        "URL-safe": {"images": [text.translate(str.maketrans("+/", "-_"))]},
        "wrapped": {"images": [wrapped + "\n"]},
        "any type": {"images": [f"data:application/octet-stream;base64,{text}"]},
        "no type": {"images": [f"data:;base64,{text}"]},
        "a parameter": {"images": [f"data:image/jpeg;name=a.jpg;base64,{text}"]},
        "a single text": {"images": text},
        "image": {"image": text},
        "image of several": {"image": [text], "images": None},
        "any key, where it says that it is base64": {"photo": f"data:image/jpeg;base64,{text}"},
    }


def test_base64_is_read_as_people_write_it(site: Site, grace_hopper: bytes) -> None:
    for spelling, body in spellings(grace_hopper).items():
        reply = site.client.post(f"/upload_imgs?id={ID}", json=body)
        assert (code(reply), results(reply)["saved"]) == (119, ["image_1"]), spelling


def test_base64_that_is_none_is_named_and_the_rest_is_read(site: Site, grace_hopper: bytes) -> None:
    text = base64.b64encode(grace_hopper).decode()
    texts = [text[:40] + "=" + text[40:], text[:-3], "\ud800", 7, {}, "data:image/png;base64,", text + "\u00e9", text]
    reply = site.client.post(f"/upload_imgs?id={ID}", json={"images": texts})
    assert (code(reply), results(reply)["saved"]) == (119, ["image_8"])
    assert results(reply)["errors"] == [f"image_{number}" for number in range(1, 8)]


def test_base64_whose_plus_signs_a_form_has_turned_into_spaces_says_so(site: Site, grace_hopper: bytes) -> None:
    text = base64.b64encode(grace_hopper).decode()
    reply = site.client.post(f"/upload_imgs?id={ID}", data=f"image={text}".encode(), content_type=FORM)
    assert code(reply) == 193
    assert "%2B" in results(reply)["reasons"]["image_1"][0]["advice"]
    assert "%2B" in results(reply)["advice"]
    assert code(site.client.post(f"/upload_imgs?id={ID}", data={"image": text})) == 119


@pytest.mark.parametrize("file", sorted((SHARED / "10-base64-spellings").glob("*")), ids=lambda file: file.name)
def test_spellings_of_base64_from_the_field(site: Site, file: Path) -> None:
    content_type = FORM if file.suffix == ".form" else JSON
    reply = site.client.post(f"/upload_imgs?id={ID}", data=file.read_bytes(), content_type=content_type)
    assert code(reply) == (193 if file.suffix == ".form" else 119)


def test_a_name_is_read_by_the_charset_that_the_form_states(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    form = f"upload_id={upload_id}&name=Jos%E9&delete_pickles=false&rebuild_db=false&in_place=false"
    reply = site.client.post("/upload_db", data=form, content_type=FORM)
    assert (code(reply), results(reply)["field"]) == (128, "name")
    assert "UTF-8" in results(reply)["advice"]
    for charset in ("idna", "base64", "utf-7", "none", "'"):
        reply = site.client.post("/upload_db", data=form, content_type=f"{FORM}; charset={charset}")
        assert (code(reply), "UTF-8" in results(reply)["advice"]) == (107, True)
    raw = form.replace("%E9", "\xe9").encode("latin-1")
    reply = site.client.post("/upload_db", data=raw, content_type=f"{FORM}; charset=ISO-8859-1")
    assert code(reply) == 800
    assert code(site.client.post("/upload_db", data=form, content_type=f"{FORM}; charset=ISO-8859-1")) == 189
    assert [folder.name for folder in site.people.glob(f"*-{ID}")] == [f"jose-{ID}"]


@pytest.mark.parametrize("content_type", ["text/plain", "", "image/jpeg"])
def test_a_body_of_another_type_has_no_files(site: Site, content_type: str) -> None:
    reply = site.client.post(f"/upload_imgs?id={ID}", data=b"\0\xff--", content_type=content_type)
    assert code(reply) == 117


@pytest.mark.parametrize(
    "hostile", ["a/b", "a b", "RECO_ID_1\0", "R" * 10_000, "RECO_ID_\u0661", "..", "%2e%2e", "'--"]
)
def test_a_hostile_id_is_127_and_leaves_nothing(site: Site, grace_hopper: bytes, hostile: str) -> None:
    assert code(site.upload(grace_hopper, person_id=hostile)) == 127
    assert list(site.uploads.iterdir()) == []


@pytest.mark.parametrize("hostile", ["../../etc", f"{ID}-../x", "\0", "a" * 10_000, "%00", f"{ID}-" + "g" * 32, "."])
def test_a_hostile_upload_id_is_189(site: Site, hostile: str) -> None:
    assert code(site.verify(hostile)) == 189


def test_data_folders_are_not_served(site: Site, grace_hopper: bytes) -> None:
    upload_id = site.uploaded(grace_hopper)
    for path in (f"/static/uploads/{upload_id}/0001.jpg", "/static/", "/uploads/", "/.env", "/static/people/"):
        assert code(site.client.get(path)) == 404


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_a_wrong_method_is_405_in_the_endpoint_s_own_envelope(site: Site, method: str) -> None:
    reply = getattr(site.client, method)("/upload_imgs")
    assert set(reply.get_json()) == {"upload_results", "upload_code", "upload_message", "system_errors"}
    assert code(reply) == 405


def test_a_slash_before_the_query_is_the_same_endpoint(site: Site, grace_hopper: bytes) -> None:
    reply = site.client.post(f"/upload_imgs/?id={ID}", data={"x": (io.BytesIO(grace_hopper), "x.jpg")})
    assert set(reply.get_json()) == {"upload_results", "upload_code", "upload_message", "system_errors"}
    assert code(reply) == 119
