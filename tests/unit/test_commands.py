"""`bin/faceapp`: every command has help that does nothing else, exit codes that mean something, JSON, completion."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from codes_dict import Code
from faceapp_client import Client, Retries
from tests.flows.world import ANN, BEN, BLACK, BLUE, DARK_RED, GREEN, RED, World, photo_file
from tests.http.world_server import URL, transport_to
from tools.benchmark.command import SCENARIOS
from tools.cli import launch, talking
from tools.cli import main as cli
from tools.cli.completion import PROGRAM, script
from tools.cli.exits import DONE, FAILED, INTERRUPTED, LATER, NO
from tools.cli.options import results, tracked
from tools.cli.table import COMMANDS, OWN_NAMES
from tools.installation.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("faceapp", "tensorflow", "keras", "deepface", "mtcnn", "dlib", "albumentations", "openvino", "torch")
NAMES = sorted(COMMANDS)

NO_RESULT = {"start", "setup", "test", "docs", "completion", "fit-quality"}
ALWAYS_JSON = {"sbom", "train-liveness"}

Run = Callable[..., Result]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, str]:
    """Return files with photos: of two people who are enrolled in tests, and of another one."""
    files = {name: tmp_path / f"{name}.png" for name in ("red", "dark_red", "blue", "green", "black")}
    for colour, file in zip((RED, DARK_RED, BLUE, GREEN, BLACK), files.values(), strict=True):
        file.write_bytes(photo_file(colour))
    return {name: str(file) for name, file in files.items()}


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a command against an application over the world."""
    retries = Retries(most=0)
    monkeypatch.setattr(talking, "Client", partial(Client, transport=transport_to(world), retries=retries))

    def invoke(*arguments: str) -> Result:
        return CliRunner(env={"FACEAPP_URL": URL}).invoke(cli.faceapp, arguments, standalone_mode=False)

    return invoke


def test_verify_ends_with_the_verdict(run: Run, photos: dict[str, str]) -> None:
    enrolled = run("enrol", ANN, photos["red"], "--name", "Ann van Dyck", "--json")
    assert (enrolled.return_value, json.loads(enrolled.stdout)["code"]) == (DONE, 800)
    yes = run("verify", ANN, photos["dark_red"])
    assert (yes.return_value, yes.stdout.splitlines()[1]) == (DONE, "Name: Ann van Dyck")
    no = run("verify", ANN, photos["blue"])
    assert (no.return_value, no.stdout.startswith("Not accepted: 500 ")) == (NO, True)


def test_compare_search_and_detect_end_with_yes_or_no(run: Run, world: World, photos: dict[str, str]) -> None:
    world.known(ANN, RED)
    asked = {
        ("compare", photos["red"], photos["dark_red"]): DONE,
        ("compare", photos["red"], photos["blue"], photos["green"]): NO,
        ("compare", photos["red"], photos["blue"]): NO,
        ("search", photos["dark_red"]): DONE,
        ("search", photos["blue"]): NO,
        ("detect", photos["red"], photos["black"]): DONE,
        ("detect", photos["black"]): NO,
    }
    assert {arguments: run(*arguments).return_value for arguments in asked} == asked
    assert json.loads(run("search", photos["red"], "--json").stdout)["results"]["people"] == 1


def test_people_are_listed_shown_renamed_and_forgotten(run: Run, world: World) -> None:
    assert run("people", "list").stdout == "Nobody is enrolled.\n"
    world.known(ANN, RED)
    world.known(BEN, BLUE)
    assert [one["id"] for one in json.loads(run("people", "list", "--json").stdout)["people"]] == [ANN, BEN]
    assert ANN in run("people", "list").stdout
    assert run("people", "rename", ANN, "Ann").stdout == f"{ANN} is called Ann.\n"
    assert run("people", "show", ANN).stdout.splitlines()[0] == f"{ANN}  Ann"
    assert json.loads(run("forget", ANN).stdout)["person"] == f"not {ANN}"
    assert run("people", "forget", BEN).return_value == DONE


def test_a_refusal_is_told_with_advice_and_where_to_ask_why(run: Run) -> None:
    refused = run("forget", ANN)
    assert (refused.return_value, refused.stdout) == (FAILED, "")
    assert refused.stderr.startswith("116 ")
    assert "bin/faceapp why " in refused.stderr
    told = json.loads(run("forget", ANN, "--json").stdout)
    assert (told["code"], told["results"]["retry"], bool(told["request_id"])) == (116, False, True)


