"""How WeChat writes to an official account's server and how strictly it reads the answer.

Written from WeChat's documentation alone, so that it checks the product's own reading of it.
"""

import base64
import hashlib
import re
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from wechatpy.crypto.cryptography import WeChatCipher  # AES-CBC and nothing else of that library

BLOCK_BYTES = 32
TEXT_LIMIT_BYTES = 2048
OUT_OF_SERVICE = "该公众号提供的服务出现故障，请稍后再试"
PLAIN_FIELDS = {"CreateTime", "ArticleCount", "TimeStamp"}
CHOICE = re.compile(r"^\s*[\[【(（]?\s*(\d{1,3})\s*[\]】)）]?\s*[.、:：．)）]?\s*(\S.*)$")
LINK = re.compile(r'<a\s+href="([^"]*)"[^>]*>(.*?)</a>', re.S)
MENU_LINK = re.compile(r"weixin://bizmsgmenu\?msgmenucontent=([^&]*)&(?:amp;)?msgmenuid=(.*)")


class BadAnswer(AssertionError):
    """The bot's answer is one for which WeChat would show an error to the person."""


@dataclass
class Answer:
    """What the person's phone shows as the direct reply; kind "nothing" for `success` or an empty body."""

    kind: str
    text: str = ""
    picture: bytes | None = None
    media_id: str = ""
    articles: list[dict[str, str]] = field(default_factory=list)
    raw: bytes = b""

    @property
    def choices(self) -> dict[str, str]:
        """The numbered lines of the text: number → what it stands for."""
        found = (CHOICE.match(plain(line)) for line in self.text.splitlines())
        return {match[1]: match[2].strip() for match in found if match}

    @property
    def links(self) -> dict[str, str]:
        """The links in the text: what is tapped → where it leads."""
        return {plain(label).strip(): href for href, label in LINK.findall(self.text)}


def plain(text: str) -> str:
    """Return the text without its link tags, as it is seen."""
    return LINK.sub(lambda match: match[2], text)


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def to_xml(fields: dict[str, Any]) -> bytes:
    """Write a message as WeChat does: numbers bare, everything else in CDATA."""
    lines = []
    for name, value in fields.items():
        if isinstance(value, dict):
            inner = to_xml(value).decode().removeprefix("<xml>").removesuffix("</xml>")
            lines.append(f"<{name}>{inner}</{name}>")
        elif isinstance(value, list):
            lines += [to_xml({name: one}).decode().removeprefix("<xml>").removesuffix("</xml>") for one in value]
        elif isinstance(value, int):
            lines.append(f"<{name}>{value}</{name}>")
        else:
            lines.append(f"<{name}><![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>")
    return ("<xml>" + "\n".join(lines) + "</xml>").encode()


def encrypt(message: bytes, aes_key: str, app_id: str) -> str:
    key = base64.b64decode(aes_key + "=")
    whole = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + app_id.encode()
    pad = BLOCK_BYTES - len(whole) % BLOCK_BYTES
    return base64.b64encode(WeChatCipher(key).encrypt(whole + bytes([pad]) * pad)).decode()


def decrypt(secret: str, aes_key: str, app_id: str) -> bytes:
    key = base64.b64decode(aes_key + "=")
    try:
        whole: bytes = WeChatCipher(key).decrypt(base64.b64decode(secret, validate=True))
        length = struct.unpack(">I", whole[16:20])[0]
    except (ValueError, struct.error) as broken:
        raise BadAnswer(f"the encrypted answer cannot be decrypted: {broken}") from broken
    whole = whole[: len(whole) - whole[-1]]
    if whole[20 + length :].decode(errors="replace") != app_id:
        raise BadAnswer("the encrypted answer names another app id")
    return whole[20 : 20 + length]


def read_encrypted(body: bytes, *, token: str, aes_key: str, app_id: str) -> bytes:
    """Return the answer inside an encrypted one, its signature checked."""
    if body.strip() in (b"", b"success"):
        return body
    fields = read_xml(body)
    missing = {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} - fields.keys()
    if missing:
        raise BadAnswer(f"in AES mode the answer must be encrypted; it lacks {sorted(missing)}:\n{body.decode()}")
    if sign(token, fields["TimeStamp"], fields["Nonce"], fields["Encrypt"]) != fields["MsgSignature"]:
        raise BadAnswer("the signature of the encrypted answer is wrong")
    return decrypt(fields["Encrypt"], aes_key, app_id)


