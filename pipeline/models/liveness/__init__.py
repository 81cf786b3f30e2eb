"""Liveness: is this face a person in front of the camera, or a picture of one?

`load_judge` gives a `pipeline.types.LivenessJudge` made of our own CNN, of DeepFace's Fasnet, or of both fused.
"""

from pipeline.models.liveness.judge import ENGINES, Judge, load_judge

__all__ = ["ENGINES", "Judge", "load_judge"]
