"""What a flow works with: the operator's policy, the loaded models and the records, handed in ready to use."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from codes_dict import Refusal
from pipeline import ports
from pipeline.flows.policy import Policy
from pipeline.ledger import Ledger
from pipeline.stages.decode import Decode, decode
from pipeline.stages.opening import Opener
from pipeline.stages.recent import RecentPhotos
from pipeline.types import Attributes, Crop, Detector, Embedder, LivenessJudge, Scorer

AT_ONCE = 3
"""Photos of a request that are decoded and in memory together."""

T = TypeVar("T")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Services:
    """Everything that is plugged into the flows. `judge` raises `Refusal(NO_LIVENESS)` where none could be loaded.

    `basis` is the hash of models and thresholds that entries of the audit name. `alone` holds the scorers of selected
    models that can decide by themselves, for callers who name one of several.
    """

    policy: Policy
    detector: Detector
    embedders: Mapping[str, Embedder]
    scorer: Scorer
    judge: Callable[[], LivenessJudge]
    augment: Callable[[Crop, int], list[Crop]]
    uploads: ports.Uploads
    people: ports.People
    enrolments: ports.Enrolments
    gallery: ports.Gallery
    replays: ports.Replays
    acceptances: ports.Acceptances
    challenges: ports.Challenges
    forgetting: ports.Forgetting
    audit: ports.Audit
    basis: str
    faces: ports.Faces
    announced: ports.Announced
    subjects: ports.Subjects
    receipt: Callable[[str, ports.Forgotten], Mapping[str, Any]]
    classifiers: ports.Classifiers
    attributes: Attributes
    decode: Decode = decode
    recent: RecentPhotos = field(default_factory=RecentPhotos)
    alone: Mapping[str, Scorer] = field(default_factory=dict)

    @property
    def opener(self) -> Opener:
        """How stored photos are opened: each was accepted under the limits and the budget of its upload."""
        return Opener(self.decode, sys.maxsize, self.policy.max_pixels, recent=self.recent)


@contextmanager
def explained(results: dict[str, Any], ledger: Ledger | None = None) -> Iterator[Ledger]:
    """Let a refusal carry the results as far as they came, with the rows of the ledger, by default a new one."""
    ledger = ledger or Ledger()
    try:
        yield ledger
    except Refusal as refusal:
        if refusal.results is None:
            refusal.results = results
        raise
    finally:
        results["stages"] = ledger.as_list()


def in_batches(work: Callable[[Sequence[T]], Result], items: Sequence[T]) -> Iterator[Result]:
    """Yield what `work` gives of the items, a few at a time.

    What a caller or `work` keeps of a batch is in memory beside the next one: photos have to be let go.
    """
    return map(work, (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)))
