"""Where bin/mutants tries its mutants: a copy in which the tests pass, so that one that fails says something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.cli.options import ROOT
from tools.mutants.command import DATA, RedError, check_unchanged, checkout, runner_of


def commands(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_copy_has_every_command_and_no_data() -> None:
    before = Path.cwd()
    with checkout():
        assert commands(Path("bin")) == commands(ROOT / "bin") > {"people"}
        assert [place for place in DATA if Path(place.relative_to(ROOT)).exists()] == []
    assert Path.cwd() == before


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a module, its test, and nothing else; it is the current one."""
    (tmp_path / "part.py").write_text("HALF = 0.5\n")
    (tmp_path / "test_part.py").write_text("def test_half():\n    import part\n    assert part.HALF == 0.5\n")
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tests_that_fail_without_a_mutant_give_no_figure(tree: Path) -> None:
    check_unchanged(["-q", "test_part.py"])
    (tree / "part.py").write_text("HALF = 2\n")
    with pytest.raises(RedError, match="1 failed"):
        check_unchanged(["-q", "test_part.py"])


def test_each_run_sees_the_module_as_it_is_then(tree: Path) -> None:
    with runner_of(["-q", "test_part.py"]) as fail:
        killed = []
        for value in ("0.5", "0.7", "0.5", "1/0"):
            (tree / "part.py").write_text(f"HALF = {value}\n")
            killed.append(fail())
    assert killed == [False, True, False, True]
