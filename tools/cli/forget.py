"""`bin/faceapp forget`."""

from tools.cli.people import forget as command

__all__ = ["command"]
