"""The log: one line per event, as JSON for machines or coloured for people, and never a secret in it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"
SHORTEST_SECRET = 6  # a shorter one would blot out ordinary words

# Libraries that tell every request with its whole address, and tokens stand in addresses.
TALKATIVE = (
    "aiohttp",
    "apscheduler",
    "asyncio",
    "httpcore",
    "httpx",
    "matplotlib",
    "PIL",
    "procrastinate",
    "telegram",
    "wechatpy",
)

SECRET_KEY = re.compile(
    r"(?i)(^|_)(token|secret|secrets|password|passwd|authorization|cookie|openid|unionid|api_?key|aes_?key|session_?key)$"
)
_NAMED = (
    r"(?:access_|refresh_|stable_)?token|(?:app_?|client_?)?secret|openid|unionid|password"
    r"|(?:api|aes|encodingaes)_?key|session_?key|(?:msg_)?signature|auth_?code"
)
_SECRETS_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bot)?\d{3,}:[A-Za-z0-9_-]{20,}"), rf"\1{HIDDEN}"),
    (re.compile(r"/bot\d+:[A-Za-z0-9_-]+"), f"/bot{HIDDEN}"),
    (re.compile(r"whsec_[A-Za-z0-9+/=_-]+"), f"whsec_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)\b({_NAMED})(=|%3D)[^&\s'\"]+"), rf"\1\2{HIDDEN}"),
    (re.compile(rf"(?i)(['\"](?:{_NAMED}|authorization)['\"]\s*:\s*)(['\"])(?:(?!\2).)*\2"), rf"\1\2{HIDDEN}\2"),
    (re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+(?=@)"), rf"\1:{HIDDEN}"),
    (re.compile(r"\bo[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])"), f"o{HIDDEN}"),  # the shape of a WeChat openid
)


def configure_logging(json: bool | None = None, level: str = "info", *, secrets: Iterable[str] = ()) -> None:
    """Send structlog's events and the standard library's records to standard error, redacted alike.

    `json` None means JSON unless standard error is a terminal. `secrets` are values to take out wherever they
    appear, whatever their shape. May be called again; the last call counts.
    """
    if json is None:
        json = not sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        Redactor(secrets),
    ]
    if json:
        last += [_event_first, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
    else:
        last += [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _event_first(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    leading = ("timestamp", "level", "event")
    return {**{key: event[key] for key in leading if key in event}, **event}


class Redactor:
    """Takes secrets out of all that a log line shows: its event, its values at any depth, its traceback."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        longest_first = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {key: self._value(key, value) for key, value in event.items()}

    def _value(self, key: str, value: Any) -> Any:
        if value is not None and not isinstance(value, bool) and SECRET_KEY.search(key):
            return HIDDEN
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {name: self._value(str(name), inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", inner) for inner in value]
        return self.text(value if isinstance(value, str) else str(value))

    def text(self, text: str) -> str:
        """`text` without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _SECRETS_IN_TEXT:
            text = pattern.sub(instead, text)
        return text
