"""The bank of models: loaded once, and a failed load is no end."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.models.bank import ModelBank
from pipeline.models.embedders import AlignedEmbedder
from pipeline.models.runtime import ModelUnavailable
from pipeline.registry import REGISTRY, ModelSpec
from pipeline.types import Detection, Embedder, Pixels


class NoFaces:
    """A detector."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        return [[] for _ in photos]


def light(spec: ModelSpec) -> Embedder:
    """Load an embedder whose network is the mean colour of the face."""
    return AlignedEmbedder(
        spec,
        "0" * 16,
        lambda faces: faces.mean(axis=(1, 2), dtype=np.float32).repeat(spec.embedding_size, 1)[
            :, : spec.embedding_size
        ],
    )


class Loading:
    """Loads models and counts how often it did."""

    def __init__(self, *missing: str) -> None:
        self.missing, self.loads = set(missing), Counter[str]()

    def detector(self) -> NoFaces:
        self.loads["detector"] += 1
        return NoFaces()

    def embedder(self, spec: ModelSpec) -> Embedder:
        if spec.name in self.missing:
            raise ModelUnavailable(f"{spec.name}: put it there")
        self.loads[spec.name] += 1
        return light(spec)


SPECS = [REGISTRY["Dlib"], REGISTRY["MobileFaceNet"]]


def test_a_model_is_loaded_once_however_many_ask_at_the_same_time() -> None:
    loading = Loading()
    bank = ModelBank(loading.detector, loading.embedder)
    threads = [threading.Thread(target=lambda: (bank.embedders(SPECS), bank.detector())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loading.loads == {"Dlib": 1, "MobileFaceNet": 1, "detector": 1}


def test_the_models_come_in_the_order_asked_for() -> None:
    bank = ModelBank(NoFaces, light)
    assert list(bank.embedders(SPECS)) == ["Dlib", "MobileFaceNet"]
    assert list(bank.embedders(SPECS[::-1])) == ["MobileFaceNet", "Dlib"]


def test_a_model_that_cannot_be_had_is_tried_again_and_the_others_are_kept() -> None:
    loading = Loading("MobileFaceNet")
    bank = ModelBank(loading.detector, loading.embedder)
    with pytest.raises(ModelUnavailable, match="MobileFaceNet: put it there"):
        bank.embedders(SPECS)
    loading.missing.clear()
    bank.embedders(SPECS)
    assert loading.loads == {"Dlib": 1, "MobileFaceNet": 1}


def test_a_closed_bank_loads_anew() -> None:
    loading = Loading()
    bank = ModelBank(loading.detector, loading.embedder)
    bank.embedders(SPECS[:1])
    bank.close()
    bank.embedders(SPECS[:1])
    assert loading.loads == {"Dlib": 2}
