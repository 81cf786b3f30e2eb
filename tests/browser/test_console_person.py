"""Upload, enrol and verify in the console, against the real server, on a phone and on a desk."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import serious
from tests.browser.tasks import WIDTHS, enrol, photo, sample, upload, verify
from tests.browser.watched import Watch
from tests.http.site import new_photo, variant
from tools.installation.trial import TrialServer

pytestmark = [pytest.mark.models, pytest.mark.slow]


def test_a_person_is_uploaded_enrolled_and_verified(page: Page, width: int, astronaut: bytes) -> None:
    upload(page, f"RECO_ID_1{width}", photo("one.png", astronaut))
    expect(page.locator("#upload-outcome .code")).to_have_text("119")
    expect(page.get_by_role("img", name=re.compile(r"Score \d+\.\d of 10, kept"))).to_have_count(1)
    enrol(page, "Ada Lovelace")
    expect(page.locator("#enrol-outcome .code")).to_have_text("800")
    expect(page.locator("#enrol-shown")).to_contain_text("1 face crop and 4 augmented pictures saved")
    expect(page.get_by_role("img", name="Saved face")).to_have_count(1)
    expect(page.get_by_role("img", name=re.compile("Augmented face [1-4]"))).to_have_count(4)
    shown = page.locator(".thumbs img").evaluate_all("images => images.map((one) => one.naturalWidth)")
    assert shown == [224] * 5
    upload(page, f"RECO_ID_1{width}", photo("now.jpg", new_photo(astronaut, width)))
    verify(page)
    expect(page.locator(".verdict-text")).to_have_text("Verified")
    expect(page.locator(".facts")).to_contain_text("Ada Lovelace")
    expect(page.locator(".facts")).to_contain_text("1 in ")
    for reason in ("1 of 1 face judged live", "1 of 1 face within the threshold", "No other enrolled person is"):
        expect(page.locator(".reasons")).to_contain_text(reason)
    expect(page.get_by_role("img", name="Enrolled face")).to_have_count(1)
    expect(page.locator("#verify-go")).to_have_attribute("title", "Upload photos first.")
    assert serious(page) == []
    page.evaluate("window.print = () => { document.title = 'printed'; }")
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")
    expect(page.locator(".stage-toggle[aria-expanded=false]:enabled")).to_have_count(0)
    page.emulate_media(media="print")
    expect(page.locator(".verdict-text")).to_be_visible()
    expect(page.locator("#task-upload")).to_be_hidden()


def test_from_the_first_page_to_a_verified_person_it_takes_three_clicks(
    opened: Callable[..., tuple[Page, Watch]], server: TrialServer, width: int
) -> None:
    page, _ = opened(server.address, script=f"Math.random = () => {WIDTHS.index(width) / 3}")
    page.get_by_role("button", name="Try samples").click()
    expect(page.locator("#enrol-go")).to_have_attribute("aria-disabled", "false")
    page.get_by_role("button", name="Enrol").click()
    expect(page.locator("#verify-go")).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#upload-picker")).to_contain_text(re.compile("sample_[345].jpg"))
    verify(page)
    expect(page.locator(".verdict-text")).to_have_text("Verified")
    expect(page.locator(".facts")).to_contain_text("Sample Person")


def test_a_rejected_photo_says_which_check_failed_and_what_to_do(page: Page) -> None:
    upload(page, "RECO_ID_2", photo("dark.jpg", variant(sample(1), 0.15)))
    expect(page.locator("#upload-outcome .code")).to_have_text("120")
    expect(page.locator(".photo")).to_contain_text("Move to the light: the face is too dark.")
    expect(page.get_by_role("img", name=re.compile("rejected"))).to_have_count(1)


def test_equal_file_names_stay_apart(page: Page, astronaut: bytes) -> None:
    upload(page, "RECO_ID_3", photo("me.jpg", sample(1)), photo("me.jpg", astronaut))
    expect(page.locator(".photo-name")).to_have_text(["me.jpg", "me.jpg (2)"])
    expect(page.get_by_role("img", name=re.compile("Score"))).to_have_count(2)


def test_photos_can_be_dropped_and_removed(page: Page) -> None:
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["x"], "dropped.jpg", { type: "image/jpeg" }));
            const drop = new DragEvent("drop", { dataTransfer: transfer, cancelable: true });
            document.getElementById("upload-picker").dispatchEvent(drop);
        }"""
    )
    expect(page.locator(".photo-name")).to_have_text("dropped.jpg")
    page.get_by_role("button", name="Remove dropped.jpg").click()
    expect(page.locator("#upload-picker .drop-text")).to_be_visible()