def test_what_can_succeed_later_has_an_exit_code_of_its_own(run: Run, world: World, photos: dict[str, str]) -> None:
    world.known(ANN, RED)
    world.liveness_fault = Code.NO_LIVENESS
    assert run("verify", ANN, photos["red"]).return_value == LATER


def test_no_server_is_one_line_with_its_address(photos: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talking, "Client", partial(Client, retries=Retries(most=0)))
    address = f"http://127.0.0.1:{free_port()}"
    nobody = CliRunner().invoke(cli.faceapp, ["health", "--url", address], standalone_mode=False)
    assert (nobody.return_value, len(nobody.stderr.splitlines()), address in nobody.stderr) == (LATER, 1, True)


def test_without_an_address_the_server_of_this_checkout_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talking, "ENV_FILE", tmp_path / ".env")
    assert talking.own_address() == "http://127.0.0.1:8001"
    (tmp_path / ".env").write_text("HOST=0.0.0.0\nPORT=8002\n")
    assert talking.own_address() == "http://127.0.0.1:8002"


def test_codes_are_explained_without_a_server(run: Run) -> None:
    assert run("codes", "630").stdout.startswith("630 ")
    assert len(json.loads(run("codes", "--json").stdout)) == len(Code)
    assert cli.main(["codes", "1"]) == FAILED


@pytest.mark.parametrize("arguments", [["verify"], ["verify", ANN, "no-such-file.jpg"], ["nothing"], ["people", "eat"]])
def test_wrong_arguments_do_nothing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == FAILED
    assert "Error: " in capsys.readouterr().err


