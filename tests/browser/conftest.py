"""Fixtures for tests in a browser: a real server, Chromium with a fake camera, and a watched page.

A page that was opened fails its test on console errors and on requests to other hosts. Every test runs at two widths.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.watched import Watch
from tools.installation.trial import TrialServer, trial_server

ROOT = Path(__file__).resolve().parents[2]
HEIGHTS = {390: 844, 1280: 800}
PATIENCE_MS = 60_000
CLIP = "data/video/intel_head-pose-female.gif"
CLIP_FRAMES = 24
CAMERA_SIZE = (640, 360)

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)  # fmt: skip

expect.set_options(timeout=PATIENCE_MS)

SETTINGS = {"SELECTED_MODELS": "Dlib,SFace", "FETCH_MODELS": "false", "ENROL_LIVENESS": "warn"}


@pytest.fixture(scope="session")
def browser_folder() -> Iterator[Path]:
    """Return a folder for the session's files, removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="faceapp-browser-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def make_server(browser_folder: Path) -> Iterator[Callable[[Mapping[str, str]], TrialServer]]:
    """Return a maker of real servers, each a process of its own that ends with the session."""
    with ExitStack() as running:

        def make(changes: Mapping[str, str]) -> TrialServer:
            folder = Path(tempfile.mkdtemp(dir=browser_folder))
            return running.enter_context(trial_server(ROOT, folder, {**SETTINGS, **changes}))

        yield make


@pytest.fixture(scope="session")
def server(make_server: Callable[[Mapping[str, str]], TrialServer]) -> TrialServer:
    """Return a real server with the default settings, without keys, for the whole session."""
    return make_server({})


@pytest.fixture(scope="session")
def camera_file(browser_folder: Path) -> Path | None:
    """Return a clip of a face as the browser's fake camera plays it; None without the shared test data."""
    clip = (ROOT / "../shared" / CLIP).resolve()
    if not clip.is_file():
        return None
    capture, file = cv2.VideoCapture(str(clip)), browser_folder / "camera.mjpeg"
    with file.open("wb") as out:
        for _ in range(CLIP_FRAMES):
            seen, frame = capture.read()
            if not seen:
                break
            out.write(cv2.imencode(".jpg", cv2.resize(frame, CAMERA_SIZE))[1].tobytes())
    return file


@pytest.fixture(scope="session")
def browser(camera_file: Path | None) -> Iterator[Browser]:
    """Return Chromium with a fake camera, or skip."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    film = [f"--use-file-for-fake-video-capture={camera_file}"] if camera_file else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=[*QUIET, *film])
        yield running
        running.close()


@pytest.fixture(params=HEIGHTS)
def width(request: pytest.FixtureRequest) -> int:
    """Return the page's width in CSS pixels: every test runs on a phone and on a desk."""
    return int(request.param)


@pytest.fixture
def opened(browser: Browser, width: int) -> Iterator[Callable[..., tuple[Page, Watch]]]:
    """Return a function that opens a server's page in a profile of its own, watched until the test ends."""
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def open_page(address: str, path: str = "/", script: str = "", **options: object) -> tuple[Page, Watch]:
        size = {"width": width, "height": HEIGHTS[width]}
        settings = {"viewport": size, "permissions": ["camera"], "reduced_motion": "reduce", **options}
        context = browser.new_context(**settings)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        if script:
            page.add_init_script(script)
        watches.append(Watch(page, address))
        page.goto(f"{address}{path}")
        return page, watches[-1]

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for watch in watches for fault in watch.faults] == []


@pytest.fixture
def page(opened: Callable[..., tuple[Page, Watch]], server: TrialServer) -> Page:
    """Return the console, ready."""
    console, _ = opened(server.address)
    console.get_by_text("Ready", exact=True).wait_for()
    return console
