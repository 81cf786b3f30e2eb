"""The classifiers of all keys: trained on the old state, swapped in whole, loaded when they are asked."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from codes_dict import Code, Refusal
from pipeline.classifier.network import Classifier, SamePeople, all_different, load_classifier
from pipeline.classifier.options import chosen
from pipeline.classifier.strangers import NoStrangersError, Strangers, is_same, joined, load
from pipeline.classifier.trainer import Trainer
from pipeline.ports import ClassifierHomes, ClassifierReport, ClassifierVersion, NewClassifier, UsersFaces
from pipeline.types import Floats

_KEPT = 32
"""Classifiers that are kept loaded; the one unused for longest goes first."""


class ClassifierService:
    """See `pipeline.ports.Classifiers`.

    `versions` are the selected models with the versions of their embeddings. `same_people` tells which users are one
    person under several names, who would otherwise be recognised under none of them; without it all compete.
    """

    def __init__(
        self,
        homes: ClassifierHomes,
        trainer: Trainer,
        versions: Mapping[str, str],
        folder: Path | None = None,
        same_people: SamePeople = all_different,
    ) -> None:
        self._homes, self._trainer, self._versions, self._folder = homes, trainer, dict(versions), folder
        self._same_people = same_people
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[str, Classifier]] = {}
        self._strangers: Strangers | None = None

    def check_options(self, sent: Mapping[str, object]) -> None:
        """Refuse with VALUE_REFUSED a hyper-parameter that is out of bounds; start the training process."""
        chosen(sent)
        self._known_strangers()
        self._trainer.prepare()

    def users(self, home: str) -> UsersFaces:
        """Return each user's faces; none where nothing was trained, or only for other models."""
        version = self._homes.current(home)
        return version.faces if version is not None and self._fits(version) else {}

    def chance(self, home: str, user: str, embeddings: Mapping[str, Floats]) -> tuple[float, float] | None:
        """Return how likely a face is this user, 0 to 1, and the network's seconds; None for an unknown user."""
        classifier = self._current(home)
        if classifier is None or user not in classifier.version.users:
            return None
        return classifier.chance(embeddings, user)

    def train(
        self,
        home: str,
        change: Callable[[UsersFaces], UsersFaces],
        options: Mapping[str, object],
        progress: Callable[[float], None],
    ) -> ClassifierReport:
        """Train on the changed users' faces and swap the result in; until then, and if it fails, the old one answers.

        Refuses with CONFLICT where another version came into use meanwhile: of a user who was forgotten, say.
        """
        models, strangers, mark = tuple(self._versions), self._known_strangers(), self._homes.mark(home)
        faces = change(self.users(home))
        rows = [joined(one, models) for one in faces.values()]
        trained = self._trainer.train(rows, strangers, chosen(options), progress)
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in trained.files.items()}
        new = NewClassifier(dict(self._versions), dict(faces), trained.files, digests, trained.validation)
        number = self._homes.add(home, new, mark)
        return ClassifierReport(number, {name: len(one[models[0]]) for name, one in faces.items()}, trained.validation)

    def close(self) -> None:
        """End the training process."""
        self._trainer.close()

    def _current(self, home: str) -> Classifier | None:
        """Return the classifier in use, loaded; raises `Refusal(CONFLICT)` where it was made for other models."""
        mark = self._homes.mark(home)
        with self._lock:
            known = self._loaded.pop(home, None)
            if known is not None and known[0] == mark:
                self._loaded[home] = known
                return known[1]
        version = self._homes.current(home)
        if version is None:
            return None
        if not self._fits(version):
            advice = "The recognition models were changed since. Train every user again."
            raise Refusal(Code.CONFLICT, f"classifier {version.number} is for other models", advice=advice, retry=False)
        loaded = load_classifier(version, self._same_people)
        with self._lock:
            self._loaded[home] = mark, loaded
            while len(self._loaded) > _KEPT:
                del self._loaded[next(iter(self._loaded))]
        return loaded

    def _fits(self, version: ClassifierVersion) -> bool:
        made = version.models
        return set(made) == set(self._versions) and all(is_same(made[name], self._versions[name]) for name in made)

    def _known_strangers(self) -> Strangers:
        if self._strangers is None:
            try:
                self._strangers = load(self._versions, self._folder)
            except NoStrangersError as reason:
                raise Refusal(Code.NO_STRANGERS, str(reason)) from reason
        return self._strangers
