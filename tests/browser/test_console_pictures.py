"""Pictures of the console for the documentation. The person in them is drawn: see `tools.samples`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HEIGHTS
from tests.browser.pictures import keep
from tests.browser.tasks import choose, photo, sample, verify
from tests.browser.watched import Watch
from tools.installation.trial import TrialServer

pytestmark = [pytest.mark.models, pytest.mark.slow]


def both(page: Page, name: str, seen: str) -> None:
    """Keep a picture at each width, dark on the phone, with the element `seen` in it."""
    for width, height in HEIGHTS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if width < 600 else "light")
        page.locator(seen).evaluate("(element) => element.scrollIntoView({ block: 'start' })")
        page.wait_for_timeout(200)
        keep(page, f"console-{name}-{width}")


@pytest.mark.parametrize("width", [1280])
def test_pictures(
    opened: Callable[..., tuple[Page, Watch]], make_server: Callable[[Mapping[str, str]], TrialServer]
) -> None:
    page, _ = opened(make_server({}).address, script="Math.random = () => 0")
    page.get_by_role("tab", name="Compare").wait_for()
    both(page, "start", "header")
    page.get_by_role("button", name="Try samples").click()
    expect(page.locator("#enrol-go")).to_have_attribute("aria-disabled", "false")
    both(page, "uploaded", "header")
    page.get_by_role("button", name="Enrol").click()
    expect(page.locator("#upload-picker")).to_contain_text("sample_3.jpg")
    expect(page.locator("#verify-go")).to_have_attribute("aria-disabled", "false")
    verify(page)
    expect(page.get_by_role("img", name="Enrolled face")).to_have_count(2)
    both(page, "verified", "#result")
    page.get_by_role("button", name="Faces").click()
    page.get_by_role("button", name="1:1 comparison").click()
    both(page, "ledger", "#result .ledger")
    page.get_by_role("tab", name="Search").click()
    choose(page, "search-picker", photo("visitor.jpg", sample(5)))
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".candidates li")).to_have_count(1)
    both(page, "search", "#search-result")
