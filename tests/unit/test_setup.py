"""The installation: one sentence for every obstacle, and nothing done twice."""

from __future__ import annotations

import importlib.util
import re
import shutil
import stat
import sys
import time
from pathlib import Path

import pytest

from env_validator import load_settings
from pipeline.models.weights import WeightStore
from tools.installation import environment, fetch_models, start, testing
from tools.installation.environment import SetupError, prepare
from tools.installation.first_settings import FirstChoice, make_folders, random_password, write_first

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder like a fresh clone: the example settings and a list of packages."""
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    (tmp_path / "requirements.txt").write_text("# pinned\nwaitress==3.0.2\n")
    return tmp_path


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the two slow steps by ones that only note that they were taken."""
    taken: list[str] = []

    def make(venv: Path, say: environment.Say) -> None:
        taken.append("make")
        shutil.rmtree(venv, ignore_errors=True)
        environment.python_of(venv).parent.mkdir(parents=True)
        environment.python_of(venv).symlink_to(sys.executable)

    monkeypatch.setattr(environment, "make", make)
    monkeypatch.setattr(environment, "install", lambda python, requirements, say: taken.append(requirements.name))
    return taken


def silent(line: str) -> None:
    """Say nothing."""


def test_a_second_setup_does_nothing(clone: Path, done: list[str]) -> None:
    python = prepare(clone, ["requirements.txt"], silent)
    assert prepare(clone, ["requirements.txt"], silent) == python == clone / ".venv/bin/python"
    assert done == ["make", "requirements.txt"]


def test_another_list_of_packages_makes_the_environment_anew(clone: Path, done: list[str]) -> None:
    prepare(clone, ["requirements.txt"], silent)
    (clone / "requirements.txt").write_text("waitress==3.0.3\n")
    prepare(clone, ["requirements.txt"], silent)
    assert done == ["make", "requirements.txt"] * 2


def test_a_setup_that_was_broken_off_is_taken_up_again(clone: Path, done: list[str]) -> None:
    prepare(clone, ["requirements.txt"], silent)
    (clone / ".venv/.installed-requirements.txt").unlink()
    prepare(clone, ["requirements.txt"], silent)
    assert done == ["make", "requirements.txt", "requirements.txt"]


def test_without_the_venv_module_it_says_what_to_install(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"^Python's venv module is incomplete; .*apt-get install python3-venv\.$"):
        prepare(clone, ["requirements.txt"], silent)
    assert not (clone / ".venv").exists()


