"""One line an event, `TYPE --- date --- request id --- message`, into LOG_LOC, rotated."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the current request; `-` outside of requests."""

_OURS = ("faceapp", "api", "bootstrap", "pipeline", "db", "security", "env_validator", "tools")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


class LineFormatter(logging.Formatter):
    """Formats a record as one line; line breaks in messages and tracebacks become ` | `."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        date = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return f"{record.levelname} --- {date} --- {REQUEST_ID.get()} --- {_BREAKS.sub(' | ', message)}"


def log_to(path: Path, max_bytes: int, keep: int) -> None:
    """Send the log of this project's modules to `path` from now on, and nowhere else.

    A file that reaches `max_bytes` is rotated; `keep` rotated files are kept.
    """
    handler = RotatingFileHandler(path, maxBytes=max_bytes, backupCount=keep, encoding="utf-8", delay=True)
    handler.setFormatter(LineFormatter())
    for name in _OURS:
        logger = logging.getLogger(name)
        for old in list(logger.handlers):
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
