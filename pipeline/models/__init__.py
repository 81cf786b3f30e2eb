"""Adapters to the libraries: each turns one library's model into one of the protocols of `pipeline.types`."""

import os

# DeepFace's networks are written for Keras 2, which TensorFlow hands out only if asked before its first use; our own
# are loaded with Keras 3, which comes as a package of its own. Whichever is loaded first, both have to work.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
