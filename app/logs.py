"""Structured logs on stderr: one JSON object on each line, or colours on a terminal."""

import logging
import sys

import structlog

from app.settings import Server


class PoolFilter(logging.Filter):
    """Turns errors of SQLAlchemy's pool about dead connections into warnings without a traceback.
    The statement that used the connection fails or is repeated, and is logged itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("sqlalchemy.pool") and record.exc_info:
            record.msg = f"{record.getMessage()}: {record.exc_info[1]!r}"
            record.args = record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def configure_logs(server: Server) -> None:
    """Configures the whole process. uvicorn logs only warnings; RequestLogMiddleware replaces its
    request lines, which would contain query strings."""
    is_json = server.log_format == "json" or (
        server.log_format == "auto" and not sys.stderr.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info
            if is_json
            else structlog.processors.StackInfoRenderer(),
            structlog.processors.JSONRenderer()
            if is_json
            else structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default one prints local variables, such as passwords and tokens.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ],
    )
    _omit_origins()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(PoolFilter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("app").setLevel(server.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *(p for p in shared if not isinstance(p, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _omit_origins() -> None:
    """No line shows where in the program it was written, nor by which thread and process. To find
    that out takes a quarter of the time of a line, and there is one for each request."""
    logging._srcfile = None  # noqa: SLF001 - as the standard library's HOWTO says
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
