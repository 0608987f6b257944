"""What WeChat brings: its signature checked, its envelope opened, its meaning read, whatever junk comes with it."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final
from xml.parsers.expat import ExpatError

from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatException
from wechatpy.utils import WeChatSigner

from bot.channels.strangers import LONGEST_KEY, clean_text
from domain.codes import is_code
from domain.messages.allowances import MESSAGE, TAP
from handlers.routing import MAX_ACTION_BYTES, Incoming

CHANNEL: Final = "wechat"
FRESH_SECONDS: Final = 300
HELP: Final = "help"
START: Final = "start"
HOME: Final = "home"

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_@.-]{1,64}")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_TIMESTAMP: Final = re.compile(r"[0-9]{10}")
_ENCRYPTED: Final = re.compile(r"<Encrypt>\s*<!\[CDATA\[([A-Za-z0-9+/=]+)\]\]>\s*</Encrypt>")
_CDATA: Final = re.compile(r"<!\[CDATA\[.*?\]\]>", re.S)

# wechatpy tells of junk by whatever its inner parts raise, some of it only when a field is looked at.
_JUNK: Final = (
    WeChatException,
    ExpatError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
    struct.error,
)


class Forged(Exception):
    """Not from WeChat, or too old to be believed."""


class Malformed(Exception):
    """No message of WeChat's looks like this."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message or event. Without `incoming` there is nothing to answer; `left`: they do not follow us any more.

    `opens` is the window of the quota book that it opens; `consents` are the templates of subscription notices that
    the person agreed to once more (true) or refused (false); `mass` is how a mass message came out.
    """

    person: str
    account: str
    key: str
    incoming: Incoming | None = None
    left: bool = False
    opens: str | None = None
    consents: tuple[tuple[str, bool], ...] = ()
    mass: MassResult | None = None


@dataclass(frozen=True, slots=True)
class MassResult:
    """WeChat's report on a mass message: its own id of it, the result in its words, and how many got it."""

    platform_id: str
    status: str
    delivered: int


class Envelopes:
    """Knows the account's secrets: tells what is WeChat's, opens it, and closes our answers."""

    def __init__(self, *, token: str, aes_key: str | None, app_id: str) -> None:
        self._token = token
        self._crypto = WeChatCrypto(token, aes_key, app_id) if aes_key else None

    @property
    def encrypted(self) -> bool:
        return self._crypto is not None

    def check(self, query: Mapping[str, str], *, now: datetime) -> None:
        """Raise Forged unless the query is signed by WeChat, and lately.

        Time and nonce are only joined before they are signed: their shapes forbid to split them anew.
        """
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _DIGITS.fullmatch(nonce):
            raise Forged("timestamp or nonce is not one")
        if not _equal(query.get("signature", ""), self._sign(timestamp, nonce)):
            raise Forged("the signature is wrong")
        if abs(now.timestamp() - int(timestamp)) > FRESH_SECONDS:
            raise Forged("the signature is stale")

    def open(self, query: Mapping[str, str], body: bytes) -> str:
        """Return the XML inside a body whose query has been checked; raises Forged or Malformed."""
        xml = _plain_xml(body)
        if self._crypto is None:
            return xml
        secrets = _ENCRYPTED.findall(xml)
        if len(secrets) != 1:
            raise Malformed("there is not one encrypted message")
        [secret] = secrets
        timestamp, nonce = query["timestamp"], query["nonce"]
        signature = self._sign(timestamp, nonce, secret)
        if not _equal(query.get("msg_signature", ""), signature):
            raise Forged("the signature of the message is wrong")
        try:
            opened = self._crypto.decrypt_message({"Encrypt": secret}, signature, timestamp, nonce)
        except _JUNK as junk:
            raise Malformed(type(junk).__name__) from None
        return _plain_xml(opened.encode("utf-8", "surrogatepass"))

    def close(self, xml: str, query: Mapping[str, str], *, now: datetime) -> str:
        """Return our answer as WeChat wants it: encrypted, where its own messages are."""
        if self._crypto is None:
            return xml
        return str(self._crypto.encrypt_message(xml, query["nonce"], str(int(now.timestamp()))))

    def _sign(self, *parts: str) -> str:
        signer = WeChatSigner()
        signer.add_data(self._token, *parts)
        return str(signer.signature)


