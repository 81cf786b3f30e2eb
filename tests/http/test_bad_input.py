"""Hostile and careless input: a documented code in the right envelope, nothing outside its folder, nothing left."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from tests.http.site import ID, Site, blank, code, results

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
        saved(Image.new("RGB", (8, 8)), "GIF"),
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


def test_two_hundred_files_at_once(site: Site) -> None:
    reply = site.upload(*[blank(40)] * 200)
    assert code(reply) == 119
    assert len(results(reply)["scores"]) == 200


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
    assert not any(b"passwd" in file.read_bytes() for file in kept if file.suffix == ".json")


def test_a_file_field_without_a_name_counts_like_any_other(site: Site, grace_hopper: bytes) -> None:
    head = b'--cut\r\nContent-Disposition: form-data; name=""; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head + grace_hopper + b"\r\n--cut--\r\n"
    reply = site.client.post(f"/upload_imgs?id={ID}", data=body, content_type="multipart/form-data; boundary=cut")
    assert (code(reply), results(reply)["saved"]) == (119, ["x.jpg"])


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=", "text/plain", ""])
def test_a_body_that_cannot_be_read_has_no_files(site: Site, content_type: str) -> None:
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
