"""The evaluation's figures as a table for people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.registry import SIM_FUNCS


def as_text(found: Mapping[str, Any]) -> str:
    """Return what `evaluate` found as lines of text; what was not measured says so."""
    parts: list[Iterable[str]] = [_pairs(found), _rates(found), _system(found)]
    parts += [_search(found["search"]), _decisions(found["decisions"]), _quality(found.get("quality"))]
    parts += [*_peers(found), *_engines(found), _latency(found.get("latency"))]
    return "\n".join([*head(found), *(line for part in map(list, parts) if part for line in ("", *part))])


def head(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield two lines: the data, and what it was measured with."""
    data, settings = found["data"], found["settings"]
    yield (
        f"{data['name']}: {data['photos']} photos of {data['people']} people, {data['people_with_four']} of them with "
        f"4 or more; no face found in {data['photos_without_a_face']}."
    )
    state = "calibrated" if settings["calibrated"] else "NOT calibrated, published thresholds"
    yield (
        f"{' + '.join(settings['models'])}, {settings['sim_func']}, {state}; VER_FMR {settings['fmr']:g}, "
        f"VER_TOL {settings['ver_tol']}, VER_TOL_AUG {settings['ver_tol_aug']}, NUM_AUG {settings['num_aug']}."
    )


def _pairs(found: Mapping[str, Any]) -> Iterator[str]:
    if "pairs" not in found:
        yield "Pair accuracy: not measured, there is no file of pairs."
        return
    yield f"{'Pair accuracy':<24}" + "".join(f"{name:>22}" for name in SIM_FUNCS)
    for name, by_function in found["pairs"].items():
        cells = [by_function.get(one) for one in SIM_FUNCS]
        yield f"  {name:<22}" + "".join(
            f"{percent(one['accuracy']) + ' ± ' + percent(one['sem']):>22}" if one else f"{'-':>22}" for one in cells
        )


def _rates(found: Mapping[str, Any]) -> Iterator[str]:
    rates = list(next(iter(found["tar"].values())))
    yield f"{'True accepts, all pairs':<24}" + "".join(f"{'FMR ' + rate:>14}" for rate in rates)
    for name, by_rate in found["tar"].items():
        yield f"  {name:<22}" + "".join(f"{percent(by_rate[rate]):>14}" for rate in rates)


def _system(found: Mapping[str, Any]) -> Iterator[str]:
    one, promise = found["system"], found["promise"]
    if one is None:
        yield "System: not measured, two people with four photos each are required."
        return
    yield f"System: {one['people']} people, {one['genuine']} genuine and {one['impostor']} impostor requests"
    yield f"  {'':<34}{'FNMR':>10}{'FMR':>12}"
    parts = one["parts"]
    rows = [
        ("200 or 134", one["fnmr"], one["fmr"]),
        ("95 % from", one["fnmr_interval"][0], one["fmr_interval"][0]),
        ("     to", one["fnmr_interval"][1], one["fmr_interval"][1]),
        ("first look alone", *parts["first"].values()),
        ("second look alone", *parts["second"].values()),
        ("both looks (skip_db_search)", *parts["verify"].values()),
        ("search alone (skip_verify)", *parts["search"].values()),
    ]
    if one["seed_rule_fmr"] is not None:
        rows.append(("any pair counts (the seed's rule)", one["seed_rule_fnmr"], one["seed_rule_fmr"]))
    for words, missed, matched in rows:
        yield f"  {words:<34}{percent(missed):>10}{rate(matched):>12}"
    yield f"  stated FMR {rate(promise['fmr_stated'])}, measured {rate(promise['fmr_measured'])}; with other rules:"
    for rule in promise["other_rules"]:
        yield (
            f"    VER_TOL {rule['ver_tol']}, up to {rule['photos']} photos: {rate(rule['fmr'])} "
            f"({rate(rule['fmr_interval'][0])} to {rate(rule['fmr_interval'][1])}), "
            f"skip_verify {rate(rule['fmr_skip_verify'])}"
        )


def _search(search: Mapping[str, Any]) -> Iterator[str]:
    yield f"Search among {search['people']} people, one photo of each enrolled; all splits"
    for words, one in (("photos", search), ("requests of up to 3", search["requests"])):
        rates = f"rank 1 {percent(one['rank1'])}, FNIR at FPIR 1 % {percent(one['fnir_at_fpir_1e-2'])}"
        yield f"  {one['mated']} mated {words}: {rates}"


def _decisions(found: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    yield "Claims, everybody enrolled with one photo; nearer, contradictory: refused by these rules"
    for kind, one in found.items():
        yield (
            f"  {kind:<26}{one['claims']:>6} claims, {one['accepted']} accepted; {one['within']} within the threshold, "
            f"{one['nearer']} of them nearer to another ID and {one['contradictory_within']} contradictory "
            f"(of all {one['contradictory']})"
        )


def _quality(quality: Mapping[str, Any] | None) -> Iterator[str]:
    if quality is None:
        yield "Quality: not measured."
        return
    yield f"Quality (FNMR of {quality['scores_of']} at FMR 1e-3)"
    yield f"  leaving out the worst 10 % cuts FNMR by {percent(quality['fnmr_drop_10'])}"
    yield f"  BRISQUE: {percent(quality['brisque_drop_10'])}"
    yield f"  portraits that pass SCORE_TOL 7: {percent(quality['portraits_passed'])}"
    for kind, share in quality["degraded_stopped"].items():
        yield f"  stopped, {kind}: {percent(share)}"
    if "yaw" not in quality["degraded_stopped"]:
        yield f"  stopped, yaw: not measured, {quality['turned_frames']} strongly turned frames are too few"


def _peers(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, one in found.get("peer", {}).items():
        yield [
            f"DeepFace.verify, {name}, {one['pairs']} pairs",
            f"  at its threshold {percent(one['deepface_at_published_threshold'])}",
            f"  at the best threshold for these pairs {percent(one['deepface_at_best_threshold'])}",
            f"  ours on the same pairs {percent(one['ours'])}",
        ]


def _engines(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, one in found.get("liveness", {}).items():
        rows = {"all sources": one, **one["per_source"]}
        yield [
            f"Liveness, {name}: {one['attacks']} attacks, {one['bona_fide']} bona fide",
            *(f"  {row:<24}APCER {percent(its['apcer'])}, BPCER {percent(its['bpcer'])}" for row, its in rows.items()),
        ]


def _latency(latency: Mapping[str, Any] | None) -> Iterator[str]:
    if latency is not None:
        yield f"Time of {latency['requests']} requests with {latency['photos']} photos: median, 90th percentile"
        for name, its in latency["stages"].items():
            yield f"  {name:<24}{its['median']:8.1f} ms{its['p90']:8.1f} ms"


def percent(value: float | None) -> str:
    """Return a share as people read it."""
    return "not measured" if value is None else f"{round(100 * value, 2) + 0.0:.2f} %"


def rate(value: float | None) -> str:
    """Return a small rate as people read it."""
    return "none" if value is None else f"{value:.1e}"
