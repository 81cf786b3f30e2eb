"""CompreFace's REST API below /api/v1, for clients that speak it: its calls, forms and error codes."""

from api.compreface import embeddings, faces, recognition, subjects
from api.compreface.form import blueprint

__all__ = ["blueprint", "embeddings", "faces", "recognition", "subjects"]
