"""Upload, enrol and verify in the console, against the real server, on a phone and on a desk."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.http.site import new_photo, variant

pytestmark = [pytest.mark.models, pytest.mark.slow]

WIDTHS = [390, 1280]


def photo(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def upload(page: Page, *photos: FilePayload) -> None:
    page.locator("#upload-picker input[type=file]").set_input_files(list(photos))
    page.get_by_role("button", name=re.compile("^Upload")).click()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_is_uploaded_enrolled_and_verified(page: Page, width: int, astronaut: bytes) -> None:
    page.get_by_label("ID", exact=True).fill(f"RECO_ID_1{width}")
    upload(page, photo("one.png", astronaut))
    expect(page.locator("#upload-outcome .code")).to_have_text("119")
    expect(page.get_by_role("img", name=re.compile(r"Score \d+\.\d of 10, kept"))).to_have_count(1)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_role("button", name="Enrol").click()
    expect(page.locator("#enrol-outcome .code")).to_have_text("800")
    expect(page.locator("#enrol-shown")).to_contain_text("1 face crop and 4 augmented pictures saved")
    upload(page, photo("now.jpg", new_photo(astronaut, width)))
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.locator(".verdict-text")).to_have_text("Verified")
    expect(page.locator(".facts")).to_contain_text("Ada Lovelace")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_rejected_photo_says_which_check_failed_and_what_to_do(page: Page, astronaut: bytes) -> None:
    page.get_by_label("ID", exact=True).fill("RECO_ID_2")
    upload(page, photo("dark.jpg", variant(astronaut, 0.15)))
    expect(page.locator("#upload-outcome .code")).to_have_text("120")
    expect(page.locator(".photo")).to_contain_text("Move to the light: the face is too dark.")
    expect(page.get_by_role("img", name=re.compile("rejected"))).to_have_count(1)
