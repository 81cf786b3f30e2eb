"""The exit codes of every command (docs/commands.md)."""

from typing import Final

DONE: Final = 0
"""Done; the person is accepted, the photos show one person, somebody was found."""
NO: Final = 1
"""The answer is no: not accepted, nobody found, a check that failed."""
FAILED: Final = 2
"""Nothing was done: wrong arguments or settings, or the server refused."""
LATER: Final = 3
"""The server is not reachable or busy: the same command can succeed later."""
INTERRUPTED: Final = 130
"""Ended by Ctrl-C."""
