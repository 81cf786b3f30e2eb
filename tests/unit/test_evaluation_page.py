"""`bin/evaluate --html`: one page with every figure that the command prints, which loads nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.scoring.published import PublishedScorer
from tests.unit.synthetic import people
from tools.cli import main as cli
from tools.evaluation import command
from tools.evaluation.faces import Faces
from tools.evaluation.html import extras
from tools.evaluation.html.charts import det, error_curve, histogram, scores, sources
from tools.evaluation.html.extras import stages
from tools.evaluation.layout import Dataset
from tools.training.metrics import Presentation, as_json

FIGURE = re.compile(r"\d+\.\d+ %|\d\.\de-\d\d")
RUNS = [{"upload: decode": 10.0 + at, "verify: liveness": 40.0 - at} for at in range(10)]


def presentations() -> list[Presentation]:
    """Return a source with 1 of 8 attacks accepted and 2 of 10 bona fide faces rejected, and one without attacks."""
    rows = [Presentation("phones", True, "phones", at == 0, True, 0.9) for at in range(8)]
    rows += [Presentation("phones", False, "", at > 1, True, 0.1) for at in range(10)]
    return [*rows, Presentation("webcam", False, "", True, True, 0.2)]


@pytest.fixture(scope="module")
def found_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return what the command prints for forty people who do not exist, and its page."""
    sample = people(40, (5,), 1, noise=0.9)
    rows = np.arange(len(sample.person))
    data = Dataset("Forty <people>", tuple(map(str, range(40))), tuple(map(Path, map(str, rows))), tuple(sample.person))
    bench = SimpleNamespace(data=data, faces=Faces(sample, rows, ()))
    report = tmp_path_factory.mktemp("page") / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "prepare", lambda arguments: bench)
        patch.setattr(command, "_scorer", lambda *_: PublishedScorer({"A": 0.6, "B": 0.7}))
        patch.setattr(command, "_published", lambda scorer, sim_func: {"A": 0.6, "B": 0.7})
        patch.setattr(extras, "_liveness", lambda *_: {"cnn": as_json(presentations())})
        patch.setattr(extras, "measure", lambda *_: {"requests": 10, "photos": 30, "stages": stages(RUNS)})
        printed: list[str] = []
        patch.setattr("builtins.print", lambda text, **_: printed.append(text))
        arguments = ["people", "--no-quality", "--splits", "4", "--liveness", "spoof", "--html", str(report)]
        assert cli.main(["evaluate", *arguments]) == 0
    return "\n".join(printed), report.read_text(encoding="utf-8")


def test_every_line_that_is_printed_is_in_the_page(found_page: tuple[str, str]) -> None:
    printed, page = found_page
    assert f"<pre>{html.escape(printed)}</pre>" in page.replace("&#39;", "&#x27;")


PARTS = ("True accepts", "200 or 134", "first look", "search alone", "mated photos", "all sources")


@pytest.mark.parametrize("part", PARTS)
def test_the_cards_and_tables_have_the_printed_figures(found_page: tuple[str, str], part: str) -> None:
    printed, page = found_page
    shown = page.partition("<details>")[0]
    lines = printed.splitlines()
    at = next(number for number, line in enumerate(lines) if part in line)
    block = lines[at : at + (4 if part == "True accepts" else 1)]
    figures = FIGURE.findall("\n".join(block))
    assert figures
    assert [figure for figure in figures if figure not in shown] == []


def test_the_page_has_a_chart_of_each_kind_and_the_times(found_page: tuple[str, str]) -> None:
    _, page = found_page
    labels = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert [label.split(":")[0].split(" of ")[0] for label in labels] == [
        "Error curves", "Histograms", "Measured false match rates", "Liveness errors by source", "Time",
    ]  # fmt: skip
    assert "<td>verify: liveness</td><td>35.5</td><td>39.0</td><td>71.00 %</td>" in page
    assert "Forty &lt;people&gt;" in page


def test_the_page_loads_nothing_and_runs_nothing(found_page: tuple[str, str]) -> None:
    _, page = found_page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page) == []
    assert set(re.findall(r"https?://[^\"'\s)<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    used = re.findall(r'(?:href="|url\()#([^")]+)', page)
    assert {name for name in used if page.count(f'id="{name}"') != 1} == set()


def test_an_error_curve_counts_both_errors_at_each_threshold() -> None:
    curve = error_curve(np.array([0.1, 0.2, 0.6]), np.array([0.5, 0.7, 0.8, 0.9]))
    assert curve["fmr"] == [0.25, 0.5, 0.75, 1.0]
    assert curve["fnmr"] == pytest.approx([1 / 3, 0, 0, 0])


def test_a_histogram_shares_out_every_score() -> None:
    found = histogram(np.array([0.1, 0.2, 0.6, 0.9]), np.array([True, True, False, False]))
    assert (sum(found["genuine"]), sum(found["impostor"])) == (1.0, 1.0)
    assert found["genuine"][0] == 0.5


def test_what_was_not_shown_is_said_and_drawn_as_nothing() -> None:
    rates: dict[str, Any] = as_json(presentations())["per_source"]
    assert rates["webcam"]["apcer"] is None
    assert "none shown" in sources(rates)
    assert "VER_FMR 0.001" in det({"fused": {"fmr": [], "fnmr": []}}, 1e-3)
    picture = scores(histogram(np.array([0.1, 0.9]), np.array([True, False])) | {"thresholds": {"1:1": 0.4}})
    assert "1:1: 0.400" in picture
