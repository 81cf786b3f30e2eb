"""The installation: one sentence for every obstacle, and nothing done twice."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from env_validator import PUBLISHED_PASSWORDS, load_settings
from pipeline.models.weights import WeightStore
from pipeline.registry import WeightFile
from tools.cli import main as cli
from tools.installation import child, environment, fetch_models, first_settings, start, testing
from tools.installation.environment import SetupError, prepare
from tools.installation.first_settings import FirstChoice, make_folders, random_password, write_first
from tools.installation.ports import free_port

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
def test_a_folder_that_takes_nothing_is_one_sentence(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match=r"^/proc/.venv cannot be written: .*\.$"):
        environment.make(Path("/proc/.venv"), silent)
    monkeypatch.setattr(first_settings, "folders_inside", lambda env: [Path("/proc/static/people")])
    with pytest.raises(SetupError, match=r"^/proc/static/people cannot be created: .*\.$"):
        make_folders(Path("/proc/.env"))


@pytest.mark.slow
def test_what_cannot_be_installed_is_one_sentence(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "install_with_uv", lambda *_: False)
    (clone / "requirements.txt").write_text("./gone==1\n")
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    wrong = r"^The packages of requirements\.txt could not be installed: .*gone.* \(.*install\.log says more\)\.$"
    with pytest.raises(SetupError, match=wrong):
        environment.install(python, clone / "requirements.txt", silent)


def first(clone: Path, obstacle: str = "", choice: FirstChoice | None = None) -> list[str]:
    said: list[str] = []
    write_first(clone, choice or FirstChoice(), lambda chosen: obstacle, said.append)
    make_folders(clone / ".env")
    return said


def test_the_first_settings_are_valid_private_and_have_a_password_of_their_own(clone: Path) -> None:
    said = first(clone)
    settings = load_settings(clone / ".env")
    assert settings.super_password not in PUBLISHED_PASSWORDS
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
    assert (start.make_parser().parse_args([]).mirror, start.make_parser().parse_args([]).fetch) == ("/mirror", "true")
    chosen = start.make_parser().parse_args(["--mirror", "/other", "--no-fetch"])
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


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def test_a_port_in_use_is_told_with_another_before_anything_is_installed(
    clone: Path, done: list[str], taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "ROOT", clone)
    (clone / ".env").write_text(f"# PORT=1\nHOST = 127.0.0.1\n export PORT='{taken}' # mine\n")
    told = f"Port {taken} is already in use. Choose another one: bin/start --port {taken + 1}\n"
    assert start.main([]) == 2
    assert start.main(["--port", str(taken)]) == 2
    assert (done, capsys.readouterr().err) == ([], told * 2)


@pytest.mark.parametrize("text", ["PORT=many\n", "PORT=\n", "HOST=no such host\nPORT=8001\n", "PORT=99999\n", "\0"])
def test_an_address_that_is_wrong_is_left_to_the_reader_of_the_settings(clone: Path, text: str) -> None:
    (clone / ".env").write_text(text)
    start.check_port(clone / ".env", free_port())


def test_a_chosen_port_is_stored(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_models, "fetch_mobilefacenet", lambda root, chosen, say: "no network")
    start.first_time(clone, start.make_parser().parse_args(["--port", "8077"]), silent)
    start.first_time(clone, start.make_parser().parse_args([]), silent)
    assert load_settings(clone / ".env").port == 8077
    with pytest.raises(SystemExit):
        start.make_parser().parse_args(["--port", "0"])


def test_an_unknown_key_is_named_with_the_nearest_known_one_at_the_start(clone: Path) -> None:
    first(clone)
    with (clone / ".env").open("a") as env:
        env.write("MAX_UPLOADMB=8\nCOLOUR=red\n")
    said: list[str] = []
    start.make_table(clone, said.append)
    assert said == [
        "Unknown key in .env, ignored: MAX_UPLOADMB (did you mean MAX_UPLOAD_MB?)",
        "Unknown key in .env, ignored: COLOUR",
    ]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a mirror that has one of two models' weights, under another name."""
    data = b"weights"
    monkeypatch.setattr(fetch_models, "_FILES", {
        name: (WeightFile(f"{name}.bin", None, sha256, "MIT"),)
        for name, sha256 in (("Here", hashlib.sha256(data).hexdigest()), ("Gone", "0" * 64))
    })  # fmt: skip
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "another name").write_bytes(data)
    return tmp_path / "mirror"


def test_a_mirrors_files_are_copied(mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "weights"
    asked = ["--folder", str(weights), "--mirror", str(mirror)]
    assert cli.main(["fetch-models", *asked, "Here"]) == 0
    assert cli.main(["fetch-models", *asked, "Here"]) == 0
    assert [path.name for path in weights.iterdir()] == ["Here.bin"]
    copied, there = capsys.readouterr().out.splitlines()
    assert (copied, there) == (f"Here: copied, {weights / 'Here.bin'}", f"Here: there, {weights / 'Here.bin'}")
    assert cli.main(["fetch-models", *asked, "Gone"]) == 1
    assert cli.main(["fetch-models", "--mirror", str(tmp_path / "nowhere"), "Here"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("Error: MODEL_MIRROR does not exist")


@pytest.mark.slow
def test_ctrl_c_ends_a_program_and_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import subprocess, time; print('begun', flush=True); subprocess.run(['sleep', '600'])"

    def press(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        while child.last_line(tmp_path / "log") != "begun":
            time.sleep(0.01)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", press)
    with pytest.raises(KeyboardInterrupt):
        child.run([sys.executable, "-c", program], tmp_path / "log")
    assert child.run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log") == 3