def read(xml: str) -> Letter:
    """Return what a message means to us; raises Malformed for one without sense."""
    try:
        message = parse_message(xml)
        data: Any = message._data
        person, account, kind = (_text(data, name) for name in ("FromUserName", "ToUserName", "MsgType"))
        if not _ACCOUNT.fullmatch(person) or not _ACCOUNT.fullmatch(account):
            raise Malformed("sender or account is no name of WeChat's")
        created = _text(data, "CreateTime")
        if not _DIGITS.fullmatch(created):
            raise Malformed("CreateTime is not a time")
        if kind.lower() == "event":
            return _event(data, person, account, created)
        number = _text(data, "MsgId")
        if not _DIGITS.fullmatch(number):
            raise Malformed("MsgId is not a number")
        key = f"{person}:{number}"
        # Whoever taps a link inside a text writes without writing: that counts as a tap.
        opens = TAP if data.get("bizmsgmenuid") is not None else MESSAGE
        return Letter(person, account, key, _written(data, kind.lower(), person, key), opens=opens)
    except _JUNK as junk:
        raise Malformed(type(junk).__name__) from None


def _written(data: Mapping[str, Any], kind: str, person: str, key: str) -> Incoming:
    """Words, spoken ones too where WeChat has understood them; anything else is answered with what we can do."""
    said = data.get("Content") if kind == "text" else data.get("Recognition") if kind == "voice" else None
    if said is not None and not isinstance(said, str):
        raise Malformed("there is more than one text")
    text = clean_text(said).strip()
    return Incoming(CHANNEL, account=person, update_key=key, text=text, action=None if text else HELP)


def _event(data: Mapping[str, Any], person: str, account: str, created: str) -> Letter:
    """A follow, a scan, a tap on the menu. Events know their second only: who, what and where tell them apart."""
    event = _text(data, "Event").lower()
    about, ticket = (_optional(data, name) for name in ("EventKey", "Ticket"))
    key = f"{person}:{created}:{event}:{about}:{ticket}"
    if len(key) > LONGEST_KEY:
        key = f"{person}:{created}:{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()}"
    letter = Letter(person, account, clean_text(key))

    def asks(action: str | None = None, code: str | None = None) -> Letter:
        incoming = Incoming(CHANNEL, account=person, update_key=letter.key, action=action, start_code=code)
        return replace(letter, incoming=incoming, opens=TAP)

    match event:
        case "subscribe" | "subscribe_scan" | "subscribe_scan_product":
            scene = about.removeprefix("qrscene_")
            return asks(code=scene) if is_code(scene) else asks(START)
        case "scan":
            return asks(code=about) if is_code(about) else asks(HOME)
        case "click":
            action = clean_text(about)
            return asks(action if 0 < len(action.encode()) <= MAX_ACTION_BYTES else HELP)
        case "unsubscribe":
            return replace(letter, left=True)
        case "subscribe_msg_popup_event" | "subscribe_msg_change_event":
            consents = _consents(data)
            # Two of them may come in one second: what was agreed to tells them apart.
            return replace(letter, consents=consents, key=f"{letter.key}{_mark(consents)}")
        case "masssendjobfinish":
            return replace(letter, mass=_mass(data))
    return letter


def _consents(data: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """What the person agreed to or refused; one entry comes bare, several as a list."""
    wrapped = data.get("SubscribeMsgPopupEvent") or data.get("SubscribeMsgChangeEvent") or {}
    entries = wrapped.get("List") or []
    found = [
        (str(entry["TemplateId"]), entry["SubscribeStatusString"] == "accept")
        for entry in (entries if isinstance(entries, list) else [entries])
        if entry.get("SubscribeStatusString") in ("accept", "reject")
    ]
    return tuple((template, agreed) for template, agreed in found if _ACCOUNT.fullmatch(template))


def _mark(consents: tuple[tuple[str, bool], ...]) -> str:
    return hashlib.sha256(repr(consents).encode()).hexdigest()[:12]


def _mass(data: Mapping[str, Any]) -> MassResult:
    number, sent = str(data.get("MsgID") or data.get("MsgId") or ""), str(data.get("SentCount") or "0")
    if not _DIGITS.fullmatch(number) or not _DIGITS.fullmatch(sent):
        raise Malformed("the report on a mass message has no number")
    return MassResult(number, clean_text(_optional(data, "Status"))[:100], int(sent))


def _plain_xml(body: bytes) -> str:
    """The body as text, if it declares nothing: no document type, no entities, no other encoding than UTF-8."""
    try:
        xml = body.decode()
    except UnicodeDecodeError:
        raise Malformed("it is not UTF-8") from None
    if "<!" in _CDATA.sub("", xml):
        raise Malformed("it declares a document type")
    return xml


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise Malformed(f"{name} is not one text")
    return value


def _optional(data: Mapping[str, Any], name: str) -> str:
    return "" if data.get(name) is None else _text(data, name)


def _equal(given: str, right: str) -> bool:
    return compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())
