"""`bin/facehash evaluate`: FaceHash's promises, measured through the server's own endpoints on a folder of people.

Every user is trained with a request of its own, as clients do; then the other images of each user and strangers' images
are recognised; then clients recognise while a training is under way.
"""

import base64
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.evaluation.layout import Dataset, LayoutError

KEY = "API_KEY_TEST_1"
CLIENTS = 8

Post = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Posts JSON to a path of the server and returns the reply's."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Whom to train with which images, which other images are theirs, and strangers' images."""

    learnt: dict[str, list[Path]]
    own: dict[str, list[Path]]
    strangers: list[Path]


def plan(data: Dataset, users: int, images: int, strangers: int, seed: int) -> Plan:
    """Choose users with more than `images` images, at random; strangers are other people, one image each."""
    generator = np.random.default_rng(seed)
    by_person = data.by_person()
    many = [person for person, files in by_person.items() if len(files) > images]
    if len(many) < users:
        raise LayoutError(f"only {len(many)} people have more than {images} images")
    chosen = [int(one) for one in generator.choice(many, users, replace=False)]
    order = {one: [by_person[one][int(at)] for at in generator.permutation(len(by_person[one]))] for one in chosen}
    others = [person for person in by_person if person not in order]
    drawn = generator.choice(others, min(strangers, len(others)), replace=False)
    names = {person: data.people[person] for person in chosen}
    return Plan(
        {names[one]: files[:images] for one, files in order.items()},
        {names[one]: files[images:] for one, files in order.items()},
        [by_person[int(one)][0] for one in drawn],
    )


def measure(post: Post, what: Plan) -> dict[str, Any]:
    """Train, recognise, and recognise during a training; return every figure. The server has to be warm."""
    trained: list[float] = []
    for user, files in what.learnt.items():
        began = time.perf_counter()
        reply = post("/train", {"API_KEY": KEY, "username": user, "images": [text_of(file) for file in files]})
        trained.append(time.perf_counter() - began)
        if reply["responseType"] != "SUCCESS":
            raise LayoutError(f"{user} was not trained: {reply}")
    own = [_is(post, user, file) for user, files in what.own.items() for file in files]
    users = list(what.learnt)
    foreign = [_is(post, users[at % len(users)], file) for at, file in enumerate(what.strangers)]
    return {
        "users": len(users),
        "images": len(next(iter(what.learnt.values()))),
        "training_s": round(sum(trained), 1),
        "last_training_s": round(trained[-1], 2),
        "own_images": len(own),
        "recognised": float(np.mean(own)),
        "strangers": len(foreign),
        "strangers_recognised": float(np.mean(foreign)),
        "during_training": _beside(post, what),
    }


def _is(post: Post, user: str, file: Path) -> bool:
    """Whether an image is recognised as the user. Raises `LayoutError` for a reply that decides nothing."""
    reply = post("/recognize/", {"API_KEY": KEY, "username": user, "image": text_of(file)})
    if reply["responseType"] == "ERROR":
        raise LayoutError(f"{file.name} was not judged: {reply['errorDescription']}")
    return bool(reply["responseType"] == "SUCCESS")


def _beside(post: Post, what: Plan) -> dict[str, Any]:
    """Let clients recognise for a while, and again while a user is trained anew with more images."""
    user, files = next(iter(what.learnt.items()))
    photos = [text_of(file) for file in files]
    quiet = _load(post, user, photos, lambda: time.sleep(5.0))
    busy = _load(
        post, user, photos, lambda: post("/train", {"API_KEY": KEY, "username": user, "images": photos, "epochs": 60})
    )
    return {
        "clients": CLIENTS,
        "errors": quiet[1] + busy[1],
        "median_ms": [round(float(np.median(times)) * 1000) for times, _ in (quiet, busy)],
        "p95_ms": [round(float(np.quantile(times, 0.95)) * 1000) for times, _ in (quiet, busy)],
        "requests": [len(quiet[0]), len(busy[0])],
    }


def _load(post: Post, user: str, photos: Sequence[str], meanwhile: Callable[[], object]) -> tuple[list[float], int]:
    """Return the seconds of each request that clients made meanwhile, and how many were answered with an error."""
    times: list[float] = []
    errors: list[dict[str, Any]] = []
    is_over = threading.Event()

    def client(at: int) -> None:
        while not is_over.is_set():
            began = time.perf_counter()
            reply = post("/recognize/", {"API_KEY": KEY, "username": user, "image": photos[at % len(photos)]})
            times.append(time.perf_counter() - began)
            if reply["responseType"] == "ERROR":
                errors.append(reply)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, at) for at in range(CLIENTS)]
        try:
            meanwhile()
        finally:
            is_over.set()
    for one in clients:
        one.result()
    return times, len(errors)


def text_of(file: Path) -> str:
    """Return a file as base64 text."""
    return base64.b64encode(file.read_bytes()).decode()
