"""Comparing, searching, the camera and the challenge in the console."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import serious
from tests.browser.tasks import choose, enrol, photo, sample, upload
from tests.browser.watched import Watch
from tests.http.site import encoded, new_photo
from tools.installation.trial import TrialServer

pytestmark = [pytest.mark.models, pytest.mark.slow]

Opened = Callable[..., tuple[Page, Watch]]
CLIP = "data/video/intel_head-pose-female.gif"
FRAMES = {"enrolled": 9, "ahead": 19, "turn_right": 3, "turn_left": 13}
"""Frames of the clip, from her own point of view."""

ACTOR = """
    const pictures = {};
    for (const [step, data] of Object.entries(FRAMES)) {
        pictures[step] = new Image();
        pictures[step].src = data;
    }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [960, 540];
    const pen = canvas.getContext("2d");
    setInterval(() => {
        const step = document.querySelector("dialog")?.dataset.step ?? "ahead";
        pen.drawImage(pictures[step], 0, 0, canvas.width, canvas.height);
    }, 40);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(25);
"""
"""A camera that shows somebody who does what the page asks for."""


def test_two_photos_are_compared(page: Page, width: int, grace_hopper: bytes) -> None:
    page.get_by_role("tab", name="Compare").click()
    choose(page, "compare-a", photo("one.jpg", sample(1)))
    choose(page, "compare-b", photo("two.jpg", sample(2)))
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#compare-result .verdict-text")).to_have_text("Same person")
    assert serious(page) == []
    choose(page, "compare-b", photo("other.jpg", grace_hopper))
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#compare-result .verdict-text")).to_have_text("Not the same person")


def test_a_search_names_the_nearest_and_many_photos_become_a_job(page: Page, width: int, astronaut: bytes) -> None:
    upload(page, "RECO_ID_21", photo("one.jpg", sample(1)))
    enrol(page, "Sample Person")
    page.get_by_role("tab", name="Person").press("ArrowRight")
    page.get_by_role("tab", name="Compare").press("ArrowRight")
    choose(page, "search-picker", photo("two.jpg", sample(2)))
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".candidates li").first).to_contain_text("Sample Person")
    expect(page.locator(".candidates li").first).to_contain_text("within")
    assert serious(page) == []
    choose(page, "search-picker", *(photo(f"{number}.jpg", sample(number)) for number in range(1, 6)))
    with page.expect_response(re.compile("/jobs/")):
        page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".found-face")).to_have_count(5)


def test_the_camera_takes_photos_with_advice(page: Page, width: int, camera_file: Path | None) -> None:
    page.get_by_role("button", name="Camera").click()
    expect(page.locator(".advice")).not_to_have_text("Starting the camera")
    page.get_by_role("button", name="Take photo").click()
    assert serious(page) == []
    page.get_by_role("button", name="Use 1 photo").click()
    expect(page.locator(".photo-name")).to_have_text("camera_1.jpg")
    if camera_file is not None:
        page.get_by_label("ID", exact=True).fill("RECO_ID_22")
        page.locator("#upload-go").click()
        expect(page.get_by_role("img", name=re.compile("Score"))).to_be_visible()


def test_a_camera_that_is_denied_is_explained(opened: Opened, server: TrialServer) -> None:
    denied = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));"
    page, _ = opened(server.address, script=denied)
    page.get_by_role("button", name="Camera").click()
    expect(page.locator(".advice")).to_contain_text("The browser may not use the camera.")
    assert serious(page) == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.fixture
def actor(opened: Opened, server: TrialServer, shared_data: Path, width: int) -> Page:
    """Return the console with somebody before the camera who does what it asks for, and is enrolled."""
    frames = clip_frames(shared_data / CLIP)
    pictures = frames if width < 600 else {step: new_photo(data, width) for step, data in frames.items()}
    urls = {step: f"data:image;base64,{base64.b64encode(data).decode()}" for step, data in pictures.items()}
    page, _ = opened(server.address, script=f"const FRAMES = {urls};{ACTOR}")
    upload(page, f"RECO_ID_3{width}", photo("her.png", pictures["enrolled"]))
    enrol(page, "Somebody Who Turns")
    page.get_by_role("button", name="Verify with head turns").click()
    return page


def test_the_challenge_is_walked_through_and_verifies(actor: Page) -> None:
    assert serious(actor) == []
    actor.get_by_role("button", name="Start").click()
    expect(actor.locator(".walk-text")).to_have_text("Look straight ahead")
    expect(actor.locator(".walk-text")).to_contain_text(re.compile("Turn your head to your (left|right)"))
    expect(actor.locator(".verdict-text")).to_have_text("Verified", timeout=90_000)
    expect(actor.get_by_role("button", name="Challenge")).to_be_visible()
    assert serious(actor) == []


def test_a_challenge_can_be_left(actor: Page) -> None:
    actor.get_by_role("button", name="Start").click()
    expect(actor.locator(".walk-text")).to_have_text("Look straight ahead")
    actor.get_by_role("button", name="Cancel").click()
    expect(actor.get_by_role("dialog")).to_have_count(0)
    expect(actor.locator(".verdict")).to_have_count(0)


def clip_frames(clip: Path) -> dict[str, bytes]:
    """Return frames of a clip in which a woman looks ahead and turns her head, twice as large as they came."""
    capture, found = cv2.VideoCapture(str(clip)), []
    while (read := capture.read())[0]:
        found.append(encoded(cv2.resize(read[1], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), ".png"))
    capture.release()
    return {step: found[number] for step, number in FRAMES.items()}
