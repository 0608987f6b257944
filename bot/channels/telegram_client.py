"""Talks to Telegram: carries the bot's calls there and says what became of each.

`telegram.Bot` builds the calls and reads the answers; this module carries them over aiohttp and keeps apart what
python-telegram-bot mixes up: a message that surely was not sent, and one that nobody knows about.
"""

import json
import logging
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import FormData
from telegram import Bot, InlineKeyboardMarkup, Message
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import BaseRequest, RequestData

from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, Sent, Stop, Unknown
from bot.channels.outgoing import ANSWER_LIMIT_BYTES, CONNECTIONS, NotSent, Timeouts, Unanswered, Wire

API_URL = "https://api.telegram.org"
UNREACHABLE_RETRY_SECONDS = 5.0
SERVER_ERROR_RETRY_SECONDS = 2.0
CONFLICT_RETRY_SECONDS = 5.0
ANSWER_SECONDS = 10.0  # beyond the time that Telegram was asked to wait for updates
FLOOD_WAIT_SECONDS = 5.0  # where a 429 does not say
# Telegram serves files of up to 20 MB to bots.
FILE_LIMIT_BYTES = 21 * 1024 * 1024

# What Telegram says in a 400 when the recipient is the problem and not the message.
NOBODY_THERE = ("chat not found", "user not found", "peer_id_invalid", "user_deactivated", "input_user_deactivated")
NOTHING_TO_EDIT = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
    "there is no caption in the message to edit",
    "message identifier is not specified",
)


class Unreachable(NetworkError):
    """No connection to Telegram: the call was surely not carried out."""

    __slots__ = ()


class NoAnswer(NetworkError):
    """The call left us, and what came back (nothing, half an answer, a web page) does not say what became of it."""

    __slots__ = ()


class ServerError(NetworkError):
    """Telegram itself answered, in its own form, that it failed (5xx)."""

    __slots__ = ("status",)

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FloodWait(RetryAfter):
    """Telegram asks to wait (429). Made here, because the library's own class warns at each use of its figure."""

    __slots__ = ("after_seconds",)

    def __init__(self, after_seconds: float) -> None:
        TelegramError.__init__(self, f"Telegram asks to wait {after_seconds:g} s")
        self._retry_after = timedelta(seconds=after_seconds)
        self.after_seconds = after_seconds


class AiohttpRequest(BaseRequest):
    """Carries python-telegram-bot's requests over one pool of aiohttp connections."""

    __slots__ = ("_timeouts", "_wire")

    def __init__(
        self, api_url: str = API_URL, *, timeouts: Timeouts | None = None, connections: int = CONNECTIONS
    ) -> None:
        self._wire = Wire(api_url, connections=connections)
        self._timeouts = timeouts or Timeouts()

    @property
    def read_timeout(self) -> float | None:
        return self._timeouts.answer

    async def initialize(self) -> None:
        """Do nothing: connections are opened by the first call."""

    async def shutdown(self) -> None:
        await self._wire.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = BaseRequest.DEFAULT_NONE,
        write_timeout: object = BaseRequest.DEFAULT_NONE,
        connect_timeout: object = BaseRequest.DEFAULT_NONE,
        pool_timeout: object = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Return the status as Telegram means it and the body.

        Raises Unreachable, NoAnswer, ServerError, FloodWait or BadRequest (a text that is not Unicode), none of
        which names the URL.
        """
        own = self._timeouts
        limits = Timeouts(
            connect=_seconds(connect_timeout, own.connect),
            upload=_seconds(write_timeout, own.upload),
            answer=_seconds(read_timeout, own.answer),
        )
        is_call = method == "POST"
        try:
            status, body = await self._wire.call(
                method,
                url,
                limits=limits,
                limit_bytes=ANSWER_LIMIT_BYTES if is_call else FILE_LIMIT_BYTES,
                **_encoded(request_data),
            )
        except UnicodeEncodeError:
            raise BadRequest("the text contains characters that are not Unicode") from None
        except NotSent as failure:
            raise Unreachable(f"Telegram cannot be reached: {failure}") from None
        except Unanswered as failure:
            raise NoAnswer(f"Telegram did not answer: {failure}") from None
        return _judge(status, body) if is_call else (status, body)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return Telegram's answer; raises NoAnswer, without repeating the body, for anything that is not one."""
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise NoAnswer("Telegram's answer cannot be read")
        return answer


