"""`bin/mutants`: change the modules that decide in one place after the other (cosmic-ray); 85 % have to fail a test."""

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tools.cli.exits import DONE, NO
from tools.cli.options import ROOT, WEIGHTS, results

REACH = 0.85
TESTED_BY: Mapping[str, str] = {
    "codes_dict.py": "unit/test_codes unit/test_readme",
    "env_validator.py": "unit/test_env_validator",
    "pipeline/stages/compare.py": (
        "unit/test_looks unit/test_stages unit/test_rivals flows/test_verify flows/test_compare flows/test_decisions"
    ),
    "pipeline/stages/search.py": "unit/test_search unit/test_rivals flows/test_verify flows/test_decisions",
    "pipeline/stages/liveness.py": "unit/test_stages unit/test_looks flows/test_verify",
    "security/keys.py": "unit/test_keys unit/test_key_rules http/test_keys",
    "security/audit.py": "unit/test_audit unit/test_key_rules flows/test_audit",
    "security/audit_check.py": "unit/test_audit unit/test_key_rules",
}
"""The modules, and the fast tests that cover each."""
UNSEEN = ("BitOr", "Decorator", "_Is_Eq", "_IsNot_NotEq")
"""Operators that change annotations, which decide nothing, what only a type checker sees, or nothing: None and the
members of an Enum are the same where they are equal."""
LEFT_OUT = (".git", ".venv", "__pycache__", ".*_cache", "node_modules", "*.sqlite*")
DATA = (WEIGHTS, ROOT / "static" / "people", ROOT / "static" / "uploads")


class RedError(Exception):
    """Tests fail without a mutant, so a failure says nothing about one."""


@click.command("mutants")
@click.option("--sample", default=0, help="Mutants of each module, drawn at random; 0: all.")
@click.option("--seed", default=1, help="Seed of the sample.")
@click.option("--module", "modules", multiple=True, type=click.Choice([*TESTED_BY]), metavar="FILE", help="Just one.")
@results(ImportError, RedError)
def command(sample: int, seed: int, modules: Sequence[str]) -> tuple[Any, int]:
    """Change the modules that decide in one place after the other. Exit code 1: the tests notice less than 85 %."""
    if importlib.util.find_spec("cosmic_ray") is None:
        raise ImportError("Install cosmic-ray: .venv/bin/pip install --no-deps -r requirements-mutants.txt")
    found = {}
    with checkout():
        for module in modules or TESTED_BY:
            found[module] = mutate(module, sample, seed)
            print(f"{module}: {found[module]['killed']} of {found[module]['tried']} killed", flush=True)
            for survivor in found[module]["survivors"]:
                print(f"  survived: {survivor}", flush=True)
    tried, killed = (sum(one[what] for one in found.values()) for what in ("tried", "killed"))
    print(f"{killed} of {tried} mutants killed ({killed / max(tried, 1):.0%}, at least {REACH:.0%})")
    return found, DONE if killed >= REACH * tried else NO


@contextmanager
def checkout() -> Iterator[None]:
    """Work in a copy of the tree: a mutant must not stay in the real one, whatever ends this command."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="faceapp-mutants-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=_left_out)
        os.chdir(copy)
        try:
            yield
        finally:
            os.chdir(before)


def _left_out(folder: str, names: Sequence[str]) -> set[str]:
    """Return what of a folder no test reads; by its place where another file may have the name, as bin/people has."""
    return shutil.ignore_patterns(*LEFT_OUT)(folder, [*names]) | {one for one in names if Path(folder, one) in DATA}


def check_unchanged(arguments: Sequence[str]) -> None:
    """Run tests without a mutant; they leave bytecode for the runs to come. Raises `RedError` where one fails."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-m", "pytest", *arguments], env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RedError(f"Tests fail without a mutant:\n{done.stdout}")


def mutate(module: str, sample: int, seed: int) -> dict[str, Any]:
    """Try mutants of a module in the current folder; return counts, and where the survivors are.

    Raises `RedError` where the tests fail without one.
    """
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow and not models"]
    arguments += [f"tests/{name}.py" for name in TESTED_BY[module].split()]
    check_unchanged(arguments)
    items = mutants(module)
    chosen = random.Random(seed).sample(items, sample) if 0 < sample < len(items) else items
    with runner_of(arguments) as fail:
        survivors = [place for place in (item.mutations[0] for item in chosen) if not is_killed(place, fail)]
    return {
        "mutants": len(items),
        "tried": len(chosen),
        "killed": len(chosen) - len(survivors),
        "survivors": [
            f"line {place.start_pos[0]}, {place.operator_name}, occurrence {place.occurrence}" for place in survivors
        ],
    }


@contextmanager
def runner_of(arguments: Sequence[str]) -> Iterator[Callable[[], bool]]:
    """Give what runs tests of the current folder and returns whether one fails."""
    command = [sys.executable, "-m", "tools.mutants.worker", *arguments]
    # Two changes within a second, of one size, have the same bytecode file, as Python sees it.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as worker:
        ask, told = worker.stdin, worker.stdout
        assert ask is not None and told is not None  # noqa: S101, PT018 - they are pipes

        def fail() -> bool:
            print(file=ask, flush=True)
            return int(told.readline()) != 0

        yield fail


def is_killed(place: Any, fail: Callable[[], bool]) -> bool:
    """Whether the tests fail with one of cosmic-ray's mutations."""
    from cosmic_ray.mutating import use_mutation
    from cosmic_ray.plugins import get_operator

    with use_mutation(place.module_path, get_operator(place.operator_name)(**place.operator_args), place.occurrence):
        return fail()


def mutants(module: str) -> list[Any]:
    """Return every mutant of a module that a test could notice."""
    from cosmic_ray.commands.init import _all_work_items

    every = _all_work_items([Path(module)], {})
    return [one for one in every if not any(word in one.mutations[0].operator_name for word in UNSEEN)]
