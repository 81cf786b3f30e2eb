"""The bank of models: loaded once, counted, and a failed load is no end."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.models.bank import DETECTOR, ModelBank
from pipeline.models.embedders import AlignedEmbedder
from pipeline.models.runtime import ModelUnavailable
from pipeline.registry import REGISTRY, ModelSpec
from pipeline.types import Detection, Embedder, Pixels


class NoFaces:
    """A detector for counting calls."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        return [[] for _ in photos]


def light(spec: ModelSpec) -> Embedder:
    """Load an embedder whose network is the mean colour of the face, for counting calls."""
    return AlignedEmbedder(
        spec,
        "0" * 16,
        lambda faces: faces.mean(axis=(1, 2), dtype=np.float32).repeat(spec.embedding_size, 1)[
            :, : spec.embedding_size
        ],
    )


SPECS = [REGISTRY["Dlib"], REGISTRY["MobileFaceNet"]]


def test_a_model_is_loaded_once_however_many_ask_at_the_same_time() -> None:
    bank = ModelBank(NoFaces, light)
    threads = [threading.Thread(target=lambda: (bank.embedders(SPECS), bank.detector())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bank.loads == {"Dlib": 1, "MobileFaceNet": 1, DETECTOR: 1}


def test_calls_are_counted_however_many_faces_they_bring() -> None:
    bank = ModelBank(NoFaces, light)
    bank.detector()
    warm = bank.calls
    bank.detector().detect([np.zeros((20, 20, 3), np.uint8)] * 3)
    assert bank.calls[DETECTOR] == warm[DETECTOR] + 1


def test_the_models_come_in_the_order_asked_for() -> None:
    bank = ModelBank(NoFaces, light)
    assert list(bank.embedders(SPECS)) == ["Dlib", "MobileFaceNet"]
    assert list(bank.embedders(SPECS[::-1])) == ["MobileFaceNet", "Dlib"]


def test_a_model_that_cannot_be_had_is_tried_again_and_the_others_are_kept() -> None:
    missing = {"MobileFaceNet"}

    def load(spec: ModelSpec) -> Embedder:
        if spec.name in missing:
            raise ModelUnavailable(f"{spec.name}: put it there")
        return light(spec)

    bank = ModelBank(NoFaces, load)
    with pytest.raises(ModelUnavailable, match="MobileFaceNet: put it there"):
        bank.embedders(SPECS)
    missing.clear()
    bank.embedders(SPECS)
    assert bank.loads == {"Dlib": 1, "MobileFaceNet": 1}


def test_a_closed_bank_loads_anew() -> None:
    bank = ModelBank(NoFaces, light)
    bank.embedders(SPECS[:1])
    bank.close()
    bank.embedders(SPECS[:1])
    assert bank.loads == {"Dlib": 2}
