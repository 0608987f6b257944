"""Pictures, styles and scripts of our pages: read once, and kept by browsers until they really change."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from bot.web import problems

FOLDER: Final = Path(__file__).parent / "static"
FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2"}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    version: str


class StaticFiles:
    """Serves what lies in `folder` under `/static`; only what was there at start can be asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }

    def url(self, name: str) -> str:
        """Return the address of a file, which changes whenever the file does; KeyError for one that is not there."""
        return f"/static/{name}?v={self._files[name].version}"

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.get("/static/{name:.+}", self.serve)]

    async def serve(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise problems.not_found()
        tag = f'"{file.version}"'
        current = request.query.get("v") == file.version
        headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: FOR_EVER if current else "no-cache"}
        if tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=headers)
        headers[hdrs.CONTENT_TYPE] = file.content_type
        return web.Response(body=file.body, headers=headers)


def _read(path: Path) -> _File:
    body = path.read_bytes()
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = guessed.startswith("text/") or guessed.endswith(("json", "+xml"))
    return _File(
        body, f"{guessed}; charset=utf-8" if text else guessed, hashlib.blake2b(body, digest_size=6).hexdigest()
    )
