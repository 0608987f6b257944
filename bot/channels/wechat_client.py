"""Talks to WeChat for the official account: sends what is not a direct reply, and says what became of it.

Direct replies cost nothing and do not come through here: they are the answers to WeChat's own calls.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import FormData

from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, SendFailed, Sent, Stop, Unknown
from bot.channels.outgoing import CONNECTIONS, NotSent, Timeouts, Unanswered, Wire

API_URL = "https://api.weixin.qq.com"
UNREACHABLE_RETRY_SECONDS = 5.0
BUSY_RETRY_SECONDS = 2.0
TOKEN_RETRY_SECONDS = 30.0
MINUTE_QUOTA_RETRY_SECONDS = 60.0
DAY_QUOTA_RETRY_SECONDS = 3600.0
TOO_OFTEN_RETRY_SECONDS = 6 * 3600.0
# WeChat drops repetitions of a template message for 10 minutes and of a mass message for 24 hours;
# a minute less is ours, because its clock starts before our answer is read.
TEMPLATE_REPEAT_SECONDS = 9 * 60
MASS_REPEAT_SECONDS = 24 * 3600 - 60
TOKEN_MARGIN_SECONDS = 240.0
TEMPORARY_QR_LIMIT_SECONDS = 30 * 24 * 3600
SCENE_LIMIT = 64

TOKEN_REFUSED = frozenset({40001, 40014, 42001})
ALREADY_SENT = 45065
OUTCOMES: Mapping[int, type[Closed | Dead | Stop]] = {
    45015: Closed,  # the customer-service window is shut
    45047: Closed,  # its messages are used up
    45028: Closed,  # no mass message left for this month
    48001: Closed,  # the account may not use this API
    43107: Closed,  # the account may send no subscription notices any more
    40003: Dead,  # no such recipient
    43004: Dead,  # does not follow
    43019: Dead,  # on the account's black list
    43101: Dead,  # refused our messages
    48002: Dead,  # switched our messages off
    48004: Stop,  # the API is blocked for misuse
    50002: Stop,  # the account is restricted
    40013: Stop,  # wrong app id
    40125: Stop,  # wrong app secret
    40164: Stop,  # our address is not on the account's white list
    41002: Stop,  # app id missing
    41004: Stop,  # app secret missing
    50007: Stop,  # the account is frozen
}
WAITS: Mapping[int, float] = {
    45009: DAY_QUOTA_RETRY_SECONDS,
    45011: MINUTE_QUOTA_RETRY_SECONDS,
}
ALERTS = frozenset({40037, 43107, 48001})  # a wrong template, a capability that is off: for an operator to put right
NOT_AGREED = 43101


@dataclass(frozen=True, slots=True)
class Article:
    """A picture-and-text card that leads to a page."""

    title: str
    description: str
    url: str
    picture_url: str


@dataclass(frozen=True, slots=True)
class QRCode:
    """A code that, scanned, brings people to the account with its scene; `url` is what to draw as a QR picture."""

    ticket: str
    url: str


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    use_until: float
    generation: int


class WeChatClient:
    """One official account. `send_…` return an Outcome; everything else raises SendFailed with one.

    It belongs to the event loop that first uses it; `await close()` at the end.
    """

    def __init__(
        self,
        *,
        app_id: str,
        app_secret: str,
        api_url: str = API_URL,
        timeouts: Timeouts | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self._app_id = app_id
        self._app_secret = app_secret
        self._api_url = api_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._wire = Wire(api_url, connections=connections)
        self._token: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None

    def __repr__(self) -> str:
        return "WeChatClient()"

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        await self._wire.close()

    # Messages

    async def send_text(self, openid: str, text: str, *, client_msg_id: str | None = None) -> Outcome:
        """Send a customer-service message: only inside the window that the person opened.

        WeChat keeps no idempotency key for these: an unknown fate stays unknown whatever `client_msg_id` says.
        """
        return await self._customer_message(openid, "text", {"content": text}, client_msg_id)

    async def send_image(self, openid: str, media_id: str, *, client_msg_id: str | None = None) -> Outcome:
        """Send a picture that `upload_image` has named, as a customer-service message."""
        return await self._customer_message(openid, "image", {"media_id": media_id}, client_msg_id)

    async def send_news(self, openid: str, article: Article, *, client_msg_id: str | None = None) -> Outcome:
        """Send one article card, as a customer-service message."""
        card = {"title": article.title, "description": article.description}
        card |= {"url": article.url, "picurl": article.picture_url}
        return await self._customer_message(openid, "news", {"articles": [card]}, client_msg_id)

    async def send_template(
        self,
        openid: str,
        template_id: str,
        fields: Mapping[str, str],
        *,
        url: str | None = None,
        client_msg_id: str | None = None,
    ) -> Outcome:
        """Send a template message, for what the person's own action brought about.

        With a `client_msg_id` an unknown fate may be repeated for nine minutes.
        """
        body: dict[str, Any] = {"touser": openid, "template_id": template_id}
        body["data"] = {name: {"value": value} for name, value in fields.items()}
        if url:
            body["url"] = url
        if client_msg_id:
            body["client_msg_id"] = client_msg_id
        return await self._send("message/template/send", body, TEMPLATE_REPEAT_SECONDS if client_msg_id else 0)

    async def send_subscription(self, openid: str, template_id: str, fields: Mapping[str, str]) -> Outcome:
        """Send the one subscription notice that the person agreed to; Closed if WeChat knows of no consent.

        There is no idempotency key for these.
        """
        body: dict[str, Any] = {"touser": openid, "template_id": template_id}
        body["data"] = {name: {"value": value} for name, value in fields.items()}
        outcome = await self._send("message/subscribe/bizsend", body, 0)
        if isinstance(outcome, Dead) and outcome.reason.startswith(str(NOT_AGREED)):
            return Closed(outcome.reason)  # elsewhere this code is about the person, here about this consent
        return outcome

    async def send_mass_text(self, openids: Sequence[str], text: str, *, client_msg_id: str | None = None) -> Outcome:
        """Send one text to 2 to 10,000 followers; each may get four such messages a month."""
        body: dict[str, Any] = {"touser": list(openids), "msgtype": "text", "text": {"content": text}}
        if client_msg_id:
            body["clientmsgid"] = client_msg_id
        return await self._send("message/mass/send", body, MASS_REPEAT_SECONDS if client_msg_id else 0)

    # The account

    async def upload_image(self, data: bytes, *, filename: str = "picture.jpg") -> str:
        """Return the media id of a JPEG or PNG; WeChat forgets it after three days."""

        def form() -> FormData:
            fields = FormData(default_to_multipart=True)
            kind = "image/png" if filename.endswith(".png") else "image/jpeg"
            fields.add_field("media", data, filename=filename, content_type=kind)
            return fields

        return _text(await self._call("media/upload", query={"type": "image"}, form=form), "media_id")

    async def create_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None:
        """Replace the account's menu by `buttons`, in WeChat's own form."""
        await self._call("menu/create", {"button": list(buttons)})

    async def create_qrcode(self, scene: str, *, expire_seconds: int | None = None) -> QRCode:
        """Return a code with this scene, permanent unless `expire_seconds` is given (30 days at most).

        An account has 100,000 permanent codes for ever.
        """
        if not 1 <= len(scene) <= SCENE_LIMIT:
            raise ValueError(f"a scene has 1 to {SCENE_LIMIT} characters")
        kind = "QR_LIMIT_STR_SCENE" if expire_seconds is None else "QR_STR_SCENE"
        body: dict[str, Any] = {"action_name": kind, "action_info": {"scene": {"scene_str": scene}}}
        if expire_seconds is not None:
            body["expire_seconds"] = min(expire_seconds, TEMPORARY_QR_LIMIT_SECONDS)
        answer = await self._call("qrcode/create", body)
        return QRCode(_text(answer, "ticket"), _text(answer, "url"))

    async def user_info(self, openid: str) -> dict[str, Any]:
        """Return what WeChat tells about a person; `subscribe` is 0 for somebody who does not follow."""
        return await self._call("user/info", query={"openid": openid, "lang": "zh_CN"}, method="GET")

    # One call

    async def _customer_message(self, openid: str, kind: str, content: Any, client_msg_id: str | None) -> Outcome:
        body: dict[str, Any] = {"touser": openid, "msgtype": kind, kind: content}
        if client_msg_id:
            body["client_msg_id"] = client_msg_id
        return await self._send("message/custom/send", body, 0)

    async def _send(self, path: str, body: Mapping[str, Any], repeat_within_seconds: int) -> Outcome:
        try:
            answer = await self._call(path, body)
        except SendFailed as failure:
            match failure.outcome:
                case Unknown(reason=reason):
                    return Unknown(reason, repeat_within_seconds)
                case outcome:
                    return outcome
        if "errcode" not in answer:
            return Unknown("WeChat's answer does not say whether it was sent", repeat_within_seconds)
        message_id = answer.get("msgid", answer.get("msg_id"))
        return Sent(None if message_id is None else str(message_id))

    async def _call(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        form: Any = None,
        method: str = "POST",
    ) -> dict[str, Any]:
        """Return WeChat's answer. A refused token is renewed and the call repeated once, never more."""

        async def once(token: _Token) -> dict[str, Any]:
            request: dict[str, Any] = {}
            if form is not None:
                request["data"] = form()
            elif body is not None:
                request = _json(body)
            address = {"access_token": token.value, **(query or {})}
            return await self._exchange(method, path, params=address, **request)

        token = await self._valid_token()
        answer = await once(token)
        if _code(answer) in TOKEN_REFUSED:
            answer = await once(await self._renewed(token))
        code = _code(answer)
        if code not in (0, ALREADY_SENT):
            raise SendFailed(classify(code, self._clean(answer.get("errmsg"))))
        return answer

    async def _exchange(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            status, body = await self._wire.call(
                method, f"{self._api_url}/cgi-bin/{path}", limits=self._timeouts, **request
            )
        except NotSent as failure:
            _fail(Retry(UNREACHABLE_RETRY_SECONDS, "account", f"WeChat cannot be reached: {failure}"))
        except Unanswered as failure:
            _fail(Unknown(f"WeChat did not answer: {failure}"))
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            _fail(Unknown(f"WeChat's answer cannot be read (status {status})"))
        if status >= 300 and not _code(answer):
            _fail(Unknown(f"WeChat's answer contradicts itself (status {status})"))
        return answer

    # The access token

    async def _valid_token(self) -> _Token:
        token = self._token
        if token is not None and asyncio.get_running_loop().time() < token.use_until:
            return token
        return await self._fetched()

    async def _renewed(self, refused: _Token) -> _Token:
        """Return a token newer than the refused one, fetched once however many calls were refused together."""
        token = self._token
        if token is not None and token.generation > refused.generation:
            return token
        return await self._fetched()

    async def _fetched(self) -> _Token:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        # Shielded: the one who asked first may give up, the others still wait for the same answer.
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> _Token:
        body = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._app_secret}
        asked_at = asyncio.get_running_loop().time()
        try:
            answer = await self._exchange("POST", "stable_token", **_json(body))
            if code := _code(answer):
                reason = self._clean(answer.get("errmsg"))
                _fail(Stop(_reason(code, reason)) if code in TOKEN_REFUSED else classify(code, reason))
            value = _text(answer, "access_token")
        except SendFailed as failure:
            # Without a token no message left, so nothing about it is unknown.
            if isinstance(failure.outcome, Unknown):
                _fail(Retry(UNREACHABLE_RETRY_SECONDS, "account", f"no access token: {failure.outcome.reason}"))
            raise
        life = answer.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) else 0.0
        generation = self._token.generation + 1 if self._token else 1
        self._token = _Token(value, asked_at + seconds - min(TOKEN_MARGIN_SECONDS, seconds / 10), generation)
        return self._token

    def _clean(self, errmsg: object) -> str:
        words = str(errmsg)[:200]
        for secret in (self._app_secret, self._token.value if self._token else ""):
            if secret:
                words = words.replace(secret, "***")
        return words


