"""Liveness that fails closed: whatever goes wrong in an engine or while it loads is NO_LIVENESS, never a pass."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codes_dict import Code, Refusal
from pipeline.types import Face, LivenessAbout, LivenessJudge, LivenessVerdict

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FailClosedJudge:
    """A `LivenessJudge` around another one: any exception, and any verdict that is none, is `Refusal(NO_LIVENESS)`."""

    inner: LivenessJudge

    @property
    def about(self) -> LivenessAbout:
        """What the inner judge says of itself."""
        return self.inner.about

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Judge the faces; one verdict a face, each with a score from 0 to 1."""
        try:
            verdicts = self.inner.judge(faces)
        except Refusal:
            raise
        except Exception as fault:
            raise _refused("a liveness engine failed", fault) from fault
        if len(verdicts) != len(faces):
            raise Refusal(Code.NO_LIVENESS, f"{len(verdicts)} verdicts for {len(faces)} faces")
        if not all(math.isfinite(one.score) and 0 <= one.score <= 1 for one in verdicts):
            raise Refusal(Code.NO_LIVENESS, "a score is not a number from 0 to 1")
        return verdicts


def load_fail_closed(load: Callable[[], LivenessJudge]) -> FailClosedJudge:
    """Load a judge; raises `Refusal(NO_LIVENESS)`, whatever goes wrong."""
    try:
        return FailClosedJudge(load())
    except Refusal:
        raise
    except Exception as fault:
        raise _refused("the liveness engines could not be loaded", fault) from fault


def _refused(what: str, fault: Exception) -> Refusal:
    _log.error("178 %s", what, exc_info=fault)
    return Refusal(Code.NO_LIVENESS, f"{what}: {type(fault).__name__}")
