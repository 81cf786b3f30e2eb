"""One line an event, `TYPE --- date --- request id --- message` or JSON, into LOG_LOC, rotated."""

import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the current request; `start` and `maintenance` for the server's own work, `-` for anything else."""

_OURS = ("faceapp", "api", "bootstrap", "pipeline", "db", "security", "env_validator", "tools")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


class LineFormatter(logging.Formatter):
    """Formats a record as one line; line breaks in messages and tracebacks become ` | `."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        return f"{record.levelname} --- {_date(record)} --- {REQUEST_ID.get()} --- {_BREAKS.sub(' | ', message)}"


def _date(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "level": record.levelname,
            "time": _date(record),
            "request_id": REQUEST_ID.get(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


FORMATTERS: Mapping[str, type[logging.Formatter]] = {"text": LineFormatter, "json": JsonFormatter}
"""By the value of LOG_FORMAT."""


def log_to(path: Path, max_bytes: int, keep: int, form: str = "text") -> None:
    """Send the log of this project's modules to `path` from now on, and nowhere else; `form` is a LOG_FORMAT.

    A file that reaches `max_bytes` is rotated; `keep` rotated files are kept.
    """
    handler = RotatingFileHandler(path, maxBytes=max_bytes, backupCount=keep, encoding="utf-8", delay=True)
    handler.setFormatter(FORMATTERS[form]())
    for name in _OURS:
        logger = logging.getLogger(name)
        for old in list(logger.handlers):
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