def classify(code: int, errmsg: str) -> Outcome:
    """Return what to do after WeChat answered with this error code."""
    reason = _reason(code, errmsg)
    if code == ALREADY_SENT:
        return Sent(None)
    if code in WAITS:
        return Retry(WAITS[code], "account", reason)
    if code in TOKEN_REFUSED:
        return Retry(TOKEN_RETRY_SECONDS, "account", reason)
    if code == -1:
        return Retry(BUSY_RETRY_SECONDS, "recipient", reason)
    if code == 43108:  # two subscription notices to one person at once
        return Retry(BUSY_RETRY_SECONDS, "recipient", reason)
    if code == 43117:
        return Retry(TOO_OFTEN_RETRY_SECONDS, "recipient", reason)
    kind = OUTCOMES.get(code)
    if kind is Closed:
        return Closed(reason, alert=code in ALERTS)
    if kind is not None:
        return kind(reason)
    return Refused(reason, alert=code in ALERTS)


def _reason(code: int, errmsg: str) -> str:
    return f"{code} {errmsg}"


def _code(answer: Mapping[str, Any]) -> int:
    code = answer.get("errcode", 0)
    if not isinstance(code, int):
        _fail(Unknown("WeChat's error code cannot be read"))
    return code


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        _fail(Unknown(f"WeChat's answer has no {name}"))
    return value


def _json(body: Mapping[str, Any]) -> dict[str, Any]:
    # WeChat shows \uXXXX escapes to people as they are in some places.
    try:
        data = json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _fail(Refused("the text contains characters that are not Unicode"))
    return {"data": data, "headers": {"Content-Type": "application/json"}}


def _fail(outcome: Outcome) -> NoReturn:
    raise SendFailed(outcome) from None
