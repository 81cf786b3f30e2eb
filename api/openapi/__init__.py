"""The OpenAPI document: every endpoint says beside its route what it takes and answers; the rest is derived."""

from api.openapi.describing import JSON, LEASED, NO_PHOTO, NOT_LIVE, Other, describe
from api.openapi.shapes import Refused, Shape, Stage

__all__ = ["JSON", "LEASED", "NOT_LIVE", "NO_PHOTO", "Other", "Refused", "Shape", "Stage", "describe"]