def read_xml(body: bytes) -> dict[str, Any]:
    """Return the fields of an answer; refuses broken XML, a DOCTYPE, repeated fields and strings outside CDATA."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartCdataSectionHandler = reader.cdata_begins
    parser.EndCdataSectionHandler = reader.cdata_ends
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(body.strip(), True)
    except expat.ExpatError as broken:
        raise BadAnswer(f"the answer is not well-formed XML ({broken}):\n{body.decode(errors='replace')}") from broken
    return reader.root


class _Reader:
    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._path: list[str] = []
        self._open: list[dict[str, Any]] = []
        self._text = ""
        self._in_cdata = False

    def start(self, name: str, _: object) -> None:
        if not self._path and name != "xml":
            raise BadAnswer(f"the answer's root is <{name}>, not <xml>")
        self._open.append({})
        self._path.append(name)
        self._text = ""

    def end(self, name: str) -> None:
        inner = self._open.pop()
        self._path.pop()
        if not self._path:
            self.root = inner
            return
        parent = self._open[-1]
        if name == "item":
            parent.setdefault("item", []).append(inner)
        elif name in parent:
            raise BadAnswer(f"the answer has <{name}> twice")
        else:
            parent[name] = inner or self._text
        self._text = ""

    def text(self, data: str) -> None:
        name = self._path[-1]
        if not self._in_cdata and data.strip() and name not in PLAIN_FIELDS:
            raise BadAnswer(f"<{name}> is not wholly inside CDATA: {data!r} stands outside")
        self._text += data if self._in_cdata or name in PLAIN_FIELDS else ""

    def cdata_begins(self) -> None:
        self._in_cdata = True

    def cdata_ends(self) -> None:
        self._in_cdata = False

    def doctype(self, *_: object) -> None:
        raise BadAnswer("the answer has a DOCTYPE")


def read_answer(body: bytes, *, person: str, account: str) -> Answer:
    """Return the direct reply, or raise BadAnswer for what WeChat would not show."""
    if body.strip() in (b"", b"success"):
        return Answer("nothing", raw=body)
    fields = read_xml(body)
    kind = fields.get("MsgType", "")
    if fields.get("ToUserName") != person or fields.get("FromUserName") != account:
        raise BadAnswer(f"the answer must go from {account} to {person}:\n{body.decode()}")
    if not str(fields.get("CreateTime", "")).strip().isdigit():
        raise BadAnswer(f"the answer has no CreateTime:\n{body.decode()}")
    if kind == "text":
        text = str(fields.get("Content") or "")
        if not text.strip():
            raise BadAnswer("the answer's text is empty")
        if len(text.encode()) > TEXT_LIMIT_BYTES:
            raise BadAnswer(f"the answer's text has {len(text.encode())} bytes, above {TEXT_LIMIT_BYTES}:\n{text}")
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text):
            raise BadAnswer(f"the answer's text has control characters: {text!r}")
        return Answer("text", text, raw=body)
    if kind == "image":
        media_id = str((fields.get("Image") or {}).get("MediaId") or "")
        if not media_id:
            raise BadAnswer("the answer's image has no MediaId")
        return Answer("image", media_id=media_id, raw=body)
    if kind == "news":
        articles = (fields.get("Articles") or {}).get("item", [])
        if str(fields.get("ArticleCount")).strip() != "1" or len(articles) != 1:
            raise BadAnswer("a direct reply carries exactly one article")
        for name in ("Title", "Description", "PicUrl", "Url"):
            if name not in articles[0]:
                raise BadAnswer(f"the article has no {name}")
        words = f"{articles[0]['Title']}\n{articles[0]['Description']}"
        cards = [{name: str(value or "") for name, value in article.items()} for article in articles]
        return Answer("news", words, articles=cards, raw=body)
    raise BadAnswer(f"the fake WeChat does not know answers of type {kind!r}")
