"""What a person does in the console, in one line each."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import FilePayload, Page, expect

SAMPLES = Path(__file__).resolve().parents[2] / "static" / "console" / "samples"
WIDTHS = [390, 1280]


def photo(name: str, data: bytes) -> FilePayload:
    """Return a photo as a file input takes it."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def sample(number: int) -> bytes:
    """Return a sample photo: one to five, all of one person who does not exist."""
    return (SAMPLES / f"sample_{number}.jpg").read_bytes()


def choose(page: Page, picker: str, *photos: FilePayload) -> None:
    """Choose files in a picker, by the id of its place."""
    page.locator(f"#{picker} input[type=file]").set_input_files(list(photos))


def upload(page: Page, person_id: str, *photos: FilePayload) -> None:
    """Upload photos for an ID, and wait for the reply."""
    page.get_by_label("ID", exact=True).fill(person_id)
    choose(page, "upload-picker", *photos)
    with page.expect_response(re.compile("/upload_imgs")):
        page.get_by_role("button", name=re.compile("^Upload")).click()
    expect(page.locator("#upload-go")).not_to_have_attribute("aria-busy", "true")


def enrol(page: Page, name: str) -> None:
    """Enrol the upload, and wait for the reply."""
    page.get_by_label("Name").fill(name)
    with page.expect_response(re.compile("/upload_db")):
        page.get_by_role("button", name="Enrol").click()
    expect(page.locator("#enrol-outcome .code")).to_be_visible()


def verify(page: Page) -> None:
    """Verify the upload, and wait for the verdict."""
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.locator(".verdict")).to_be_visible()
