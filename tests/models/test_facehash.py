"""FaceHash's classifier: trained in its process by Keras, loaded through the guard, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from codes_dict import Code, Refusal
from db.facehash import FaceHashHomes
from db.kept import FACEHASH, KeptFiles
from pipeline.classifier.network import all_different, load_classifier
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.strangers import SHIPPED, SUFFIX, Strangers, decode, load
from pipeline.classifier.trainer import Trainer
from pipeline.classifier.worker import NETWORK
from pipeline.scoring.store import load_scorer
from pipeline.stages.compare import same_people
from pipeline.types import EnrolledFaces, Floats
from tests.http.site import ENV
from tools.cli import main as cli

pytestmark = pytest.mark.models

SHIPPED_FILE = SHIPPED / f"dlib+mobilefacenet+sface{SUFFIX}"
HOME = "API_KEY_TEST_1"


@pytest.fixture(scope="module")
def strangers() -> Strangers:
    return decode(SHIPPED_FILE.read_bytes()).of_models(["Dlib", "SFace"])


@pytest.fixture(scope="module")
def trainer() -> Iterator[Trainer]:
    one = Trainer()
    yield one
    one.close()


def service(trainer: Trainer, strangers: Strangers, folder: Path) -> tuple[ClassifierService, FaceHashHomes]:
    homes = FaceHashHomes(KeptFiles(folder, FACEHASH))
    scorer = load_scorer(strangers.versions, "cosine", 0, 1e-3, 1e-2)
    same = partial(same_people, scorer=scorer, sim_func="cosine")
    return ClassifierService(homes, trainer, strangers.versions, same_people=same), homes


def person(strangers: Strangers, seed: int, count: int = 10) -> EnrolledFaces:
    """Return faces of somebody drawn: a stranger, and photos that differ as one person's do."""
    generator = np.random.default_rng(seed)
    middle = strangers.draw(1, generator)
    rows = strangers.unit(middle + strangers.moves(count, generator))
    parts = np.split(rows, np.cumsum(list(strangers.sizes.values()))[:-1], axis=1)
    return EnrolledFaces(dict(zip(strangers.sizes, parts, strict=True)))


def one_of(faces: EnrolledFaces, at: int) -> dict[str, Floats]:
    return {name: rows[at] for name, rows in faces.items()}


def test_users_are_recognised_and_strangers_are_not(trainer: Trainer, strangers: Strangers, tmp_path: Path) -> None:
    classifiers, homes = service(trainer, strangers, tmp_path)
    users = {f"user {seed}": person(strangers, seed, 14) for seed in range(4)}
    shares: list[float] = []
    learnt = {name: EnrolledFaces({m: rows[:10] for m, rows in one.items()}) for name, one in users.items()}
    report = classifiers.train(HOME, lambda _: learnt, {}, shares.append)
    assert (report.number, report.faces["user 0"], report.validation["faces"]) == (1, 10, 8)
    assert report.validation["recognised"] == 8
    assert shares == sorted(shares)
    own = [classifiers.chance(HOME, name, one_of(one, at)) for name, one in users.items() for at in range(10, 14)]
    assert sum(found is not None and found[0] > 0.5 for found in own) >= 15
    other = [classifiers.chance(HOME, "user 0", one_of(one, 3)) for name, one in users.items() if name != "user 0"]
    foreign = [classifiers.chance(HOME, "user 0", one_of(person(strangers, seed, 1), 0)) for seed in range(100, 140)]
    assert [found for found in (*other, *foreign) if found is None or found[0] > 0.5] == []
    assert classifiers.chance(HOME, "nobody", one_of(users["user 0"], 0)) is None
    assert homes.number(HOME) == 1


def test_a_person_who_was_trained_under_several_names_is_recognised_under_each(
    trainer: Trainer, strangers: Strangers, tmp_path: Path
) -> None:
    classifiers, homes = service(trainer, strangers, tmp_path)
    twice, other = person(strangers, 1), person(strangers, 2)
    classifiers.train(HOME, lambda _: {"ada": twice, "Ada": twice, "ada l.": twice, "ben": other}, {}, print)

    def recognised(faces: EnrolledFaces, user: str) -> int:
        found = [classifiers.chance(HOME, user, one_of(faces, at)) for at in range(10)]
        return sum(one is not None and one[0] > 0.5 for one in found)

    assert [recognised(twice, user) for user in ("ada", "Ada", "ada l.", "ben")] == [10, 10, 10, 0]
    assert [recognised(other, user) for user in ("ada", "ben")] == [0, 10]
    version = homes.current(HOME)
    assert version is not None
    competing = load_classifier(version, all_different)
    assert sum(competing.chance(one_of(twice, 0), user)[0] > 0.5 for user in ("ada", "Ada", "ada l.")) <= 1