def ways_into(command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
    """Yield a command and its subcommands, each with the words that lead to it."""
    yield [], command
    for name, one in command.commands.items() if isinstance(command, click.Group) else ():
        yield [name], one


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_and_declares_what_it_takes(name: str) -> None:
    command = cli.loaded(name, COMMANDS[name])
    assert command.name == name
    for words, one in ways_into(command):
        shown = CliRunner().invoke(cli.faceapp, [name, *words, "--help"], standalone_mode=False)
        assert (shown.exit_code, one.help or "", one.help in (None, "")) == (0, one.help, False)
        assert shown.stdout.startswith(f"Usage: faceapp {' '.join([name, *words])} ")
        assert [option.opts for option in one.params if isinstance(option, click.Option) and not option.help] == []


def test_every_command_with_a_result_prints_it_as_json() -> None:
    found = {name: cli.loaded(name, COMMANDS[name]) for name in NAMES}
    every = {" ".join([name, *words]): one for name, root in found.items() for words, one in ways_into(root)}
    leaves = {name: one for name, one in every.items() if not isinstance(one, click.Group)}
    options = {name: {word for each in one.params for word in each.opts} for name, one in leaves.items()}
    without = {name for name, taken in options.items() if "--json" not in taken}
    assert without == NO_RESULT | ALWAYS_JSON


@click.command("measure")
@results(ValueError)
def measure() -> tuple[object, int]:
    """Stand for a command that measures."""
    print("so far")
    if Path("wrong").exists():
        raise ValueError("wrong data")
    return {"rate": 0.5}, NO


def test_a_measuring_command_prints_text_json_or_one_line_for_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[object, str, str]:
        done = CliRunner().invoke(measure, arguments, standalone_mode=False)
        return done.return_value, done.stdout, done.stderr

    assert run() == (NO, "so far\n", "")
    assert run("--json") == (NO, '{\n  "rate": 0.5\n}\n', "so far\n")
    Path("wrong").touch()
    with pytest.raises(click.ClickException, match=r"^wrong data$"):
        measure.main([], standalone_mode=False)


@pytest.mark.parametrize("name", [name for name in NAMES if not COMMANDS[name].is_bare])
def test_a_files_own_name_shows_the_same_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"], f"bin/{name}") == DONE
    alone = capsys.readouterr().out
    assert cli.main([name, "--help"]) == DONE
    through = capsys.readouterr().out.replace(f"bin/faceapp {name}", f"bin/{name}", 1)
    assert alone.split() == through.split()


@pytest.mark.slow
def test_help_loads_no_model_library() -> None:
    modules = sorted({about.module for about in COMMANDS.values()})
    code = f"""
import sys
from importlib import import_module
for name in {modules!r}:
    import_module(name)
    heavy = [one for one in {HEAVY!r} if one in sys.modules]
    assert not heavy, (name, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = "import sys; from tools.cli import main; main.main(['--help']); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert [name for name in NAMES if f"  {name} " not in done.stdout] == []


def test_before_the_packages_are_installed_the_commands_are_listed_and_the_others_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_packages(module: str) -> NoReturn:
        raise ModuleNotFoundError(module, name="click" if module == "tools.cli.main" else "cv2")

    monkeypatch.setattr(launch, "use_venv", lambda: None)
    monkeypatch.setattr(launch, "import_module", without_packages)
    assert launch.run(["--help"], cli.PROGRAM) == DONE
    printed = capsys.readouterr().out
    assert [name for name in NAMES if f"  {name} " not in printed] == []
    assert launch.run(["verify", ANN], cli.PROGRAM) == FAILED
    assert capsys.readouterr().err == "The packages are not installed (click is missing). Run bin/setup first.\n"
    monkeypatch.setattr(launch, "import_module", lambda module: without_packages("cv2.dnn"))
    assert launch.run(["verify", ANN], cli.PROGRAM) == FAILED
    assert capsys.readouterr().err == "The packages are not installed (cv2 is missing). Run bin/setup first.\n"


def test_a_module_of_this_checkout_that_is_missing_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_module(module: str) -> NoReturn:
        raise ModuleNotFoundError(module, name="tools.nothing")

    monkeypatch.setattr(launch, "use_venv", lambda: None)
    monkeypatch.setattr(launch, "import_module", without_module)
    with pytest.raises(ModuleNotFoundError):
        launch.run(["verify", ANN], cli.PROGRAM)


@pytest.mark.parametrize("name", [name for name in NAMES if COMMANDS[name].is_bare])
def test_what_runs_before_the_packages_are_installed_needs_none(name: str) -> None:
    code = f"import sys; sys.path[:0] = ['.']; import {COMMANDS[name].module}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, check=True)


def test_every_file_of_bin_is_a_link_to_the_one_command() -> None:
    scripts = {path.name: path for path in (ROOT / "bin").iterdir() if path.is_file() and path.suffix == ""}
    own = scripts.pop("faceapp")
    assert own.stat().st_mode & 0o111 == 0o111
    assert [name for name, path in scripts.items() if not path.is_symlink() or path.resolve() != own] == []
    assert {OWN_NAMES.get(name, name) for name in scripts} <= set(COMMANDS)


def completed(*words: str) -> Sequence[str]:
    """Return what a shell is offered for the last word."""
    made = ShellComplete(cli.faceapp, {}, cli.PROGRAM, cli.COMPLETE)
    return [item.value for item in made.get_completions(list(words[:-1]), words[-1])]


def test_commands_options_and_subcommands_are_completed() -> None:
    assert completed("ver") == ["verify"]
    assert "--skip-liveness" in completed("verify", "--skip")
    assert completed("people", "sh") == ["show"]
    assert completed("keys", "ma") == ["make"]
    assert completed("keys", "make", "--sc") == ["--scopes"]
    assert completed("evaluate", "--js") == ["--json"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_script_calls_this_checkout(shell: str) -> None:
    text = script(cli.faceapp, shell)
    assert text.count(str(PROGRAM)) == 1
    assert "commands[faceapp]" not in text
    if shell == "bash":
        asked = f"{text}\nCOMP_WORDS=(faceapp cali); COMP_CWORD=1; _faceapp_completion; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
        assert done.stdout == "calibrate\n"


def test_ctrl_c_in_a_command_ends_the_process_after_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.faceapp, "commands", {"press": click.Command("press", callback=press)})
    monkeypatch.setattr(cli.Commands, "get_command", click.Group.get_command)

    def leave(before: str) -> NoReturn:
        raise SystemExit(before or INTERRUPTED)

    monkeypatch.setattr(cli, "leave", leave)
    with pytest.raises(SystemExit) as left:
        cli.main(["press"])
    assert left.value.code == INTERRUPTED


def test_every_command_and_exit_code_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in NAMES if f"`bin/{name}" not in page and f"bin/faceapp {name}" not in page] == []
    assert re.findall(r"(?m)^\| (\d+) \| ", page) == [str(code) for code in (DONE, NO, FAILED, LATER, INTERRUPTED)]


def test_progress_is_for_terminals_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked("abc", 3, "Reading")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_of_the_bench_is_where_it_is_looked_for(name: str) -> None:
    assert callable(getattr(import_module(f"tools.benchmark.{SCENARIOS[name]}"), name))
