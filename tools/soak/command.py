"""`bin/soak`: mixed load at twice the capacity of a server that it starts itself; nothing fails, nothing is lost."""

import tempfile
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from statistics import fmean, linear_regression
from typing import Any

import click

from tools.benchmark.client import SETTINGS
from tools.cli.exits import DONE, NO
from tools.cli.options import ROOT, results, text_option
from tools.installation.trial import NoServerError, TrialServer, trial_server
from tools.soak.calls import BUSY, PEOPLE, Answer, Client, Load, errors
from tools.soak.load import CLIENTS, Answers, closed_loop, flood, percentile

SLOWER = 3.0
"""How much longer an accepted request may take under load, at the 99th percentile."""
REACTING_S = 10.0
"""Seconds after which the server has noticed the overload: `later_p99_s` is without the burst before."""
GROWTH = 0.01
"""How much memory may grow over the flood, by its slope, as a share of itself."""
SETTLED = 0.2
"""The share of the flood after which memory counts: allocators and caches have settled."""

Say = Callable[[str], None]


def growth(memory: Sequence[tuple[float, float]]) -> float:
    """Return by what share memory grows over the flood, by a straight line through (second, MiB) after settling."""
    last = memory[-1][0] if memory else 0.0
    kept = [(when, mib) for when, mib in memory if when >= SETTLED * last]
    if len(kept) < 2:
        return 0.0
    times, held = zip(*kept, strict=True)
    return linear_regression(times, held).slope * last / fmean(held)


@click.command("soak")
@click.option("--seconds", default=1800.0, help="How long to send too much.")
@click.option("--times", default=2.0, help="How many times the capacity to send.")
@click.option("--models", default="Dlib", help="SELECTED_MODELS of the server.")
@text_option("--photo", help="A photo of one face (default: one that matplotlib brings).")
@results(NoServerError, OSError)
def command(seconds: float, times: float, models: str, photo: str) -> tuple[Any, int]:
    """Send mixed requests at twice the capacity of a server of its own. Exit code 1: something failed or was lost."""
    pixels = portrait(photo)
    changes = {**SETTINGS, "SELECTED_MODELS": models}
    with tempfile.TemporaryDirectory() as folder, trial_server(ROOT, Path(folder), changes) as server:
        report = soak(server, pixels, seconds, times, lambda line: print(line, flush=True))
    wrong = [*report["faults"], *report["missed"]]
    for one in wrong:
        print(f"Fault: {one}")
    return report, NO if wrong else DONE


def portrait(file: str) -> bytes:
    """Return the photo to send: the given one, or one of matplotlib's. Raises `OSError`."""
    if file:
        return Path(file).read_bytes()
    try:
        folder = resources.files("matplotlib") / "mpl-data" / "sample_data"
    except ModuleNotFoundError:
        raise FileNotFoundError("name a photo of one face with --photo") from None
    return (folder / "grace_hopper.jpg").read_bytes()


def soak(server: TrialServer, photo: bytes, seconds: float, times: float, say: Say) -> dict[str, Any]:
    """Measure a client alone and the capacity, then send too much; return figures, and what is not as it has to be."""
    load, memory = Load(server.port, photo), list[tuple[float, float]]()
    short = min(60.0, max(3.0, seconds / 10))
    _enrol_everybody(load)
    closed_loop(load, CLIENTS, short / 2)  # warms caches and allocators
    alone = closed_loop(load, 1, short)
    say(f"One client: {_described(alone)}")
    capacity = closed_loop(load, CLIENTS, short)
    say(f"{CLIENTS} clients: {_described(capacity)}")
    process = server.process.pid
    under = flood(load, times * capacity.rate, seconds, lambda when: memory.append((when, memory_mib(process))))
    say(f"{times * capacity.rate:.1f} requests a second for {seconds:.0f} s: {_described(under)}")
    figures = {
        "alone_p99_s": percentile(alone.accepted, 0.99),
        "accepted_p99_s": percentile(under.accepted, 0.99),
        "later_p99_s": percentile([one for one in under.accepted if one.at > REACTING_S], 0.99),
        "refused_p99_s": percentile(_refused(under), 0.99),
        "capacity": capacity.rate,
        "accepted": len(under.accepted),
        "accepted_rate": under.rate,
        "refused": len(_refused(under)),
        "refused_share": len(_refused(under)) / max(len(under.all), 1),
        "memory_mib": memory[-1][1] if memory else 0.0,
        "memory_growth": growth(memory),
    }
    found = errors([*alone.all, *capacity.all, *under.all])
    faults = [f"{count} x {what}" for what, count in sorted(found.items())] + _lost(load)
    say(_summary(figures))
    return {**figures, "faults": faults, "missed": _missed(figures)}


def _enrol_everybody(load: Load) -> None:
    client = Client(load, lambda _: None)
    for person_id in PEOPLE:
        client.upload(person_id)
        upload_id = load.take()
        if upload_id is not None:
            client.enrol(upload_id)


def _lost(load: Load) -> list[str]:
    """Return who is not enrolled under the name that was acknowledged last."""
    client = Client(load, lambda _: None)
    found = {person_id: client.person(person_id).get("name") for person_id in PEOPLE}
    return [
        f"{one}: called {found[one]!r}, acknowledged {load.names.get(one)!r}"
        for one in PEOPLE
        if found[one] != load.names.get(one)
    ]


def _missed(figures: dict[str, float]) -> list[str]:
    slower, growth = figures["accepted_p99_s"] / figures["alone_p99_s"], figures["memory_growth"]
    missed = [f"accepted requests take {slower:.1f} times as long"] if slower > SLOWER else []
    return missed + ([f"memory grows by {growth:.1%}"] if growth > GROWTH else [])


def _summary(figures: dict[str, float]) -> str:
    slower = figures["accepted_p99_s"] / figures["alone_p99_s"]
    return (
        f"p99 of accepted requests: {slower:.2f} times that of one client (at most {SLOWER}), after the first "
        f"{REACTING_S:.0f} s {figures['later_p99_s'] / figures['alone_p99_s']:.2f} times; "
        f"{figures['refused_share']:.0%} refused, p99 {figures['refused_p99_s'] * 1000:.0f} ms; "
        f"memory {figures['memory_mib']:.0f} MiB, {figures['memory_growth']:+.2%} over the load (at most {GROWTH:+.0%})"
    )


def _refused(answers: Answers) -> list[Answer]:
    return [one for one in answers.all if one.code == BUSY]


def _described(answers: Answers) -> str:
    kinds = sorted({one.kind for one in answers.accepted})
    each = ", ".join(
        f"{kind} {percentile([one for one in answers.accepted if one.kind == kind], 0.99) * 1000:.0f}" for kind in kinds
    )
    p50, p99 = (percentile(answers.accepted, share) * 1000 for share in (0.5, 0.99))
    counts = f"{len(answers.accepted)} processed ({answers.rate:.1f} a second), {len(_refused(answers))} refused"
    return f"{counts}; p50 {p50:.0f} ms, p99 {p99:.0f} ms ({each})"


def memory_mib(process: int) -> float:
    """Return the memory of a process and its children (resident sets), in MiB; Linux only."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # a child has ended
        return 0.0
    own = next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)
    return own + sum(memory_mib(int(child)) for child in children)
