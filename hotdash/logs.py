"""Logs: one line an event, readable on a terminal, JSON where a machine collects them."""

import logging
import sys

import kombu.exceptions
import redis.exceptions
import structlog
from django.core.exceptions import PermissionDenied

from integrations.redaction import redact

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """The last door: whatever a line says, no secret that a client has named leaves with it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class OneLine(logging.Filter):
    """What is no fault of the code needs no traceback: the broker away (Celery tries again and says so), and
    a page that somebody may not see."""

    EXPECTED = (redis.exceptions.ConnectionError, kombu.exceptions.OperationalError, PermissionDenied)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], self.EXPECTED):
            record.exc_info = record.exc_text = None
        return True


def configure(*, debug: bool) -> None:
    """Send structlog's and the standard library's lines through one handler to standard error."""
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(debug=debug))
    handler.addFilter(OneLine())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)  # a line for each "look now"
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
    logging.getLogger("celery.beat").setLevel(logging.WARNING)


def formatter(*, debug: bool) -> logging.Formatter:
    """Lines for people where `debug` is on, else JSON."""
    renderer: structlog.typing.Processor = (
        # No rich tracebacks: they print local variables, forms and settings among them.
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if debug
        else structlog.processors.JSONRenderer()
    )
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta
    ]
    if not debug:
        processors.append(structlog.processors.format_exc_info)
    return _Redacting(foreign_pre_chain=_SHARED, processors=[*processors, renderer])
