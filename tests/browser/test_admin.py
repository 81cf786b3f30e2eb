"""The operator's page: signing in, finding a cause, forgetting a person, keys, and what each view shows."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from dotenv import dotenv_values
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server as make_wsgi_server

from bootstrap.container import ServiceContainer
from bootstrap.engines import liveness_loader
from bootstrap.models import LoadedModels
from faceapp import create_app
from tests.browser.accessibility import serious
from tests.browser.pictures import keep
from tests.browser.watched import Watch
from tests.http.site import ENV, blank, new_photo
from tools.installation.trial import TrialServer

pytestmark = pytest.mark.slow

VIEWS = ("Overview", "Requests", "Log", "Jobs", "People", "Uploads", "API keys", "Settings", "Models")
PICTURED = ("Overview", "Models")
MOST_BYTES = 300_000
PASSWORD = ENV["SUPER_PASSWORD"]

Open = Callable[..., tuple[Page, Watch]]


class LightServer:
    """A server without models, in this process: enough for the door, keys and settings. `edit` changes `.env`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env = folder, dict(ENV)
        for name in ("people", "uploads"):
            (folder / name).mkdir()
        self.edit()
        self.container = ServiceContainer(folder / ".env", LoadedModels(), liveness_loader())
        self._server = make_wsgi_server("127.0.0.1", 0, create_app(self.container), threaded=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def edit(self, **changes: str) -> None:
        """Change keys of `.env`."""
        self.env.update(changes)
        (self.folder / ".env").write_text("".join(f"{key}='{value}'\n" for key, value in self.env.items()))

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self.container.close()


@pytest.fixture
def light(tmp_path: Path) -> Iterator[LightServer]:
    """Return a server of the test's own. It stands before `opened`, so that its pages are closed before it stops."""
    server = LightServer(tmp_path)
    yield server
    server.close()


def sign_in(opened: Open, address: str, password: str, **options: Any) -> Page:
    page, _ = opened(address, "/admin", **options)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    return page


def view(page: Page, title: str) -> None:
    link = page.get_by_role("navigation").get_by_role("link", name=title, exact=True)
    link.click()
    expect(page.locator("#main")).to_have_attribute("data-ready", str(link.get_attribute("href"))[1:])
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_the_password_opens_the_page_and_signing_out_closes_it(light: LightServer, opened: Open, width: int) -> None:
    page, watch = opened(light.address, "/admin")
    watch.expected.add(401)
    assert serious(page) == []
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The password is wrong.").first).to_be_visible()
    assert serious(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Password")).to_be_visible()


def test_the_page_is_light(light: LightServer, opened: Open) -> None:
    page = sign_in(opened, light.address, PASSWORD)
    kinds = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    sizes = page.evaluate(f"{kinds}.map(one => one.decodedBodySize)")
    assert len(sizes) > 20
    assert sum(sizes) < MOST_BYTES


def test_guessing_is_locked_out_and_says_how_long(light: LightServer, opened: Open) -> None:
    page, watch = opened(light.address, "/admin")
    watch.expected |= {401, 429}
    for _ in range(6):
        page.get_by_label("Password").fill("wrong")
        with page.expect_response("**/admin/api/session"):
            page.keyboard.press("Enter")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_response("**/admin/api/session"):  # the same sentence stands there already
        page.keyboard.press("Enter")
    expect(page.locator("#sign-in-outcome")).to_have_text(re.compile(r"Too many wrong passwords. Try again in \d+ s."))


def test_a_published_password_keeps_the_page_closed_with_a_sentence(light: LightServer, opened: Open) -> None:
    light.edit(SUPER_PASSWORD="Spr!ngf!3ld_0h!0")
    page, _ = opened(light.address, "/admin")
    expect(page.get_by_text("The operator's side is closed: SUPER_PASSWORD is a published example.")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)


def test_a_session_that_has_ended_is_asked_for_again(light: LightServer, opened: Open) -> None:
    page, watch = opened(light.address, "/admin")
    watch.expected.add(401)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.context.clear_cookies()
    page.get_by_role("link", name="API keys").click()
    expect(page.get_by_text("The session has ended. Sign in again.")).to_be_visible()


def test_a_key_is_made_shown_once_and_revoked(light: LightServer, opened: Open, width: int) -> None:
    page = sign_in(opened, light.address, PASSWORD)
    view(page, "API keys")
    page.get_by_label("Name").fill("Branch office")
    for scope in ("upload", "verify"):
        page.get_by_label(scope, exact=True).check()
    page.get_by_role("button", name="Make the key").click()
    shown = page.get_by_role("dialog", name="The new key")
    key = shown.locator("code").inner_text()
    assert requests.post(f"{light.address}/verify", headers={"X-API-Key": key}, timeout=30).status_code == 400
    assert serious(page) == []
    shown.get_by_role("button", name="Close").click()
    expect(page.get_by_role("row", name=re.compile("Branch office"))).to_contain_text("valid")
    keep(page, f"admin-keys-{width}")
    page.get_by_role("button", name="Revoke Branch office").click()
    assert serious(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("Branch office"))).to_contain_text("revoked")
    assert requests.post(f"{light.address}/verify", headers={"X-API-Key": key}, timeout=30).status_code == 401


def test_wrong_settings_are_named_and_their_values_are_not(light: LightServer, opened: Open) -> None:
    light.edit(VER_TOL="Topsecret", SCORE_TOL="11")
    page = sign_in(opened, light.address, PASSWORD)
    view(page, "Settings")
    expect(page.get_by_text("The settings are wrong")).to_be_visible()
    notice = page.locator(".notice")
    expect(notice).to_contain_text("VER_TOL is not a whole number")
    expect(notice).to_contain_text("SCORE_TOL is out of range")
    text = page.content()
    assert "Topsecret" not in text
    assert PASSWORD not in text
    assert serious(page) == []


@pytest.fixture(scope="module")
def busy(server: TrialServer, astronaut: bytes, grace_hopper: bytes) -> TrialServer:
    """Return a real server that has enrolled and verified people."""
    for person_id, name, photo in (
        ("RECO_ID_7001", "Eileen Collins", astronaut),
        ("RECO_ID_7002", "Grace Hopper", grace_hopper),
    ):
        enrol(server, person_id, name, photo)
    for seed in range(2):
        verify(server, "RECO_ID_7001", new_photo(astronaut, seed), f"verified-{seed}")
    verify(server, "RECO_ID_7001", new_photo(grace_hopper, 3), "why-was-it-refused")
    requests.post(f"{server.address}/upload_imgs?id=RECO_ID_7003", files={"a": blank()}, timeout=60)
    requests.post(f"{server.address}/verify", data={"upload_id": "x"}, timeout=60)
    job = requests.post(f"{server.address}/search?async=true", files={"a": astronaut}, timeout=60).json()["results"]
    while requests.get(f"{server.address}/jobs/{job['job']}", timeout=60).json()["results"]["state"] == "running":
        time.sleep(0.1)
    return server


def upload(server: TrialServer, person_id: str, photo: bytes) -> str:
    sent = {"photo": ("photo.jpg", io.BytesIO(photo))}
    reply = requests.post(f"{server.address}/upload_imgs?id={person_id}", files=sent, timeout=60).json()
    return str(reply["upload_results"]["upload_id"])


def enrol(server: TrialServer, person_id: str, name: str, photo: bytes) -> None:
    form = {"name": name, "delete_pickles": "false", "rebuild_db": "false", "in_place": "false"}
    upload_id = upload(server, person_id, photo)
    requests.post(f"{server.address}/upload_db", data={"upload_id": upload_id, **form}, timeout=60).raise_for_status()


def verify(server: TrialServer, person_id: str, photo: bytes, request_id: str) -> None:
    form = {"skip_verify": "false", "skip_db_search": "false", "skip_liveness": "true"}
    data: Mapping[str, str] = {"upload_id": upload(server, person_id, photo), **form}
    requests.post(f"{server.address}/verify", data=data, headers={"X-Request-ID": request_id}, timeout=60)


def password_of(server: TrialServer) -> str:
    return str(dotenv_values(server.folder / ".env")["SUPER_PASSWORD"])


@pytest.mark.models
def test_the_cause_of_a_request_is_two_clicks_away(opened: Open, busy: TrialServer, width: int) -> None:
    page = sign_in(opened, busy.address, password_of(busy))
    page.get_by_label("Request id").fill("why-was-it-refused")
    page.get_by_role("button", name="Find the cause").click()
    expect(page.get_by_text("Request why-was-it-refused")).to_be_visible()
    expect(page.get_by_text("Somebody enrolled is near enough, but it is not this ID")).to_be_visible()
    expect(page.locator(".ledger")).to_contain_text("compare")
    expect(page.locator(".log")).to_contain_text("code 100")
    keep(page, f"admin-request-{width}")
    view(page, "Requests")
    page.get_by_role("link", name="why-was-it-r").click()
    expect(page.get_by_text("Somebody enrolled is near enough, but it is not this ID")).to_be_visible()
    page.locator("summary", has_text="compare").click()
    expect(page.locator(".ledger")).to_contain_text("photo 1")
    assert serious(page) == []


@pytest.mark.models
def test_a_person_is_forgotten_with_a_receipt(opened: Open, busy: TrialServer, width: int, astronaut: bytes) -> None:
    person_id = f"RECO_ID_7{width}"
    enrol(busy, person_id, "Mae Jemison", new_photo(astronaut, width))
    page = sign_in(opened, busy.address, password_of(busy))
    view(page, "People")
    page.get_by_label("ID or name").fill("mae")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=person_id).click()
    expect(page.get_by_role("heading", name="Mae Jemison")).to_be_visible()
    face = page.get_by_role("img", name="Enrolled face 1 of 1")
    expect(face).to_have_js_property("complete", True)
    assert face.evaluate("image => image.naturalWidth") == 224
    assert serious(page) == []
    page.get_by_role("button", name="Forget this person").click()
    assert serious(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Forget", exact=True).click()
    receipt = page.get_by_role("dialog", name="Forgotten")
    expect(receipt).to_contain_text("signature")
    assert serious(page) == []
    keep(page, f"admin-receipt-{width}")
    receipt.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    expect(page.get_by_role("link", name="RECO_ID_7001")).to_be_visible()
    expect(page.get_by_role("link", name=person_id)).to_have_count(0)


@pytest.mark.models
def test_every_view_is_usable_by_everybody(opened: Open, busy: TrialServer, width: int) -> None:
    page = sign_in(opened, busy.address, password_of(busy))
    for title in VIEWS:
        view(page, title)
        assert serious(page) == [], title
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), title
        if title in PICTURED:
            page.emulate_media(color_scheme="dark" if width < 600 else "light")
            keep(page, f"admin-{title.lower()}-{width}")


