"""Pictures on WeChat: uploaded for an answer, or shown behind a link that only we can have made."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from bot.channels.outcomes import SendFailed
from bot.channels.painting import Painted
from bot.channels.parts import Parts
from bot.channels.wechat_client import WeChatClient
from domain import wording
from domain.errors import NotFound
from domain.messages import platform_files
from handlers.routing import Picture

log = structlog.get_logger()

MEDIA_LIFE: Final = timedelta(days=3, hours=-1)  # WeChat forgets an upload after three days
LINK_LIFE: Final = timedelta(days=3)
LONGEST_LINK: Final = 4000
LONGEST_CLAIM: Final = 16_384


class Pictures:
    def __init__(self, parts: Parts, client: WeChatClient, *, account: str, secret: str) -> None:
        self._painter = parts.painter
        self._database = parts.database
        self._client = client
        self._account = account
        self._secret = hashlib.sha256(f"pictures:{secret}".encode()).digest()
        self._public_url = parts.settings.public_url.rstrip("/")
        self._clock = parts.clock

    async def upload(self, picture: Picture, locale: str, contact_id: int) -> str:
        """Return the media id of the picture; raises NotFound or SendFailed."""
        painted = await self._painter.paint(picture, locale, contact_id)
        now = self._clock()
        known = await self._database.read(
            partial(platform_files.get, account=self._account, content_key=painted.key, now=now)
        )
        if known is not None:
            return known
        media_id = await self._client.upload_image(painted.data, filename=painted.filename)
        keep = partial(platform_files.put, account=self._account, content_key=painted.key, file_id=media_id)
        await self._database.write(partial(keep, expires_at=now + MEDIA_LIFE))
        return media_id

    def link(self, picture: Picture, locale: str, contact_id: int) -> str:
        """Return an address that shows this picture to whoever has it, for three days."""
        until = int((self._clock() + LINK_LIFE).timestamp()) // 3600  # the same link within the hour
        claim = [picture.kind, wording.to_json(picture.params), locale, contact_id, until]
        packed = zlib.compress(json.dumps(claim, ensure_ascii=False, separators=(",", ":")).encode(), 9)
        return f"{self._public_url}/wechat/pictures/{_armoured(packed)}.{self._seal(packed)}"

    async def behind(self, link: str) -> Painted:
        """Return the picture of a link made by `link`; NotFound for any other, and for one whose time is over."""
        armoured, _, seal = link.partition(".")
        if len(link) > LONGEST_LINK:
            raise NotFound()
        try:
            packed = base64.urlsafe_b64decode(armoured + "=" * (-len(armoured) % 4))
        except (binascii.Error, ValueError):
            raise NotFound() from None
        if not hmac.compare_digest(seal.encode("utf-8", "surrogateescape"), self._seal(packed).encode()):
            raise NotFound()
        claim: Any = json.loads(zlib.decompressobj().decompress(packed, LONGEST_CLAIM))
        kind, params, locale, contact_id, until = claim
        if until * 3600 < self._clock().timestamp():
            raise NotFound()
        return await self._painter.paint(Picture(kind, wording.from_json(params)), locale, contact_id)

    async def try_upload(self, picture: Picture, locale: str, contact_id: int) -> str | None:
        """The media id, or None where the picture cannot be had or WeChat does not take it."""
        try:
            return await self.upload(picture, locale, contact_id)
        except (NotFound, SendFailed) as failure:
            log.warning("wechat.picture_not_sent", kind=picture.kind, reason=str(failure))
        except Exception:
            log.exception("wechat.picture_failed", kind=picture.kind)
        return None

    def _seal(self, packed: bytes) -> str:
        return _armoured(hmac.digest(self._secret, packed, "sha256")[:12])


def _armoured(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
