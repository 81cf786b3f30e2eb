"""The console as a page: its explanations, keyboard, screen readers, weight, key, and what it keeps."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from api.source import Source
from faceapp import create_app
from security.keys import KeySet, new_key
from tests.browser.accessibility import serious
from tests.browser.tasks import choose, photo, sample, upload
from tests.browser.watched import Watch
from tests.http.front import FrontSource
from tools.installation.trial import TrialServer

pytestmark = [pytest.mark.models, pytest.mark.slow]

MOST_BYTES = 300_000
Opened = Callable[..., tuple[Page, Watch]]


def test_axe_finds_nothing_serious(page: Page) -> None:
    assert serious(page) == []
    upload(page, "RECO_ID_5", photo("one.jpg", sample(1)))
    for stage in ("Faces", "Quality"):
        page.get_by_role("button", name=stage).click()
    assert serious(page) == []
    page.locator("#upload-outcome .code").click()
    expect(page.get_by_role("dialog")).to_contain_text("Files uploaded successfully.")
    assert serious(page) == []


def test_nothing_is_wider_than_the_page(page: Page, width: int) -> None:
    upload(page, "RECO_ID_6", photo("a_photo_with_a_very_long_name_" * 4 + ".jpg", sample(1)))
    page.get_by_role("button", name="Faces").click()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_a_code_is_explained_where_it_is_shown(page: Page) -> None:
    upload(page, "RECO_ID_7", photo("one.jpg", sample(1)))
    page.get_by_role("button", name="Code 126: explain").click()
    expect(page.get_by_role("dialog")).to_contain_text("Regex matched ID.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_tasks_can_be_reached_and_used_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the tasks")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("ID", exact=True)).to_be_focused()
    page.keyboard.type("RECO_ID_8")
    order = []
    for _ in range(12):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert order == [
        "Choose photos", "Camera", "Try samples", "upload-go", "person-name", "in-place", "enrol-go", "skip_liveness",
        "skip_verify", "skip_db_search", "challenge-go", "verify-go",
    ]  # fmt: skip


def test_enter_uses_the_button_and_one_that_is_off_says_why(page: Page) -> None:
    page.get_by_label("Name").press("Enter")
    expect(page.locator("#enrol-outcome")).to_have_text("Upload photos first.")
    page.get_by_label("ID", exact=True).fill("RECO_ID_10")
    page.get_by_label("ID", exact=True).press("Enter")
    expect(page.locator("#upload-outcome")).to_have_text("Choose photos first.")
    choose(page, "upload-picker", photo("one.jpg", sample(1)))
    page.get_by_label("ID", exact=True).press("Enter")
    expect(page.locator("#upload-outcome .code")).to_have_text("119")


def test_the_back_button_goes_to_the_tab_before_and_the_address_names_the_tab(page: Page) -> None:
    page.get_by_role("tab", name="Search").click()
    expect(page).to_have_url(re.compile("#search$"))
    page.go_back()
    expect(page.locator("#panel-person")).to_be_visible()
    page.go_forward()
    page.reload()
    expect(page.locator("#panel-search")).to_be_visible()


def test_the_page_is_light_and_paints_at_once(opened: Opened, server: TrialServer) -> None:
    page, _ = opened(server.address)
    page.get_by_text("Ready", exact=True).wait_for()
    kinds = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    sizes = page.evaluate(f"{kinds}.map((one) => [one.name, one.decodedBodySize])")
    own = {name: size for name, size in sizes if "/static/" in name or name == f"{server.address}/"}
    assert len(own) > 20
    assert sum(own.values()) < MOST_BYTES
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"first paint with an empty cache after {paint:.0f} ms, {sum(own.values())} bytes in {len(own)} files")


@pytest.fixture
def locked() -> Iterator[tuple[str, str]]:
    """Return the address of a server that has keys and nothing else, and a key of it."""
    key, record = new_key("a test", ["upload"], int(time.time()), None)
    application = create_app(cast(Source, FrontSource(load=lambda: KeySet((record,)))))
    running = make_server("127.0.0.1", 0, application, threaded=True)
    serving = threading.Thread(target=running.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{running.port}", key
    running.shutdown()
    serving.join()


def test_once_there_are_keys_the_page_asks_for_one_and_keeps_it_in_memory_alone(
    locked: tuple[str, str], opened: Opened
) -> None:
    address, key = locked
    page, watch = opened(address)
    watch.expected |= {401, 503}
    page.get_by_label("ID", exact=True).fill("RECO_ID_9")
    choose(page, "upload-picker", photo("one.jpg", sample(1)))
    page.locator("#upload-go").click()
    assert serious(page) == []
    page.get_by_label("API key").fill("faceapp_no_such_key")
    page.get_by_role("button", name="Use key").click()
    expect(page.get_by_role("dialog")).to_contain_text("The server does not accept this key")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use key").click()
    expect(page.locator("#upload-outcome .code")).to_have_text("176")
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.get_by_role("button", name="Forget key").click()
    page.locator("#upload-go").click()
    expect(page.get_by_label("API key")).to_be_visible()
