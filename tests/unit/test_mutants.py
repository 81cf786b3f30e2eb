"""Where bin/mutants tries its mutants: a copy in which the tests pass, so that one that fails says something."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.cli.options import ROOT
from tools.mutants.command import DATA, RedError, check_unchanged, checkout


def commands(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_copy_has_every_command_and_no_data() -> None:
    before = Path.cwd()
    with checkout():
        assert commands(Path("bin")) == commands(ROOT / "bin") > {"people"}
        assert [place for place in DATA if Path(place.relative_to(ROOT)).exists()] == []
    assert Path.cwd() == before


@pytest.mark.parametrize(("status", "is_red"), [(0, False), (1, True)])
def test_tests_that_fail_without_a_mutant_give_no_figure(status: int, is_red: bool) -> None:
    command = f"{sys.executable} -c 'print(\"1 failed\"); raise SystemExit({status})'"
    if is_red:
        with pytest.raises(RedError, match="1 failed"):
            check_unchanged(command)
    else:
        check_unchanged(command)
