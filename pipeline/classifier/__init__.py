"""FaceHash's classifier: one Keras network for each API key, over that key's users and everybody else.

Training runs in a process of its own (`worker`), so that the server keeps answering and never imports TensorFlow for
it; `service` stores what comes of it and swaps it in; `network` reads and runs it.
"""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # see pipeline.models: whichever Keras comes first, both have to work