def test_another_python_is_refused_by_its_version(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(SetupError, match=r"^Python 3\.11, 3\.12 or 3\.13 is required; this is Python 3\.10\.$"):
        prepare(clone, ["requirements.txt"], silent)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc, where nobody may make folders")
def test_a_folder_that_takes_nothing_is_one_sentence(clone: Path) -> None:
    with pytest.raises(SetupError, match=r"^/proc/.venv cannot be written: .*\.$"):
        environment.make(Path("/proc/.venv"), silent)
    with pytest.raises(SetupError, match=r"^/proc/static/people cannot be created: .*\.$"):
        make_folders(Path("/proc"))


@pytest.mark.slow
def test_what_cannot_be_installed_is_one_sentence(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "install_with_uv", lambda python, requirements, say: False)
    (clone / "requirements.txt").write_text("./gone==1\n")
    with pytest.raises(SetupError, match=r"^The packages of requirements\.txt could not be installed; see above\.$"):
        environment.install(Path(sys.executable), clone / "requirements.txt", silent)


def first(clone: Path, obstacle: str = "", choice: FirstChoice | None = None) -> list[str]:
    said: list[str] = []
    make_folders(clone)
    write_first(clone, choice or FirstChoice(), lambda chosen: obstacle, said.append)
    return said


def test_the_first_settings_are_valid_private_and_have_a_password_of_their_own(clone: Path) -> None:
    said = first(clone)
    settings = load_settings(clone / ".env")
    assert not settings.super_password_published
    assert said[-1].endswith(settings.super_password)
    assert stat.S_IMODE((clone / ".env").stat().st_mode) == 0o600
    assert "published" not in (clone / ".env").read_text()


def test_two_models_are_selected_where_the_second_one_can_be_had(clone: Path) -> None:
    assert "Recognition models: Dlib, SFace and MobileFaceNet, fused" in first(clone)
    assert load_settings(clone / ".env").selected_models == ("Dlib", "SFace", "MobileFaceNet")


def test_one_model_is_selected_where_it_cannot_and_the_reason_is_said(clone: Path) -> None:
    said = first(clone, "there is no network")
    assert "Recognition models: Dlib and SFace. MobileFaceNet is not available: there is no network." in said
    assert load_settings(clone / ".env").selected_models == ("Dlib", "SFace")


def test_settings_that_are_there_are_left_alone(clone: Path) -> None:
    (clone / ".env").write_text("mine")
    assert first(clone) == []
    assert (clone / ".env").read_text() == "mine"


def test_what_was_said_at_the_first_start_is_kept(clone: Path) -> None:
    mirror = clone / "it's a # mirror\\"
    mirror.mkdir()
    first(clone, choice=FirstChoice.of(mirror.name, "False", clone))
    settings = load_settings(clone / ".env")
    assert (settings.model_mirror, settings.fetch_models) == (str(mirror), False)


@pytest.mark.parametrize(("mirror", "fetch", "word"), [("gone", "", "MODEL_MIRROR"), ("", "maybe", "FETCH_MODELS")])
def test_a_wrong_first_choice_is_one_sentence(clone: Path, mirror: str, fetch: str, word: str) -> None:
    with pytest.raises(SetupError, match=rf"^{word} .*\.$"):
        FirstChoice.of(mirror, fetch, clone)


def test_random_passwords_are_different_and_unquoted() -> None:
    several = {random_password() for _ in range(50)}
    assert len(several) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9!_.+-]{20}", word) for word in several)


def test_options_fall_back_to_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_MIRROR", "/mirror")
    monkeypatch.setenv("FETCH_MODELS", "true")
    assert (start.options([]).mirror, start.options([]).fetch) == ("/mirror", "true")
    chosen = start.options(["--mirror", "/other", "--no-fetch"])
    assert (chosen.mirror, chosen.fetch) == ("/other", "false")


def test_without_leave_to_download_nothing_is_fetched(clone: Path) -> None:
    choice = FirstChoice(fetch=False)
    assert fetch_models.fetch_mobilefacenet(clone, choice, silent) == "FETCH_MODELS is false"


def test_a_mirror_is_searched_by_content_and_not_by_name(clone: Path, shared_data: Path) -> None:
    choice = FirstChoice(mirror=str(shared_data / "weights"), fetch=False)
    assert fetch_models.fetch_mobilefacenet(clone, choice, silent) == ""


def test_an_answer_that_does_not_come_is_not_waited_for(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_models, "LIMIT_S", 0.05)
    monkeypatch.setattr(WeightStore, "fetch", lambda *args: time.sleep(2))
    reason = fetch_models.fetch_mobilefacenet(clone, FirstChoice(), silent)
    assert reason == "no answer within 0 s"


def test_wrong_settings_are_told_line_by_line_at_the_start(clone: Path) -> None:
    first(clone)
    (clone / ".env").write_text((clone / ".env").read_text().replace("VER_TOL=2", "VER_TOL=none"))
    said: list[str] = []
    start.make_table(clone, said.append)
    assert said[1:] == ["  VER_TOL: is not a whole number, accepted: a whole number, 1 or more"]


def test_mypy_looks_at_every_package() -> None:
    assert {"api", "db", "faceapp_client", "tests", "env_validator.py", "bin/_venv.py"} <= set(testing.sources(ROOT))
