"""Which language a page is read in: the one asked for, the one chosen before, the browser's, or the house's."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from bot.rendering import LOCALES, choose_locale

SHOP_LANGUAGE: Final = "shop_language"
CHAT_LANGUAGE: Final = "fenxiao-language"


def accepted(request: web.Request) -> list[str]:
    """Return the languages that the browser asks for, the dearest first."""
    return [part.split(";")[0].strip() for part in request.headers.get(hdrs.ACCEPT_LANGUAGE, "").split(",")]


def locale_of(request: web.Request, default: str) -> str:
    """Return the reader's language where nothing is known but the request; each cookie is sent to its own pages."""
    asked = request.query.get("lang")
    kept = [request.cookies.get(name) for name in (SHOP_LANGUAGE, CHAT_LANGUAGE)]
    return choose_locale(asked if asked in LOCALES else None, *kept, *accepted(request), default)
