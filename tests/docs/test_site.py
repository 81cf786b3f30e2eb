"""The documentation as a site: every page is in it, no link is broken, and nothing in it comes from another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codes_dict import Code, Kind
from tests.docs.blocks import ROOT, pages
from tools.cli.main import main
from tools.installation.docs import build_site
from tools.installation.site_pages import OUTSIDE

ACCEPTS, REJECTS, NO_VERDICT = "#dcfce7", "#fee2e2", "#fef3c7"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built as `bin/docs --site` builds it; a broken link is a fault."""
    folder = tmp_path_factory.mktemp("site")
    assert main(["docs", "--site", "--to", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_every_page_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    expected = {OUTSIDE.get(page, Path(page).name).replace(".md", ".html") for page in pages()}
    assert {page for page in expected if not (site / page).is_file()} == set()
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {page for page in expected if page.replace(".html", ".md") not in config} == set()
    assert 'src="img/console-verified-1280.png"' in index


@pytest.mark.slow
def test_a_page_loads_nothing_from_another_host(site: Path) -> None:
    loaded = re.compile(r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="((?:https?:)?//[^"]+)"')
    found = {page.name: loaded.findall(page.read_text(encoding="utf-8")) for page in site.glob("*.html")}
    assert {page: links for page, links in found.items() if links} == {}
    styles = [file.read_text(encoding="utf-8") for file in site.rglob("*.css")]
    assert [url for text in styles for url in re.findall(r"url\(['\"]?(https?://[^)]+)", text)] == []


@pytest.mark.parametrize(("link", "status"), [("other.md", 0), ("nowhere.md", 2), ("other.md#nowhere", 2)])
def test_a_link_that_leads_nowhere_is_a_fault(tmp_path: Path, link: str, status: int) -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[0]
    settings = re.sub(r"(?ms)^(hooks|theme|markdown_extensions|extra_css):.*?(?=^\w)", "", settings)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# A page\n\nWith [a link]({link}).\n")
    (tmp_path / "docs" / "other.md").write_text("# Another page\n")
    (tmp_path / "mkdocs.yml").write_text(settings)
    assert build_site(tmp_path / "site", tmp_path / "mkdocs.yml") == status


def test_the_diagram_shows_each_code_as_its_kind() -> None:
    picture = (ROOT / "docs" / "img" / "verdict.svg").read_text(encoding="utf-8")
    shown = {int(code): fill for fill, code in re.findall(r'fill="(#\w+)" stroke="#\w+"/><text[^>]*>(\d+)<', picture)}
    expected = {int(code): REJECTS if code.kind is Kind.VERDICT else NO_VERDICT for code in Code}
    expected |= {200: ACCEPTS, 134: ACCEPTS}
    assert shown == {code: expected[code] for code in shown}
    assert {100, 113, 116, 134, 178, 200, 500, 560, 561, 562, 852} <= shown.keys()