class Prepared(RequestData):  # type: ignore[misc]  # the library means it to be filled by its own methods
    """A call whose parameters are JSON already."""

    __slots__ = ("body",)

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self.body = json.dumps(parameters, ensure_ascii=False)


class TelegramBot(Bot):
    """`telegram.Bot` that keeps its token to itself. Usable at once: `initialize()` only adds a `getMe`."""

    __slots__ = ()

    # The library's own logger writes the token and people's messages at DEBUG.
    _LOGGER = logging.getLogger(f"{__name__}.calls")
    _LOGGER.setLevel(logging.WARNING)

    def __repr__(self) -> str:
        return "TelegramBot()"

    async def initialize(self) -> None:
        try:
            await super().initialize()
        except InvalidToken:
            raise InvalidToken("Telegram refuses the bot's token") from None

    async def raw_updates(self, offset: int, *, allowed: list[str], wait_seconds: int) -> list[Any]:
        """Return the updates from `offset` on as Telegram sent them, waiting up to `wait_seconds` for the first."""
        asked = {"offset": offset, "timeout": wait_seconds, "allowed_updates": allowed}
        updates = await self._post("getUpdates", asked, read_timeout=wait_seconds + ANSWER_SECONDS)
        if not isinstance(updates, list):
            raise NoAnswer("Telegram's answer is no list of updates")
        return updates

    async def send_text(self, chat: int | str, text: str, keyboard: InlineKeyboardMarkup | None = None) -> Sent:
        """Send plain text without a preview of its links, raising what `send_message` raises.

        Nine in ten messages are of this kind. The library's own method makes a `Message` with 45 fields of each answer
        and copies all parameters five times over: measured, that is half of what sending costs.
        """
        parameters: dict[str, Any] = {"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": True}}
        if keyboard is not None:
            parameters["reply_markup"] = keyboard.to_dict()
        result = await self.request.post(f"{self.base_url}/sendMessage", Prepared(parameters))
        number = result.get("message_id") if isinstance(result, dict) else None
        return Sent(None if number is None else str(number))

    async def shutdown(self) -> None:
        """Close all connections, whether `initialize()` was called or not."""
        await super().shutdown()
        for request in self._request:
            await request.shutdown()


def make_bot(
    token: str, *, api_url: str = API_URL, timeouts: Timeouts | None = None, connections: int = CONNECTIONS
) -> TelegramBot:
    """Return a bot whose calls go to `{api_url}/bot{token}/…`; `await bot.shutdown()` closes its connections.

    Long polling has a connection of its own, so that waiting for updates never delays a message.
    """
    api_url = api_url.rstrip("/")
    return TelegramBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=AiohttpRequest(api_url, timeouts=timeouts, connections=connections),
        get_updates_request=AiohttpRequest(api_url, timeouts=timeouts, connections=1),
    )


async def attempt(call: Awaitable[Message | Sent | bool]) -> Outcome:
    """Await one call of the bot, for example `bot.send_message(…)`, and return what became of it."""
    try:
        result = await call
    except TelegramError as failure:
        return classify(failure)
    if isinstance(result, Sent):
        return result
    return Sent(str(result.message_id) if isinstance(result, Message) else None)


