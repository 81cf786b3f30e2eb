"""Thresholds per model and distance at stated false match rates, and how they are measured."""

from pipeline.scoring.store import CalibrationFault, load_scorer

__all__ = ["CalibrationFault", "load_scorer"]
