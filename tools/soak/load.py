"""Three loads: one client alone, as many as the server can serve, and twice as many requests as that."""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tools.soak.calls import Answer, Client, Load

CLIENTS = 8
"""Clients that find the capacity: each sends its next request when the last is answered."""
CONNECTIONS = 96
"""Connections of the flood, more than requests can be under way at the server."""

Watch = Callable[[float], None]


class Answers:
    """Answers of one load. `seconds` is how long it lasted."""

    def __init__(self) -> None:
        self.all: list[Answer] = []
        self.seconds = 0.0

    @property
    def accepted(self) -> list[Answer]:
        """Those to requests that were processed."""
        return [one for one in self.all if one.is_accepted]

    @property
    def rate(self) -> float:
        """Processed requests a second."""
        return len(self.accepted) / self.seconds if self.seconds else 0.0


def closed_loop(load: Load, clients: int, seconds: float) -> Answers:
    """Let so many clients send one request after the other for so long."""
    answers, begun = Answers(), time.monotonic()

    def work(client: Client) -> None:
        while time.monotonic() - begun < seconds:
            client.send(load.draw())

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(work, Client(load, answers.all.append)) for _ in range(clients)]:
            done.result()
    answers.seconds = time.monotonic() - begun
    return answers


def flood(load: Load, rate: float, seconds: float, watch: Watch) -> Answers:
    """Send `rate` requests a second at random moments, whatever becomes of them; `watch` is called every second.

    A request that finds no connection free is left out: the server answers none of the others then.
    """
    answers, draw = Answers(), random.Random(2)
    clients = deque(Client(load, answers.all.append) for _ in range(CONNECTIONS))
    begun = due = time.monotonic()
    seen = 0

    def send(kind: str) -> None:
        try:
            client = clients.popleft()  # none is idle until the server closes it
        except IndexError:
            return
        client.send(kind)
        clients.append(client)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        while due - begun < seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(send, load.draw())
            due += draw.expovariate(rate)
            if due - begun >= seen + 1:
                seen = int(due - begun)
                watch(due - begun)
    answers.seconds = time.monotonic() - begun
    return answers


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the seconds within which this share of requests was answered; 0 without any."""
    taken = sorted(one.seconds for one in answers)
    return taken[min(len(taken) - 1, int(share * len(taken)))] if taken else 0.0
