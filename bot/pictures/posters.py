"""Posters to pass on: one picture with the product, its price, who recommends it and a QR code to buy."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, replace
from io import BytesIO

from PIL import Image

from bot.pictures import invite_layout
from bot.pictures import poster_layout as layout
from bot.pictures.poster_specs import InvitePosterSpec, PosterSpec

__all__ = ["InvitePosterSpec", "PosterSpec", "TemplateCache", "invite_poster", "poster_key", "product_poster"]

TEMPLATE_BYTES = 48 * 1024 * 1024  # about sixteen poster backgrounds
_LAYOUT = "1"  # raised when the drawing changes, so that stored posters are made anew


def product_poster(spec: PosterSpec) -> bytes:
    """Return the poster as JPEG, 750 × 1334 pixels and below 1 MB.

    Raises ValueError when the link cannot be a QR code.
    """
    shared = replace(spec, link="", code="", name="", invitation="")
    template = _templates.get(poster_key(shared), lambda: layout.product_background(shared))
    return _personal(template, spec)


def invite_poster(spec: InvitePosterSpec) -> bytes:
    """Return the invitation as JPEG, 750 × 1334 pixels and below 1 MB.

    Raises ValueError when the link cannot be a QR code.
    """
    shared = replace(spec, link="", code="", name="", invitation="")
    template = _templates.get(poster_key(shared), lambda: invite_layout.invite_background(shared))
    return _personal(template, spec)


def poster_key(spec: PosterSpec | InvitePosterSpec) -> str:
    """Return a name for the poster's content: equal for equal posters, different as soon as anything on it changes."""
    digest = hashlib.sha256(f"{type(spec).__name__} {_LAYOUT}".encode())
    for field in fields(spec):
        value = getattr(spec, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            raw = b"" if part is None else part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
            digest.update(f"|{field.name} {len(raw)}:".encode())
            digest.update(raw)
    return digest.hexdigest()


class TemplateCache:
    """Poster backgrounds by their content; the ones unused for longest go when `limit` bytes are exceeded."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Image.Image] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes_held(self) -> int:
        return self._bytes

    def get(self, key: str, make: Callable[[], Image.Image]) -> Image.Image:
        """Return the picture kept under `key`, made now if need be; whoever draws on it copies it first."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()  # outside the lock: two threads may make the same one, which only costs time
        with self._lock:
            if key not in self._held:
                self._held[key] = made
                self._bytes += _size(made)
            while self._bytes > self._limit and len(self._held) > 1:
                self._bytes -= _size(self._held.popitem(last=False)[1])
            return made


_templates = TemplateCache(TEMPLATE_BYTES)


def _size(picture: Image.Image) -> int:
    return picture.width * picture.height * len(picture.getbands())


def _personal(template: Image.Image, spec: PosterSpec | InvitePosterSpec) -> bytes:
    """Return a copy of `template` with what differs from person to person."""
    poster = template.copy()
    layout.draw_person(poster, name=spec.name, invitation=spec.invitation, code=spec.code, link=spec.link)
    out = BytesIO()
    poster.save(out, "JPEG", quality=85)
    return out.getvalue()