@pytest.mark.models
def test_what_the_views_show_is_what_the_server_knows(opened: Open, busy: TrialServer) -> None:
    page = sign_in(opened, busy.address, password_of(busy))
    expect(page.locator(".hours")).to_contain_text("109")
    expect(page.get_by_role("table", name="Milliseconds by stage")).to_contain_text("quality")
    view(page, "Models")
    recognition = page.get_by_role("table", name="Recognition models")
    expect(recognition).to_contain_text("55533b28a958")
    expect(recognition).to_contain_text("Apache-2.0")
    expect(page.get_by_text("calibrated", exact=True)).to_be_visible()
    view(page, "Uploads")
    expect(page.get_by_role("row", name=re.compile("RECO_ID_7002"))).to_contain_text("enrolled")
    view(page, "Log")
    page.get_by_label("Request id").fill("verified-1")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".log li")).to_have_count(1)
    page.get_by_role("link", name="verified-1").click()
    expect(page.get_by_text("Enough photos are within the threshold")).to_be_visible()
    view(page, "Jobs")
    expect(page.locator("#main")).to_contain_text("search")
    expect(page.locator("#main")).to_contain_text("done")
    view(page, "Settings")
    page.get_by_label("Filter").fill("liveness time")
    expect(page.locator(".settings li:visible")).to_have_count(1)


@pytest.mark.models
def test_the_keyboard_is_enough(opened: Open, busy: TrialServer) -> None:
    page, _ = opened(busy.address, "/admin")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(password_of(busy))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_label("Request id").focus()
    page.keyboard.type("why-was-it-refused")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Request why-was-it-refused")).to_be_visible()
    page.get_by_role("button", name="Code 100: explain").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Code 100")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