@pytest.mark.parametrize("options", [{}, {"hidden_units": 32, "dropout": 0.1}], ids=str)
def test_the_same_faces_give_the_same_network_and_a_changed_file_is_refused(
    trainer: Trainer, strangers: Strangers, tmp_path: Path, options: dict[str, object]
) -> None:
    users = {"ada": person(strangers, 1)}
    versions = []
    for name in ("a", "b"):
        classifiers, homes = service(trainer, strangers, tmp_path / name)
        classifiers.train(HOME, lambda _: users, {"epochs": "3", **options}, lambda share: None)
        version = homes.current(HOME)
        assert version is not None
        versions.append(version)
    faces = one_of(users["ada"], 0)
    first, second = (load_classifier(one, all_different).chance(faces, "ada")[0] for one in versions)
    assert first == second
    # Without the converted network, and with a damaged one, Keras's file is loaded and answers the same.
    spoilt = replace(versions[0], files={**versions[0].files, "network.bin": b"\0" * 100})
    assert load_classifier(spoilt, all_different).chance(faces, "ada")[0] == pytest.approx(first, abs=1e-4)
    network = versions[0].files[NETWORK]
    with pytest.raises(Refusal) as refusal:
        load_classifier(replace(versions[0], files={**versions[0].files, NETWORK: network[:-1] + b"\1"}), all_different)
    assert refusal.value.code is Code.INTERNAL


def test_a_worker_that_dies_is_a_refusal_and_the_next_training_starts_another(
    trainer: Trainer, strangers: Strangers, tmp_path: Path
) -> None:
    classifiers, homes = service(trainer, strangers, tmp_path)
    users = {"ada": person(strangers, 1)}

    def kill(_: float) -> None:
        trainer.close()

    with pytest.raises(Refusal) as refusal:
        classifiers.train(HOME, lambda _: users, {"epochs": "5"}, kill)
    assert (refusal.value.code, homes.number(HOME)) == (Code.INTERNAL, None)
    assert classifiers.train(HOME, lambda _: users, {"epochs": "1"}, print).number == 1


def test_a_forgotten_user_is_in_no_version_and_the_others_stay(
    trainer: Trainer, strangers: Strangers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("people", "uploads"):
        (tmp_path / name).mkdir()
    changes, env = {"FACEHASH_FOLDER": "facehash", "SELECTED_MODELS": "Dlib,SFace"}, tmp_path / ".env"
    env.write_text("".join(f"{key}={value}\n" for key, value in {**ENV, **changes}.items()))
    classifiers, homes = service(trainer, strangers, tmp_path / "facehash")
    users = {name: person(strangers, seed) for seed, name in enumerate(("ada", "ben"))}
    for name in users:
        classifiers.train(HOME, lambda known, name=name: {**known, name: users[name]}, {"epochs": "3"}, print)  # type: ignore[misc]

    assert cli.main(["facehash", "forget", HOME, "eve", "--env", str(env)]) == 2
    assert cli.main(["facehash", "forget", HOME, "ada", "--env", str(env)]) == 0
    assert "version 3 was trained without, 2 older versions were removed" in capsys.readouterr().out
    assert [homes.read(HOME, number).users for number in homes.numbers(HOME)] == [("ben",)]
    assert classifiers.chance(HOME, "ada", one_of(users["ada"], 0)) is None
    assert classifiers.chance(HOME, "ben", one_of(users["ben"], 0)) is not None
    assert cli.main(["facehash", "forget", HOME, "ben", "--env", str(env)]) == 0
    assert homes.homes() == []


def test_a_training_never_brings_back_who_was_forgotten_while_it_ran(
    trainer: Trainer, strangers: Strangers, tmp_path: Path
) -> None:
    classifiers, homes = service(trainer, strangers, tmp_path)
    users = {name: person(strangers, seed) for seed, name in enumerate(("ada", "ben"))}
    classifiers.train(HOME, lambda _: {"ada": users["ada"]}, {"epochs": "1"}, print)
    assert classifiers.chance(HOME, "ada", one_of(users["ada"], 0)) is not None

    def forget(_: float) -> None:
        homes.remove(HOME)

    with pytest.raises(Refusal) as refusal:
        classifiers.train(HOME, lambda known: {**known, "ben": users["ben"]}, {"epochs": "1"}, forget)
    assert (refusal.value.code, homes.current(HOME)) == (Code.CONFLICT, None)
    # Numbers begin again in a home that was removed: what is loaded of the old one is not used any more.
    classifiers.train(HOME, lambda _: {"ben": users["ben"]}, {"epochs": "1"}, print)
    assert classifiers.chance(HOME, "ada", one_of(users["ada"], 0)) is None


def test_the_statistics_of_strangers_fit_the_shipped_models() -> None:
    versions = decode(SHIPPED_FILE.read_bytes()).versions
    found = load({"SFace": versions["SFace"]})
    assert (list(found.sizes), found.mean.shape, found.total.shape) == (["SFace"], (128,), (128, 128))
    assert 3.0 < found.deviations < 8.0
