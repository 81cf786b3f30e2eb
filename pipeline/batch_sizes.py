"""How many photos, faces or patches each call of a model was for: the server's metrics show it."""

from prometheus_client import Histogram

BATCH_SIZES = Histogram(
    "faceapp_model_batch_size",
    "Items in a call of a model",
    ["model"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=None,  # an application registers it
)
"""By the model's name. It counts for the whole process."""
