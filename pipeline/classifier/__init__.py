"""FaceHash's classifier: one Keras network for each API key, over that key's users and everybody else.

Training runs in a process of its own (`worker`), so that the server keeps answering; `service` stores what comes of it
and swaps it in; `network` reads and runs it.
"""