def classify(failure: TelegramError) -> Outcome:
    """Return what to do after `failure`, for any error that the bot's methods raise."""
    reason = failure.message[:200]
    match failure:
        case FloodWait():
            return Retry(failure.after_seconds, "account", reason, asked=True)
        case ChatMigrated():
            return Dead(reason, moved_to=str(failure.new_chat_id))
        case InvalidToken():
            return Stop(reason)
        case Forbidden():
            return Dead(reason)
        case Conflict():
            return Retry(CONFLICT_RETRY_SECONDS, "account", reason)
        case BadRequest():
            return _classify_bad_request(reason)
        case Unreachable():
            return Retry(UNREACHABLE_RETRY_SECONDS, "account", reason)
        case ServerError() if _surely_failed(failure):
            return Retry(SERVER_ERROR_RETRY_SECONDS, "recipient", reason)
        case _:
            return Unknown(reason)


def nothing_to_edit(outcome: Outcome) -> bool:
    """Tell whether an edit failed because the old message is gone or of another kind: then send a new one."""
    return isinstance(outcome, Closed)


def _classify_bad_request(reason: str) -> Outcome:
    words = reason.lower()
    if "message is not modified" in words:
        return Sent(None)
    if any(sign in words for sign in NOTHING_TO_EDIT):
        return Closed(reason)
    if any(sign in words for sign in NOBODY_THERE):
        return Dead(reason)
    return Refused(reason)


def _surely_failed(failure: ServerError) -> bool:
    """Tell whether Telegram's own word "it failed" can be taken for "it was not sent".

    A gateway (502, 503, 504) does not know what happened behind it, and Telegram's server says 500 also when it is
    restarted in the middle of a call and when a message that it did send was deleted at once.
    """
    words = failure.message.lower()
    return failure.status == 500 and not any(sign in words for sign in ("restart", "aborted", "deleted"))


def _judge(status: int, body: bytes) -> tuple[int, bytes]:
    """Return the answer with the status that its content claims: a 200 may carry an error, an error a web page."""
    if 200 <= status <= 299 and body.startswith(b'{"ok":true,"result":'):
        return status, body
    try:
        answer = AiohttpRequest.parse_json_payload(body)
    except NoAnswer:
        if status == 429:
            raise FloodWait(FLOOD_WAIT_SECONDS) from None
        raise NoAnswer(f"Telegram's answer cannot be read (status {status})") from None
    if answer.get("ok") is True and "result" in answer and 200 <= status <= 299:
        return status, body
    code = answer.get("error_code")
    meant = code if isinstance(code, int) and 400 <= code <= 599 else status
    if answer.get("ok") is not False or meant < 400:
        raise NoAnswer(f"Telegram's answer contradicts itself (status {status})")
    if meant == 429:
        raise FloodWait(_wait_seconds(answer))
    if meant >= 500:
        raise ServerError(meant, str(answer.get("description") or f"Telegram answers {meant}"))
    return meant, body


def _wait_seconds(answer: dict[str, Any]) -> float:
    parameters = answer.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return max(float(wait), 1.0) if isinstance(wait, int | float) else FLOOD_WAIT_SECONDS


def _encoded(request_data: RequestData | None) -> dict[str, Any]:
    """Return body and headers; raises UnicodeEncodeError for text that cannot be sent, before anything is sent."""
    headers = {"User-Agent": BaseRequest.USER_AGENT}
    if request_data is None:
        return {"headers": headers}
    if isinstance(request_data, Prepared):
        headers["Content-Type"] = "application/json"
        return {"data": request_data.body.encode(), "headers": headers}
    if not request_data.contains_files:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return {"data": request_data.url_encoded_parameters().encode(), "headers": headers}
    form = FormData(default_to_multipart=True)
    for name, value in request_data.json_parameters.items():
        value.encode()
        form.add_field(name, value)
    for name, (filename, content, content_type) in request_data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=content_type)
    return {"data": form, "headers": headers}


def _seconds(given: object, default: float) -> float:
    return float(given) if isinstance(given, int | float) else default
