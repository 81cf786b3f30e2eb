"""What axe-core finds in a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = ("serious", "critical")
PHONE = 600
"""Pages narrower than this are looked at in the dark, others in the light: each colour scheme is seen once."""

SETTLED = """async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.all(changing.map((one) => one.finished.catch(() => {})));
}"""
"""Waits until colours have changed: a colour on its way to another one has no contrast to speak of."""


def serious(page: Page) -> list[str]:
    """Return the serious findings in the colour scheme that goes with the page's width: each rule and its elements."""
    size = page.viewport_size
    page.emulate_media(color_scheme="dark" if size and size["width"] < PHONE else "light")
    page.evaluate(SETTLED)
    grave = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
    return [f"{one['id']}: {node['html'][:120]}" for one in grave for node in one["nodes"]]
