"""What axe-core finds in a page."""

from __future__ import annotations

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = ("serious", "critical")
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")

SETTLED = """async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.all(changing.map((one) => one.finished.catch(() => {})));
}"""
"""Waits until colours have changed: a colour on its way to another one has no contrast to speak of."""


def serious(page: Page) -> list[str]:
    """Return the serious findings in the dark and in the light, each with its rule and the elements."""
    findings: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLED)
        found = Axe().run(page).response["violations"]
        grave = [one for one in found if one["impact"] in SERIOUS]
        findings += [f"{scheme}, {one['id']}: {node['html'][:120]}" for one in grave for node in one["nodes"]]
    return findings
