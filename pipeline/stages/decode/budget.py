"""What the photos of one request may cost together."""

from threading import Lock

from pipeline.stages.decode.kinds import Undecodable

_SECONDS, _SECONDS_PER_MIB = 3.0, 1.0
_MIB = 1024 * 1024


def most_seconds(sent_bytes: int) -> float:
    """Return the CPU seconds that so many bytes may take to decode, in one file or in all of a request."""
    return _SECONDS + _SECONDS_PER_MIB * sent_bytes / _MIB


class Budget:
    """CPU seconds to decode a request's photos in: a few for any request, and more by the bytes that were sent.

    Photos of phones cost a tenth of what their bytes pay for; files that unpack to a thousand times their size run out.
    Safe to use from several threads.
    """

    def __init__(self, sent_bytes: int) -> None:
        self._left = most_seconds(sent_bytes)
        self._lock = Lock()

    def check(self) -> None:
        """Raise `Undecodable` where nothing is left."""
        if self._left <= 0:
            raise Undecodable(
                "The photos before this one used up the time to decode one request: send it in a request of its own."
            )

    def spend(self, seconds: float) -> None:
        """Note what a photo took."""
        with self._lock:
            self._left -= seconds
