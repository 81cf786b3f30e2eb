"""Networks give back the memory that they keep between calls, and go on afterwards."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from bootstrap.serving import _make_room
from pipeline.models.runtime import OpenVinoRunner, library, release_memory
from pipeline.stages.recent import RecentPhotos

SIDE = 1024
PHOTO = np.ones((1, 3, SIDE, SIDE), np.float32)


class Allocated(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks")]
    _fields_ += [(name, ctypes.c_size_t) for name in ("fsmblks", "uordblks", "fordblks", "keepcost")]


def in_use() -> float:
    """Return what glibc has handed out, in MiB."""
    told = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if told is None:
        pytest.skip("only glibc tells")
    told.restype = Allocated
    now = told()
    return float(now.uordblks + now.hblkhd) / 2**20


@pytest.fixture
def network() -> OpenVinoRunner:
    """Two convolutions with 16 channels between them: 64 MiB for this photo."""
    opset: Any = library().opset13
    photo = opset.parameter([1, 3, SIDE, SIDE], np.float32)
    weights = np.full((16, 3, 3, 3), 0.5, np.float32), np.full((1, 16, 3, 3), 0.25, np.float32)
    found = photo
    for one in weights:
        found = opset.convolution(found, opset.constant(one), [1, 1], [1, 1], [1, 1], [1, 1])
    return OpenVinoRunner(library().Model([opset.reduce_mean(found, [2, 3])], [photo]))


def test_what_layers_write_to_is_given_back_and_taken_again(network: OpenVinoRunner) -> None:
    before = network([PHOTO])[0]
    held = in_use()
    _make_room(RecentPhotos())
    assert held - in_use() > 50
    assert (network([PHOTO])[0] == before).all()


def test_calls_under_way_are_not_disturbed(network: OpenVinoRunner) -> None:
    right = network([PHOTO])[0]
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(network, [PHOTO]) for _ in range(24)]
        while not all(call.done() for call in calls):
            release_memory()
    assert all((call.result()[0] == right).all() for call in calls)