def test_who_is_somebody_else_is_not_verified_and_the_ledger_shows_how_far(
    page: Page, width: int, grace_hopper: bytes
) -> None:
    person_id = f"RECO_ID_4{width}"
    upload(page, person_id, photo("one.jpg", sample(1)))
    enrol(page, "Sample")
    upload(page, person_id, photo("other.jpg", new_photo(grace_hopper, width)))  # the photo itself is elsewhere
    verify(page)
    expect(page.locator(".verdict-text")).to_have_text("Not verified")
    page.get_by_role("button", name="1:1 comparison").click()
    bars = page.locator(".stage-body .bar")
    expect(bars.locator(".bar-label")).to_have_text(["Fused distance", "Dlib", "SFace"])
    expect(bars.first).to_contain_text("beyond")
    assert serious(page) == []


def test_another_id_is_another_person(page: Page, width: int) -> None:
    person_id = f"RECO_ID_5{width}"
    upload(page, person_id, photo("one.jpg", sample(1)))
    enrol(page, "Ada Lovelace")
    page.get_by_label("ID", exact=True).fill(f"RECO_ID_6{width}")
    expect(page.get_by_label("Name")).to_have_value("")
    expect(page.locator("#enrol-outcome")).to_be_empty()
    upload(page, f"RECO_ID_6{width}", photo("two.jpg", sample(2)))
    page.get_by_label("ID", exact=True).fill(person_id)
    page.get_by_label("Name").fill("Ada King")
    page.get_by_role("button", name="Enrol").click(force=True)
    expect(page.locator("#enrol-outcome")).to_contain_text(f"The photos were uploaded for RECO_ID_6{width}.")
    page.get_by_label("ID", exact=True).fill(f"RECO_ID_6{width}")
    enrol(page, "Ada King")
    expect(page.locator("#enrol-outcome")).to_contain_text(f"The same face is enrolled under {person_id}.")


def test_two_clicks_try_the_samples_once(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/upload_imgs" in request.url else None)
    page.get_by_role("button", name="Try samples").dblclick()
    expect(page.locator("#upload-outcome .code")).to_have_text("119")
    expect(page.locator("#enrol-go")).to_have_attribute("aria-disabled", "false")
    assert len(asked) == 1


def test_a_lost_connection_is_no_verdict_and_the_same_photos_can_be_sent_again(
    opened: Callable[..., tuple[Page, Watch]], server: TrialServer, width: int
) -> None:
    page, watch = opened(server.address)
    watch.expected.add(0)
    upload(page, f"RECO_ID_7{width}", photo("one.jpg", sample(1)))
    page.route(re.compile("/verify|/health/ready"), lambda route: route.abort())
    verify(page)
    expect(page.locator(".verdict-text")).to_have_text("No decision")
    expect(page.locator("#verify-outcome")).to_contain_text("Check the connection")
    expect(page.locator("#status")).to_have_text("No answer")
    page.unroute_all()
    expect(page.locator("#status")).to_have_text("Ready")
    expect(page.locator("#verify-go")).to_have_attribute("aria-disabled", "false")


def test_a_wrong_id_marks_the_field(opened: Callable[..., tuple[Page, Watch]], server: TrialServer) -> None:
    page, watch = opened(server.address)
    watch.expected.add(400)
    upload(page, "nobody", photo("one.jpg", sample(1)))
    expect(page.locator("#upload-outcome .code")).to_have_text("127")
    expect(page.get_by_label("ID", exact=True)).to_have_attribute("aria-invalid", "true")
