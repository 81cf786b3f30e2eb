"""One page that holds everything that an evaluation found: `--html REPORT`. It loads nothing and runs no script."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.evaluation.html import charts
from tools.evaluation.report import as_text, head, percent, rate

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Section:
    """A part of the page: charts as (heading, SVG), and a table, whose first row is its head; beside a single chart."""

    title: str
    about: str
    charts: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]


def page(found: Mapping[str, Any]) -> str:
    """Return the page of what `evaluate` found with `curves`, and `liveness` and `latency` where they were measured."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("page.html").render(
        data=found["data"], head=list(head(found)), cards=list(_cards(found)), sections=list(_sections(found)),
        text=as_text(found),
    )  # fmt: skip


def _cards(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for at, value in found["tar"]["fused"].items():
        if value is not None:
            yield percent(value), f"true accepts at a false match rate of {at}, all pairs, fused"
    if found["system"]:
        stated = rate(found["promise"]["fmr_stated"])
        yield rate(found["system"]["fmr"]), f"false match rate of the accept rule, stated {stated}"
        yield percent(found["system"]["fnmr"]), "genuine requests that the accept rule rejects"
    search = found["search"]
    yield percent(search["rank1"]), f"rank 1 in a search among {search['people']} people, one photo of each"
    yield percent(search["fnir_at_fpir_1e-2"]), "missed by the search at 1 % false positives"
    for name, one in _shown_engines(found):
        yield percent(one["apcer"]), f"liveness, {name}: attacks accepted (APCER)"
        yield percent(one["bpcer"]), f"liveness, {name}: bona fide faces rejected (BPCER)"


def _sections(found: Mapping[str, Any]) -> Iterator[Section]:
    yield _recognition(found)
    if found["system"]:
        yield _rule(found)
    if "liveness" in found:
        yield _liveness(found)
    if "latency" in found:
        yield _latency(found["latency"])


def _recognition(found: Mapping[str, Any]) -> Section:
    drawn = found["curves"]
    rates = list(next(iter(found["tar"].values())))
    rows = [["all pairs of photos", *(f"true accepts at FMR {one}" for one in rates)]]
    rows += [[name, *(percent(value) for value in its.values())] for name, its in found["tar"].items()]
    return Section(
        "Telling people apart",
        "Every two photos are compared. The curves show what share of genuine pairs is rejected when a share of "
        "strangers' pairs is accepted; lower is better, and a curve ends where the data show no lower rate. The "
        "histograms show how the fused score separates the two, and where the thresholds are.",
        [("Error curves (DET)", charts.det(drawn["det"], found["settings"]["fmr"])),
         ("Scores and thresholds", charts.scores(drawn["histogram"]))],
        rows,
    )  # fmt: skip


def _rule(found: Mapping[str, Any]) -> Section:
    one, promise = found["system"], found["promise"]
    named = {"200 or 134": (one["fmr"], *one["fmr_interval"])} | {
        f"VER_TOL {rule['ver_tol']}, up to {rule['photos']} photos": (rule["fmr"], *rule["fmr_interval"])
        for rule in promise["other_rules"]
    }
    parts = {"first": "first look", "second": "second look", "verify": "both looks", "search": "search alone"}
    rows = [["part of the rule", "FNMR", "FMR"], ["all of it", percent(one["fnmr"]), rate(one["fmr"])]]
    rows += [[words, percent(one["parts"][k]["fnmr"]), rate(one["parts"][k]["fmr"])] for k, words in parts.items()]
    return Section(
        "The accept rule",
        f"{one['genuine']} genuine and {one['impostor']} impostor requests by {one['people']} people, two photos of "
        "each enrolled. The measured rate should be at or below the stated one, the dashed line.",
        [("", charts.rules(named, promise["fmr_stated"]))],
        rows,
    )


def _liveness(found: Mapping[str, Any]) -> Section:
    shown = [(name, charts.sources(one["per_source"])) for name, one in _shown_engines(found)]
    rows = [["engine", "APCER", "BPCER"]]
    for name, one in found["liveness"].items():
        attacks, bona_fide = one["attacks"], one["bona_fide"]
        rows.append([name, f"{percent(one['apcer'])} of {attacks}", f"{percent(one['bpcer'])} of {bona_fide}"])
        for words, end in (("95 % from", 0), ("to", 1)):
            rows.append([f"… {words}", percent(one["apcer_95"][end]), percent(one["bpcer_95"][end])])
    return Section(
        "Liveness by source",
        "APCER: attacks that pass as bona fide. BPCER: bona fide faces that do not pass. Sources on which a model was "
        "trained say nothing about it; faces that fill the frame are judged here, as with TIGHT_FACES=judge.",
        shown,
        rows,
    )


def _latency(latency: Mapping[str, Any]) -> Section:
    rows = [["stage", "median, ms", "90 %, ms", "share"]]
    rows += [
        [name, f"{one['median']:.1f}", f"{one['p90']:.1f}", percent(one["share"])]
        for name, one in latency["stages"].items()
    ]
    return Section(
        "Time of each stage",
        f"{latency['requests']} requests with {latency['photos']} photos of these people, one after the other, to a "
        "server on this machine: upload and verify, liveness included. Other work on the machine makes bars longer.",
        [("", charts.stages(latency["stages"]))],
        rows,
    )


def _shown_engines(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the fused engines, or the only one."""
    engines = found.get("liveness", {})
    return [(name, one) for name, one in engines.items() if name == "fused" or len(engines) == 1]
