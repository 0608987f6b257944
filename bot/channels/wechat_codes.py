"""QR codes that lead into the account with somebody's invitation: on posters that are made on WeChat."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog

from bot.channels.outcomes import Closed, SendFailed
from bot.channels.parts import Parts
from bot.channels.wechat_client import WeChatClient
from bot.channels.wechat_push import Capabilities
from bot.channels.wechat_routes import QRCODE
from bot.rendering import Rendered
from domain.mall import scene_codes
from domain.mall.scene_codes import LIFE, Scene
from domain.periods import local_date
from domain.wording import words

log = structlog.get_logger()

INVITE_POSTER = "invite_poster"


class Codes:
    def __init__(self, parts: Parts, client: WeChatClient, able: Capabilities, *, account: str) -> None:
        self._parts = parts
        self._client = client
        self._able = able
        self._account = account

    async def on_poster(self, rendered: Rendered) -> Rendered:
        """Have an invite poster lead into this account, and say how long; where WeChat makes no code it leads to our
        own page as on other channels."""
        picture = rendered.picture
        if picture is None or picture.kind != INVITE_POSTER:
            return rendered
        code, permanent = str(picture.params.get("link", "")), bool(picture.params.get("permanent"))
        scene = await self._scene(code, permanent=permanent)
        if scene is None:
            return rendered
        drawn = replace(picture, params={**picture.params, "scan": scene.url})
        return replace(rendered, picture=drawn, text=f"{rendered.text}\n{self._life(scene, rendered.locale)}")

    def _life(self, scene: Scene, locale: str) -> str:
        if scene.expires_at is None:
            return self._parts.texts.say(words("wechat.code_for_ever"), locale)
        day = local_date(scene.expires_at, self._parts.shop.timezone)
        return self._parts.texts.say(words("wechat.code_until", day=day), locale)

    async def _scene(self, code: str, *, permanent: bool) -> Scene | None:
        now, database = self._parts.clock(), self._parts.database
        kept = await database.read(
            partial(scene_codes.find, account=self._account, code=code, permanent=permanent, now=now)
        )
        if kept is not None or QRCODE not in self._able.now:
            return kept
        for_ever = permanent and await database.read(partial(scene_codes.may_be_permanent, account=self._account))
        seconds = None if for_ever else int(LIFE.total_seconds())
        try:
            made = await self._client.create_qrcode(code, expire_seconds=seconds)
        except SendFailed as failure:
            log.warning("wechat.no_code", reason=str(failure))
            if isinstance(failure.outcome, Closed) and failure.outcome.alert:
                await self._able.refused(QRCODE, failure.outcome.reason)
            return None
        scene = Scene(made.url, None if for_ever else now + LIFE)
        await database.write(partial(scene_codes.keep, account=self._account, code=code, scene=scene))
        await self._able.proved(QRCODE)
        return scene
